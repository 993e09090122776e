//! `multipart/form-data` (RFC 7578): wanted fields are spooled, small others are read past.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_store::Spool;

use super::{Sink, Wanted, broken, filename};
use crate::http::doors::Doors;

/// Most parts of a body beside the files.
pub(super) const MAX_OTHERS: usize = 31;

/// Most bytes of a part that nobody asked for.
const MAX_OTHER: usize = 64 * 1024;

/// Receives the wanted field.
pub(super) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    doors: &Doors,
    wanted: &Wanted,
) -> Result<Spool, Fault> {
    let mut parts = Parts::new(request, payload, MAX_OTHERS + 1);
    let mut found = None;
    while let Some((name, part)) = parts.next().await? {
        if name != wanted.field {
            pass(part).await?;
            continue;
        }
        if found.is_some() {
            return Err(twice(&name));
        }
        filename::of(&part)?;
        found = Some(fill(part, Sink::new(doors, wanted.limit, wanted.limit)).await?.finish().await?);
    }
    found.ok_or_else(|| wanted.nothing())
}

/// The parts of a form, each with its name.
pub(super) struct Parts {
    form: Multipart,
    most: usize,
}

impl Parts {
    /// Up to `most` parts of the body that `stream` is.
    pub(super) fn new(
        request: &HttpRequest,
        stream: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
        most: usize,
    ) -> Self {
        Self { form: Multipart::new(request.headers(), stream), most }
    }

    /// The next part. The one before must have been read to its end.
    pub(super) async fn next(&mut self) -> Result<Option<(String, Field)>, Fault> {
        let Some(part) = self.form.next().await else { return Ok(None) };
        let part = part.map_err(malformed)?;
        self.most = self
            .most
            .checked_sub(1)
            .ok_or_else(|| invalid("The form has too many parts: send what is asked for alone."))?;
        let name = part.name().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid("A part of the form has no name."))?.to_owned();
        Ok(Some((name, part)))
    }
}

/// Reads a part into a sink.
pub(super) async fn fill(mut part: Field, mut sink: Sink) -> Result<Sink, Fault> {
    while let Some(chunk) = part.next().await {
        sink.take(chunk.map_err(malformed)?).await?;
    }
    Ok(sink)
}

/// Reads a part that is a short text.
pub(super) async fn text(mut part: Field, name: &str, most: usize) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.next().await {
        bytes.extend_from_slice(&chunk.map_err(malformed)?);
        if bytes.len() > most {
            return Err(invalid(format!("The field {name} is too long.")));
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid(format!("The field {name} must be UTF-8.")))
}

/// Reads past a part.
pub(super) async fn pass(mut part: Field) -> Result<(), Fault> {
    let mut size = 0;
    while let Some(chunk) = part.next().await {
        size += chunk.map_err(malformed)?.len();
        if size > MAX_OTHER {
            return Err(invalid("The form has a large part that is not asked for."));
        }
    }
    Ok(())
}

/// Said of a field that may come once.
pub(super) fn twice(name: &str) -> Fault {
    invalid(format!("The form has the field {name} twice: send it once."))
}

fn malformed(error: MultipartError) -> Fault {
    match error {
        MultipartError::Payload(error) if !matches!(error, PayloadError::Overflow) => broken(error),
        MultipartError::BoundaryMissing => {
            invalid("The form cannot be read: its boundary is missing, or no part ends with it.")
                .with_cause(error)
        }
        error => {
            invalid("The form cannot be read: send multipart/form-data as RFC 7578 has it.").with_cause(error)
        }
    }
}

pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::InvalidInput).with_message(message)
}
