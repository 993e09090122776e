//! Receives `multipart/form-data` (RFC 7578): wanted files go to the spool, wanted texts into memory, and all else is read
//! and dropped. A malformed form is `INVALID_INPUT`.

use std::cell::Cell;
use std::rc::Rc;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_store::{Spool, SpoolRoom};

use super::filename;
use super::sink::SpoolSink;
use super::spec::{BodyForm, UploadSpec};
use super::texts::{MAX_TEXT, Texts};
use crate::http::option_names::refuse_misspelt;
use crate::http::problem::{broken_body, given_twice, invalid, too_large};

/// Maximum number of parts in addition to the files.
pub(super) const MAX_OTHER_PARTS: usize = 31;

/// Maximum length of a boundary. The standard allows 70 characters, and some clients use more.
const MAX_BOUNDARY: usize = 200;

const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// Receives the wanted file and texts.
pub(super) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    room: &SpoolRoom,
    spec: &UploadSpec,
) -> Result<(Spool, Texts), Fault> {
    let max_bytes = BodyForm::Multipart.max_body(spec.limit);
    // Each text may be given once, and one more is a fault.
    let max_parts = MAX_OTHER_PARTS + 2 + spec.texts.len();
    let mut parts = FormParts::new(request, payload, max_parts, max_bytes)?;
    let (mut found, mut texts) = (None, Texts::default());
    while let Some((name, part)) = parts.next().await? {
        if let Some(name) = spec.texts.iter().find(|text| **text == name) {
            texts.add(name, read_text(part, name).await?)?;
            continue;
        }
        if name != spec.field {
            parts.skip(part, &name, spec.texts).await?;
            continue;
        }
        let filename = filename::of(&part)?;
        if found.is_some() && filename.is_some() {
            return Err(given_twice(&name));
        }
        let file = copy(part, SpoolSink::new(room, spec.limit, spec.limit)).await?.finish().await?;
        // For a file field without a file, browsers send an empty file without a name.
        let is_file = !file.is_empty() || filename.is_some();
        if is_file && found.replace(file).is_some() {
            return Err(given_twice(&name));
        }
    }
    Ok((found.ok_or_else(|| spec.nothing_sent())?, texts))
}

/// The parts of a form with their names.
pub(super) struct FormParts {
    form: Multipart,
    remaining: usize,
    received: Rc<Cell<u64>>,
    max_bytes: u64,
}

impl FormParts {
    /// Reads up to `max_parts` parts and `max_bytes` bytes from the body `stream`.
    ///
    /// # Errors
    /// `INVALID_INPUT` if nothing says where parts end.
    pub(super) fn new(
        request: &HttpRequest,
        stream: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
        max_parts: usize,
        max_bytes: u64,
    ) -> Result<Self, Fault> {
        let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let headers = boundary(content_type).and_then(|boundary| parser_headers(&boundary));
        let headers = headers.ok_or_else(|| {
            invalid(
                "The form has no usable boundary. Send Content-Type: multipart/form-data; boundary=\"…\", with quotes if \
                 it has other characters than letters, digits and hyphens.",
            )
        })?;
        let received = Rc::new(Cell::new(0));
        let counter = received.clone();
        let counted = stream.inspect(move |chunk| {
            counter.set(counter.get() + chunk.as_ref().map_or(0, |chunk| chunk.len() as u64));
        });
        Ok(Self { form: Multipart::new(&headers, counted), remaining: max_parts, received, max_bytes })
    }

    /// The next part. The previous one must have been read to its end.
    pub(super) async fn next(&mut self) -> Result<Option<(String, Field)>, Fault> {
        let Some(part) = self.form.next().await else { return Ok(None) };
        let part = part.map_err(malformed)?;
        self.remaining = self
            .remaining
            .checked_sub(1)
            .ok_or_else(|| invalid("The form has too many parts. Send only the expected fields."))?;
        let name = filename::of_field(&part);
        let name = name.ok_or_else(|| invalid("A part of the form has no name."))?;
        Ok(Some((name, part)))
    }

