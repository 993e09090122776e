//! A body of several files and the fields beside them: what a job is made of.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt};
use huemill_actors::fault::Fault;
use huemill_actors::intake::Admission;
use huemill_store::Spool;
use sha2::{Digest, Sha256};

use super::json::{self, Member, Members};
use super::multipart::{self, MAX_OTHERS, Parts, invalid, twice};
use super::{FileDigest, Form, Sink, Wanted, broken, declared, filename, form, raw, too_large, unspooled};
use crate::http::doors::Doors;

/// Most bytes of a text field.
const MAX_TEXT: usize = 4 * 1024;

/// Most bytes of a form behind its last part.
const MAX_EPILOGUE: usize = 64 * 1024;

/// What a route takes: one file, or many of another field, or a list of addresses, and fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes {
    /// The single file.
    pub one: Wanted,
    /// The multipart field that may come repeatedly.
    pub many: &'static str,
    /// The most bytes of each of them; all together may be as long as the single file.
    pub many_limit: u64,
    /// The JSON member that is a list of texts.
    pub list: &'static str,
    /// Most files, or elements of the list.
    pub most: usize,
    /// Fields and members that are texts.
    pub texts: &'static [&'static str],
}

/// A received file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// As its sender names it.
    pub name: Option<String>,
    /// Its bytes.
    pub spool: Spool,
    /// SHA-256 of them.
    pub digest: FileDigest,
}

/// What was sent.
pub(crate) enum Sent {
    /// The single file.
    One(File),
    /// Files of the field that may come repeatedly: one at least.
    Many(Vec<File>),
    /// The list's elements: one at least.
    List(Vec<String>),
}

/// A received body, and the admission that lasts as long as work on it does.
pub(crate) struct Parcel {
    /// The files.
    pub sent: Sent,
    /// The texts, each name once.
    pub texts: Vec<(&'static str, String)>,
    _admission: Admission,
}

impl Takes {
    fn text(&self, name: &str) -> Option<&'static str> {
        self.texts.iter().copied().find(|text| *text == name)
    }

    fn too_many(&self, what: &str) -> Fault {
        invalid(format!("There are more than {} {what}: send fewer.", self.most))
    }
}

/// Receives what `takes` describes.
///
/// # Errors
/// What the client is told: refused before the body is read where that can be known, else while it comes.
pub(crate) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    doors: &Doors,
    takes: &Takes,
) -> Result<Parcel, Fault> {
    let form = form(request, &takes.one)?;
    let declared = declared(request);
    if declared == Some(0) {
        return Err(takes.one.nothing());
    }
    let most = form.most(takes.one.limit)
        + if matches!(form, Form::Multipart) { takes.most as u64 * 1024 } else { 0 };
    if declared.is_some_and(|bytes| bytes > most) {
        return Err(takes.one.too_large());
    }
    let mut admission = doors.admit(declared, most, true).await?;
    let (sent, texts) = match form {
        Form::Multipart => of_form(request, payload, doors, takes).await?,
        Form::Json => of_json(payload, doors, takes).await?,
        Form::Raw => {
            let sink = Sink::hashed(doors, takes.one.limit, takes.one.limit);
            let (spool, digest) = raw(payload, sink).await?.finish_hashed().await?;
            (Sent::One(File { name: None, spool, digest }), Vec::new())
        }
    };
    admission.settle(weigh(&sent, takes)?);
    Ok(Parcel { sent, texts, _admission: admission })
}

/// Bytes of all files; nothing in any of them is nothing sent.
fn weigh(sent: &Sent, takes: &Takes) -> Result<u64, Fault> {
    let bytes = match sent {
        Sent::One(file) => file.spool.len(),
        Sent::Many(files) => files.iter().map(|file| file.spool.len()).sum(),
        Sent::List(list) if list.is_empty() => 0,
        Sent::List(_) => return Ok(0),
    };
    if bytes == 0 { Err(takes.one.nothing()) } else { Ok(bytes) }
}

