//! Receives what a job is made of: one ZIP, several pictures or a list of URLs, and the text fields beside them.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::intake::Admission;
use huemill_store::{Spool, SpoolRoom};
use sha2::{Digest, Sha256};

use super::filename;
use super::json::{self, JsonValue, Members};
use super::multipart::{self, FormParts, MAX_OTHER_PARTS};
use super::sink::{FileDigest, SpoolSink};
use super::spec::{BodyForm, UploadSpec};
use super::texts::Texts;
use crate::http::context;
use crate::http::problem::{broken_body, given_twice, invalid, spool_failed, too_large};
use crate::http::state::Uploads;

/// Maximum size of a form's data after its last part.
const MAX_EPILOGUE: usize = 64 * 1024;

/// Bytes that a form may have in addition for each file.
const PART_OVERHEAD: u64 = 1024;

/// What a route accepts: one file, or several files of another field, or a list of URLs, and text fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobUploadSpec {
    /// The single file.
    pub single: UploadSpec,
    /// The multipart field that may be repeated.
    pub repeated: &'static str,
    /// Maximum size of each repeated file. All together may be as large as the single file.
    pub repeated_limit: u64,
    /// The JSON member that is a list of texts.
    pub list: &'static str,
    /// Maximum number of repeated files.
    pub max_count: usize,
    /// Maximum number of elements in the list.
    pub max_list: usize,
}

/// A received file.
#[derive(Debug, Clone)]
pub(crate) struct UploadedFile {
    /// The client's name for it.
    pub name: Option<String>,
    /// Its bytes.
    pub spool: Spool,
    /// SHA-256 of its bytes.
    pub digest: FileDigest,
}

/// The files or URLs of a job.
pub(crate) enum JobInput {
    /// The single file.
    Single(UploadedFile),
    /// The files of the repeated field: one at least.
    Files(Vec<UploadedFile>),
    /// The elements of the list: one at least.
    List(Vec<String>),
}

/// A received body, and the admission that lasts as long as it is worked on.
pub(crate) struct JobUpload {
    /// The files or URLs.
    pub input: JobInput,
    /// The text fields.
    pub texts: Texts,
    _admission: Option<Admission>,
}

impl JobUploadSpec {
    fn max_body(&self, form: BodyForm) -> u64 {
        let parts = if form == BodyForm::Multipart { self.max_count as u64 * PART_OVERHEAD } else { 0 };
        form.max_body(self.single.limit) + parts
    }
}

/// Receives what `spec` describes.
///
/// # Errors
/// The fault for the client, before the body is read if possible.
pub(crate) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    uploads: &Uploads,
    spec: &JobUploadSpec,
) -> Result<JobUpload, Fault> {
    let form = spec.single.form_of(request)?;
    let max = spec.max_body(form);
    let declared = spec.single.check_length(request, max)?;
    let context = context::of(request);
    uploads.admit(&context, declared, max, true).await?;
    let (input, texts) = match form {
        BodyForm::Multipart => from_form(request, payload, &uploads.spool, spec).await?,
        BodyForm::Json => from_json(payload, uploads, spec).await?,
        BodyForm::Raw => {
            let sink = SpoolSink::hashed(&uploads.spool, spec.single.limit, spec.single.limit);
            let (spool, digest) = sink.write_all(payload).await?.finish_hashed().await?;
            (JobInput::Single(UploadedFile { name: None, spool, digest }), Texts::default())
        }
    };
    let bytes = total_bytes(&input, spec)?;
    let mut admission = context.take_admission();
    if let Some(admission) = &mut admission {
        admission.settle(bytes)?;
    }
    Ok(JobUpload { input, texts, _admission: admission })
}

/// The size of all files. If all are empty, nothing was sent.
fn total_bytes(input: &JobInput, spec: &JobUploadSpec) -> Result<u64, Fault> {
    let bytes = match input {
        JobInput::Single(file) => file.spool.len(),
        JobInput::Files(files) => files.iter().map(|file| file.spool.len()).sum(),
        JobInput::List(list) if list.is_empty() => 0,
        JobInput::List(_) => return Ok(0),
    };
    if bytes == 0 { Err(spec.single.nothing_sent()) } else { Ok(bytes) }
}

async fn from_form(
    request: &HttpRequest,
    payload: Payload,
    room: &SpoolRoom,
    spec: &JobUploadSpec,
) -> Result<(JobInput, Texts), Fault> {
    let body = SharedPayload(Rc::new(RefCell::new(payload)));
    let max_bytes = spec.max_body(BodyForm::Multipart);
    let mut parts = FormParts::new(request, body.clone(), spec.max_count + 1 + MAX_OTHER_PARTS, max_bytes)?;
    let mut content = FormContent {
        single: None,
        files: Vec::new(),
        texts: Texts::default(),
        remaining: spec.single.limit,
    };
    while let Some((name, part)) = parts.next().await? {
        if name == spec.single.field || name == spec.repeated {
            let filename = filename::of(&part)?;
            let sink = content.next_sink(&name, filename.is_some(), room, spec)?;
            let (spool, digest) = multipart::copy(part, sink).await?.finish_hashed().await?;
            content.add_file(&name, UploadedFile { name: filename, spool, digest }, spec)?;
        } else if let Some(name) = spec.single.texts.iter().find(|text| **text == name) {
            content.texts.add(name, multipart::read_text(part, name).await?)?;
        } else {
            parts.skip(part, &name, spec.single.texts).await?;
        }
    }
    read_epilogue(body).await?;
    content.into_input(spec)
}