    /// Reads a part and drops it. It may be a file for another service, so only the whole form has a limit.
    ///
    /// # Errors
    /// `INVALID_INPUT` if it is a text whose name is nearly that of one of these `options`. An empty one is no option,
    /// because forms send empty fields.
    pub(super) async fn skip(
        &self,
        mut part: Field,
        name: &str,
        options: &[&'static str],
    ) -> Result<(), Fault> {
        let is_text = filename::of(&part).is_ok_and(|filename| filename.is_none());
        while let Some(chunk) = part.next().await {
            if !chunk.map_err(malformed)?.is_empty() && is_text {
                refuse_misspelt(name, options)?;
            }
            if self.received.get() > self.max_bytes {
                return Err(too_large(self.max_bytes, None));
            }
        }
        Ok(())
    }
}

/// The boundary in a form's content type. Java's mail library and others send it without the quotes that it needs.
fn boundary(content_type: &[u8]) -> Option<String> {
    const PARAMETER: &[u8] = b"boundary=";
    let at = content_type.windows(PARAMETER.len()).position(|name| name.eq_ignore_ascii_case(PARAMETER))?;
    let value = &content_type[at + PARAMETER.len()..];
    let value = match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|byte| *byte == b'"').next(),
        None => value.split(|byte| *byte == b';').next().map(<[u8]>::trim_ascii),
    }?;
    let is_usable = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    let is_valid = (1..=MAX_BOUNDARY).contains(&value.len()) && value.iter().all(is_usable);
    is_valid.then(|| String::from_utf8_lossy(value).into_owned())
}

/// The headers for the parser. It is not told that this is a form, since it would refuse parts whose names are not in
/// UTF-8; the names are read here.
fn parser_headers(boundary: &str) -> Option<HeaderMap> {
    let value = HeaderValue::from_str(&format!("multipart/mixed; boundary=\"{boundary}\"")).ok()?;
    Some(std::iter::once((CONTENT_TYPE, value)).collect())
}

/// Copies a part to a sink.
pub(super) async fn copy(mut part: Field, mut sink: SpoolSink) -> Result<SpoolSink, Fault> {
    refuse_encoding(&part)?;
    while let Some(chunk) = part.next().await {
        sink.write(chunk.map_err(malformed)?).await?;
    }
    Ok(sink)
}

/// Reads a part that is a short text.
pub(super) async fn read_text(mut part: Field, name: &str) -> Result<String, Fault> {
    refuse_encoding(&part)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = part.next().await {
        bytes.extend_from_slice(&chunk.map_err(malformed)?);
        if bytes.len() > MAX_TEXT {
            return Err(invalid(format!("The field `{name}` is too long.")));
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid(format!("The field `{name}` must be UTF-8.")))
}

/// Refuses a part whose bytes are encoded. No browser encodes them, and the standard advises against it (RFC 7578, 4.7).
fn refuse_encoding(part: &Field) -> Result<(), Fault> {
    let Some(value) = part.headers().get(TRANSFER_ENCODING) else { return Ok(()) };
    let is_plain = ["binary", "8bit", "7bit"]
        .iter()
        .any(|plain| value.as_bytes().trim_ascii().eq_ignore_ascii_case(plain.as_bytes()));
    if is_plain {
        return Ok(());
    }
    Err(Fault::new(Code::UnsupportedMediaType)
        .with_message("This upload is encoded in a way that is not supported.")
        .with_detail(
            "A part has a Content-Transfer-Encoding such as base64. Send its bytes as they are, without one.",
        ))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_boundary_is_found_with_and_without_quotes() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=XX", Some("XX")),
            ("multipart/form-data; boundary=\"a b:c\"; charset=utf-8", Some("a b:c")),
            ("multipart/form-data;BOUNDARY=----=_Part_1_2.3", Some("----=_Part_1_2.3")),
            ("multipart/form-data; boundary=a/b?(c) ; x=y", Some("a/b?(c)")),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary=\"\"", None),
            ("multipart/form-data; boundary=a\\b", None),
        ] {
            let found = boundary(content_type.as_bytes());
            assert_eq!(found.as_deref(), expected, "{content_type}");
            assert_eq!(found.and_then(|found| parser_headers(&found)).is_some(), expected.is_some());
        }
    }

    proptest! {
        #[test]
        fn no_content_type_causes_a_panic(rest: Vec<u8>) {
            if let Some(found) = boundary(&[b"multipart/form-data; boundary=", &rest[..]].concat()) {
                prop_assert!(parser_headers(&found).is_some());
            }
        }
    }
}