type Contents = (Sent, Vec<(&'static str, String)>);

async fn of_form(
    request: &HttpRequest,
    payload: Payload,
    doors: &Doors,
    takes: &Takes,
) -> Result<Contents, Fault> {
    let body = Shared(Rc::new(RefCell::new(payload)));
    let mut parts = Parts::new(request, body.clone(), takes.most + 1 + MAX_OTHERS);
    let mut found = Found { one: None, many: Vec::new(), texts: Vec::new(), room: takes.one.limit };
    while let Some((name, part)) = parts.next().await? {
        if name == takes.one.field || name == takes.many {
            let filename = filename::of(&part)?;
            let sink = found.sink(&name, doors, takes)?;
            let (spool, digest) = multipart::fill(part, sink).await?.finish_hashed().await?;
            found.file(&name, File { name: filename, spool, digest }, takes);
        } else if let Some(name) = takes.text(&name) {
            if found.texts.iter().any(|(known, _)| *known == name) {
                return Err(twice(name));
            }
            found.texts.push((name, multipart::text(part, name, MAX_TEXT).await?));
        } else {
            multipart::pass(part).await?;
        }
    }
    drain(body).await?;
    found.contents(takes)
}

/// Reads what lies behind the form, since a signature is over all of the body.
async fn drain(mut body: Shared) -> Result<(), Fault> {
    let mut size = 0;
    while let Some(chunk) = body.next().await {
        size += chunk.map_err(broken)?.len();
        if size > MAX_EPILOGUE {
            return Err(invalid("The form goes on behind its end."));
        }
    }
    Ok(())
}

/// What a form was found to hold so far.
struct Found {
    one: Option<File>,
    many: Vec<File>,
    texts: Vec<(&'static str, String)>,
    room: u64,
}

impl Found {
    /// Where the next file of this field goes.
    fn sink(&self, name: &str, doors: &Doors, takes: &Takes) -> Result<Sink, Fault> {
        let (single, limit) = (name == takes.one.field, takes.one.limit);
        if single && self.one.is_some() {
            return Err(twice(name));
        }
        if !single && self.many.len() == takes.most {
            return Err(takes.too_many("pictures"));
        }
        if self.room == 0 {
            return Err(too_large(limit));
        }
        let most = if single { limit } else { takes.many_limit };
        let told = if most <= self.room { most } else { limit };
        Ok(Sink::hashed(doors, most.min(self.room), told))
    }

    fn file(&mut self, name: &str, file: File, takes: &Takes) {
        self.room -= file.spool.len().min(self.room);
        if name == takes.one.field {
            self.one = Some(file);
        } else if !file.spool.is_empty() || file.name.is_some() {
            // Browsers send a field without a file as one without a name.
            self.many.push(file);
        }
    }

    fn contents(self, takes: &Takes) -> Result<Contents, Fault> {
        let one = self.one.filter(|file| !file.spool.is_empty());
        let sent = match (one, self.many) {
            (Some(file), many) if many.is_empty() => Sent::One(file),
            (None, many) if !many.is_empty() => Sent::Many(many),
            (None, _) => return Err(takes.one.nothing()),
            (Some(_), _) => {
                let (one, many) = (takes.one.field, takes.many);
                return Err(invalid(format!("The form has both {one} and {many}: send one of them.")));
            }
        };
        Ok((sent, self.texts))
    }
}

async fn of_json(payload: Payload, doors: &Doors, takes: &Takes) -> Result<Contents, Fault> {
    let (takes, room) = (*takes, doors.spool.clone());
    json::whole(payload, doors, takes.one.limit, move |body| {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(takes.one.nothing());
        }
        let mut names = vec![takes.one.member, takes.list];
        names.extend_from_slice(takes.texts);
        let mut members = Members::read(body, &names)?;
        let sent = match (members.take(takes.one.member), members.take(takes.list)) {
            (Some(Member::Text(text)), None) => {
                let bytes = json::file(&text, &takes.one)?;
                let digest = Sha256::digest(&bytes).into();
                let spool = Spool::from_bytes(&room, bytes).map_err(unspooled)?;
                Sent::One(File { name: None, spool, digest })
            }
            (None, Some(Member::List(list))) if list.len() > takes.most => {
                return Err(takes.too_many(takes.list));
            }
            (None, Some(Member::List(list))) => Sent::List(list),
            (None, None) => return Err(takes.one.nothing()),
            _ => return Err(mistyped(&takes)),
        };
        Ok((sent, texts(&mut members, &takes)?))
    })
    .await
}

fn mistyped(takes: &Takes) -> Fault {
    let (one, list) = (takes.one.member, takes.list);
    invalid(format!("Send either \"{one}\", a base64 text, or \"{list}\", a list of texts."))
}

fn texts(members: &mut Members<'_>, takes: &Takes) -> Result<Vec<(&'static str, String)>, Fault> {
    let mut texts = Vec::new();
    for name in takes.texts {
        match members.take(name) {
            None => {}
            Some(Member::Text(text)) if text.len() <= MAX_TEXT => texts.push((*name, text.into_owned())),
            Some(Member::Number(number)) => texts.push((*name, number)),
            Some(_) => return Err(invalid(format!("{name} has the wrong type or is too long."))),
        }
    }
    Ok(texts)
}

/// A body that the form's reader and we take from.
#[derive(Clone)]
struct Shared(Rc<RefCell<Payload>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next_unpin(task)
    }
}