/// Reads the data after the form's last part, because a signature covers the whole body.
async fn read_epilogue(mut body: SharedPayload) -> Result<(), Fault> {
    let mut size = 0;
    while let Some(chunk) = body.next().await {
        size += chunk.map_err(broken_body)?.len();
        if size > MAX_EPILOGUE {
            return Err(invalid("The form continues after its end."));
        }
    }
    Ok(())
}

/// What was found in a form so far.
struct FormContent {
    single: Option<UploadedFile>,
    files: Vec<UploadedFile>,
    texts: Texts,
    /// Bytes that further files may have.
    remaining: u64,
}

impl FormContent {
    /// The sink for the next file of this field.
    fn next_sink(
        &self,
        name: &str,
        has_filename: bool,
        room: &SpoolRoom,
        spec: &JobUploadSpec,
    ) -> Result<SpoolSink, Fault> {
        let (is_single, limit) = (name == spec.single.field, spec.single.limit);
        if is_single && has_filename && self.single.is_some() {
            return Err(given_twice(name));
        }
        if !is_single && self.files.len() == spec.max_count {
            return Err(too_many(spec.max_count, "pictures"));
        }
        if self.remaining == 0 {
            return Err(too_large(limit, None));
        }
        let max = if is_single { limit } else { spec.repeated_limit };
        let named_limit = if max <= self.remaining { max } else { limit };
        Ok(SpoolSink::hashed(room, max.min(self.remaining), named_limit))
    }

    fn add_file(&mut self, name: &str, file: UploadedFile, spec: &JobUploadSpec) -> Result<(), Fault> {
        self.remaining -= file.spool.len().min(self.remaining);
        if file.spool.is_empty() && file.name.is_none() {
            // For a file field without a file, browsers send an empty file without a name.
        } else if name != spec.single.field {
            self.files.push(file);
        } else if self.single.replace(file).is_some() {
            return Err(given_twice(name));
        }
        Ok(())
    }

    fn into_input(self, spec: &JobUploadSpec) -> Result<(JobInput, Texts), Fault> {
        let single = self.single.filter(|file| !file.spool.is_empty());
        let input = match (single, self.files) {
            (Some(file), files) if files.is_empty() => JobInput::Single(file),
            (None, files) if !files.is_empty() => JobInput::Files(files),
            (None, _) => return Err(spec.single.nothing_sent()),
            (Some(_), _) => {
                let (single, repeated) = (spec.single.field, spec.repeated);
                return Err(invalid(format!("The form has both {single} and {repeated}. Send one of them.")));
            }
        };
        Ok((input, self.texts))
    }
}

async fn from_json(
    payload: Payload,
    uploads: &Uploads,
    spec: &JobUploadSpec,
) -> Result<(JobInput, Texts), Fault> {
    let (spec, room) = (*spec, uploads.spool.clone());
    json::receive_body(payload, uploads, spec.single.limit, move |body| {
        if json::is_blank(body) {
            return Err(spec.single.nothing_sent());
        }
        let mut names = vec![spec.single.member, spec.list];
        names.extend_from_slice(spec.single.texts);
        let mut members = Members::parse(body, &names)?;
        members.refuse_misspelt(spec.single.texts)?;
        let input = match (members.take(spec.single.member), members.take(spec.list)) {
            (Some(JsonValue::Text(text)), None) => {
                let bytes = json::decode_file(&text, &spec.single)?;
                let digest = Sha256::digest(&bytes).into();
                let spool = Spool::from_bytes(&room, bytes).map_err(spool_failed)?;
                JobInput::Single(UploadedFile { name: None, spool, digest })
            }
            (None, Some(JsonValue::List(list))) if list.len() > spec.max_list => {
                return Err(too_many(spec.max_list, spec.list));
            }
            (None, Some(JsonValue::List(list))) => JobInput::List(list),
            (None, None) => return Err(spec.single.nothing_sent()),
            _ => return Err(wrong_members(&spec)),
        };
        Ok((input, json::take_texts(&mut members, spec.single.texts)?))
    })
    .await
}

fn wrong_members(spec: &JobUploadSpec) -> Fault {
    let (single, list) = (spec.single.member, spec.list);
    invalid(format!("Send either `{single}`, a base64 text, or `{list}`, a list of texts."))
}

fn too_many(max: usize, what: &str) -> Fault {
    Fault::new(Code::InvalidInput)
        .with_message(format!("You sent too many at once. The maximum is {max}."))
        .with_detail(format!("There are more than {max} {what}. Send fewer."))
}

/// A body that the form's parser and this module both read.
#[derive(Clone)]
struct SharedPayload(Rc<RefCell<Payload>>);

impl Stream for SharedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next_unpin(task)
    }
}
