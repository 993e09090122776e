//! A request's body into the spool: admitted before it is read, in whichever of three forms it comes
//! (multipart fields, JSON with base64, raw), never whole in memory unless it is small or JSON.
//! [`receive`] takes a single file, or what a URL leads to, [`parcel::receive`] files and the fields beside them.

mod base64_text;
mod filename;
mod json;
mod multipart;
pub(crate) mod parcel;
pub(crate) mod url;

use std::io::ErrorKind;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::mime::{self, Mime};
use actix_web::web::{Bytes, Payload};
use futures_util::StreamExt;
use huemill_actors::clock::Instant as Deadline;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::intake::Admission;
use huemill_store::{Spool, SpoolWriter};
use sha2::{Digest, Sha256};

use super::doors::Doors;

/// Bytes that a multipart body may have beside the file itself.
const MULTIPART_OVERHEAD: u64 = 256 * 1024;

/// Most bytes of a body that nobody asked for.
const MAX_UNASKED: u64 = 64 * 1024;

/// What a route takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The multipart field.
    pub field: &'static str,
    /// The JSON member.
    pub member: &'static str,
    /// The JSON member that names a URL instead, where one is taken.
    pub url: Option<&'static str>,
    /// Whether a raw body of this media type is taken.
    pub raw: fn(&Mime) -> bool,
    /// The most bytes of the file.
    pub limit: u64,
    /// What a user is told who sends nothing.
    pub nothing: &'static str,
    /// What the content type may be, for who sends another.
    pub types: &'static str,
}

/// Said of what is longer than `limit` bytes.
fn too_large(limit: u64) -> Fault {
    let limit = limit as f64 / 1e6;
    Fault::new(Code::PayloadTooLarge).with_message(format!(
        "This is larger than {limit} MB, the most that is taken here. Send something smaller."
    ))
}

impl Wanted {
    fn too_large(&self) -> Fault {
        too_large(self.limit)
    }

    fn nothing(&self) -> Fault {
        Fault::new(Code::NoInput).with_message(self.nothing)
    }
}

/// A received file, and the admission that lasts as long as work on it does.
pub(crate) struct Upload {
    /// The file's bytes.
    pub spool: Spool,
    /// When the request's time is over: it began when the body was there.
    pub deadline: Deadline,
    _admission: Admission,
}

/// What a body was found to hold.
enum Held {
    File(Spool),
    Url(String),
}

/// How the body is written.
enum Form {
    Multipart,
    Json,
    Raw,
}

impl Form {
    /// The most bytes of a body that holds a file of `limit` bytes.
    fn most(&self, limit: u64) -> u64 {
        match self {
            Self::Multipart => limit.saturating_add(MULTIPART_OVERHEAD),
            Self::Json => json::most(limit),
            Self::Raw => limit,
        }
    }
}

/// Receives the file that `wanted` describes.
///
/// # Errors
/// What the client is told: refused before the body is read where that can be known, else while it comes.
pub(crate) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    doors: &Doors,
    wanted: &Wanted,
) -> Result<Upload, Fault> {
    let form = form(request, wanted)?;
    let declared = declared(request);
    if declared == Some(0) {
        return Err(wanted.nothing());
    }
    let most = form.most(wanted.limit);
    if declared.is_some_and(|bytes| bytes > most) {
        return Err(wanted.too_large());
    }
    let mut admission = doors.admit(declared, most, false).await?;
    let held = match form {
        Form::Multipart => Held::File(multipart::receive(request, payload, doors, wanted).await?),
        Form::Json => json::receive(payload, doors, wanted).await?,
        Form::Raw => {
            let sink = Sink::new(doors, wanted.limit, wanted.limit);
            Held::File(raw(payload, sink).await?.finish().await?)
        }
    };
    let deadline = doors.deadline();
    match held {
        Held::File(spool) if spool.is_empty() => Err(wanted.nothing()),
        Held::File(spool) => {
            admission.settle(spool.len());
            Ok(Upload { spool, deadline, _admission: admission })
        }
        Held::Url(text) => {
            drop(admission);
            url::fetch(request, doors, text, Some(deadline)).await
        }
    }
}

