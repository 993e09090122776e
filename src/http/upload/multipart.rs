//! Receives `multipart/form-data` (RFC 7578): wanted fields go to the spool, small others are skipped. A malformed form is
//! `INVALID_INPUT`.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt};
use huemill_actors::fault::Fault;
use huemill_store::{Spool, SpoolRoom};

use super::filename;
use super::sink::SpoolSink;
use super::spec::UploadSpec;
use crate::http::problem::{broken_body, given_twice, invalid};

/// Maximum number of parts in addition to the files.
pub(super) const MAX_OTHER_PARTS: usize = 31;

/// Maximum size of a part that is skipped.
const MAX_SKIPPED: usize = 64 * 1024;

/// Receives the wanted field.
pub(super) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    room: &SpoolRoom,
    spec: &UploadSpec,
) -> Result<Spool, Fault> {
    let mut parts = FormParts::new(request, payload, MAX_OTHER_PARTS + 1);
    let mut found = None;
    while let Some((name, part)) = parts.next().await? {
        if name != spec.field {
            skip(part).await?;
            continue;
        }
        if found.is_some() {
            return Err(given_twice(&name));
        }
        filename::of(&part)?;
        found = Some(copy(part, SpoolSink::new(room, spec.limit, spec.limit)).await?.finish().await?);
    }
    found.ok_or_else(|| spec.nothing_sent())
}

/// The parts of a form with their names.
pub(super) struct FormParts {
    form: Multipart,
    remaining: usize,
}

impl FormParts {
    /// Reads up to `max` parts from the body `stream`.
    pub(super) fn new(
        request: &HttpRequest,
        stream: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
        max: usize,
    ) -> Self {
        Self { form: Multipart::new(request.headers(), stream), remaining: max }
    }

    /// The next part. The previous one must have been read to its end.
    pub(super) async fn next(&mut self) -> Result<Option<(String, Field)>, Fault> {
        let Some(part) = self.form.next().await else { return Ok(None) };
        let part = part.map_err(malformed)?;
        self.remaining = self
            .remaining
            .checked_sub(1)
            .ok_or_else(|| invalid("The form has too many parts. Send only the expected fields."))?;
        let name = part.name().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid("A part of the form has no name."))?.to_owned();
        Ok(Some((name, part)))
    }
}

/// Copies a part to a sink.
pub(super) async fn copy(mut part: Field, mut sink: SpoolSink) -> Result<SpoolSink, Fault> {
    while let Some(chunk) = part.next().await {
        sink.write(chunk.map_err(malformed)?).await?;
    }
    Ok(sink)
}

/// Reads a part that is a short text.
pub(super) async fn read_text(mut part: Field, name: &str, max: usize) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.next().await {
        bytes.extend_from_slice(&chunk.map_err(malformed)?);
        if bytes.len() > max {
            return Err(invalid(format!("The field `{name}` is too long.")));
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid(format!("The field `{name}` must be UTF-8.")))
}

/// Reads a part and drops it.
pub(super) async fn skip(mut part: Field) -> Result<(), Fault> {
    let mut size = 0;
    while let Some(chunk) = part.next().await {
        size += chunk.map_err(malformed)?.len();
        if size > MAX_SKIPPED {
            return Err(invalid("The form has a large field that is not expected."));
        }
    }
    Ok(())
}

fn malformed(error: MultipartError) -> Fault {
    match error {
        MultipartError::Payload(error) if !matches!(error, PayloadError::Overflow) => broken_body(error),
        MultipartError::BoundaryMissing => {
            invalid("The form cannot be read: its boundary is missing, or no part ends with it.")
                .with_cause(error)
        }
        error => invalid("The form cannot be read. Send multipart/form-data as defined in RFC 7578.")
            .with_cause(error),
    }
}