/// The form that the content type names.
fn form(request: &HttpRequest, wanted: &Wanted) -> Result<Form, Fault> {
    let Some(header) = request.headers().get(header::CONTENT_TYPE) else {
        return match declared(request) {
            Some(0) => Err(wanted.nothing()),
            None if !request.headers().contains_key(header::TRANSFER_ENCODING) => Err(wanted.nothing()),
            _ => Err(other_type(wanted)),
        };
    };
    let kind: Mime =
        header.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| other_type(wanted))?;
    match (kind.type_(), kind.subtype()) {
        (mime::MULTIPART, mime::FORM_DATA) => Ok(Form::Multipart),
        (mime::APPLICATION, mime::JSON) => Ok(Form::Json),
        _ if (wanted.raw)(&kind) => Ok(Form::Raw),
        _ => Err(other_type(wanted)),
    }
}

fn other_type(wanted: &Wanted) -> Fault {
    Fault::new(Code::UnsupportedMediaType).with_message(format!("The Content-Type must be {}.", wanted.types))
}

/// The body's length, where the client says it: none for a chunked body.
fn declared(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn raw(mut payload: Payload, mut sink: Sink) -> Result<Sink, Fault> {
    while let Some(chunk) = payload.next().await {
        sink.take(chunk.map_err(broken)?).await?;
    }
    Ok(sink)
}

/// A spool writer that knows its limit.
struct Sink {
    writer: SpoolWriter,
    most: u64,
    limit: u64,
    hasher: Option<Sha256>,
}

/// SHA-256 of a file.
type FileDigest = [u8; 32];

impl Sink {
    /// For `most` bytes; who sends more is told of `limit`.
    fn new(doors: &Doors, most: u64, limit: u64) -> Self {
        Self { writer: doors.spool.writer(), most, limit, hasher: None }
    }

    /// The same, which hashes what it takes.
    fn hashed(doors: &Doors, most: u64, limit: u64) -> Self {
        Self { hasher: Some(Sha256::new()), ..Self::new(doors, most, limit) }
    }

    async fn take(&mut self, chunk: Bytes) -> Result<(), Fault> {
        if self.writer.len() + chunk.len() as u64 > self.most {
            return Err(too_large(self.limit));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        self.writer.write(chunk).await.map_err(unspooled)
    }

    async fn finish(self) -> Result<Spool, Fault> {
        self.writer.finish().await.map_err(unspooled)
    }

    async fn finish_hashed(self) -> Result<(Spool, FileDigest), Fault> {
        let digest = self.hasher.map(|hasher| hasher.finalize().into()).unwrap_or_default();
        Ok((self.writer.finish().await.map_err(unspooled)?, digest))
    }
}

/// Reads past a body that nobody asked for, as far as it is short.
pub(crate) async fn drain(mut payload: Payload) -> Result<(), Fault> {
    let mut size = 0;
    while let Some(chunk) = payload.next().await {
        size += chunk.map_err(broken)?.len() as u64;
        if size > MAX_UNASKED {
            return Err(Fault::new(Code::PayloadTooLarge)
                .with_message("This takes no body. Send the request without one."));
        }
    }
    Ok(())
}

/// A spool that could not be written: a disk that is full or away is a matter of time, everything else is ours.
pub(crate) fn unspooled(error: std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem => {
            let mut fault = Fault::new(Code::Overloaded).with_cause(error);
            fault.retry_after = Some(Duration::from_secs(30));
            fault
        }
        _ => Fault::new(Code::InternalError).with_cause(error),
    }
}

/// A body that ended too early or was not HTTP. One that came too slowly is told apart by the middleware.
fn broken(error: PayloadError) -> Fault {
    match error {
        PayloadError::Overflow => Code::PayloadTooLarge.into(),
        other => Fault::new(Code::InvalidInput)
            .with_message("The request's body ended early. Send it again.")
            .with_cause(other),
    }
}
