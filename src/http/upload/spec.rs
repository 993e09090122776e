//! What a route accepts as an upload, and what a request declares about its body: its form and its length.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use actix_web::mime::{self, Mime};
use huemill_actors::fault::{Code, Fault};

use crate::http::problem::too_large;

/// Bytes that a multipart body may have in addition to the file.
const MULTIPART_OVERHEAD: u64 = 256 * 1024;

/// Bytes that a JSON body may have in addition to the base64 text.
const JSON_OVERHEAD: u64 = 1024 * 1024;

/// The registered top-level media types (IANA).
const TOP_LEVEL_TYPES: [&str; 10] =
    ["application", "audio", "font", "haptics", "image", "message", "model", "multipart", "text", "video"];

/// What a route accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadSpec {
    /// The multipart field.
    pub field: &'static str,
    /// The JSON member.
    pub member: &'static str,
    /// The JSON member that holds a URL instead, if the route accepts one.
    pub url: Option<&'static str>,
    /// Whether a raw body of this media type is accepted.
    pub raw: fn(&Mime) -> bool,
    /// Maximum size of the file in bytes.
    pub limit: u64,
    /// The text fields and members beside the file.
    pub texts: &'static [&'static str],
    /// The message for the user if nothing was sent.
    pub missing: &'static str,
    /// How to send something, for the client's developer.
    pub how: &'static str,
    /// The accepted content types, for the message if another one was sent.
    pub types: &'static str,
}

impl UploadSpec {
    /// A request without a file.
    pub(crate) fn nothing_sent(&self) -> Fault {
        Fault::new(Code::NoInput).with_message(self.missing).with_detail(self.how)
    }

    /// A request whose content type the route does not accept.
    pub(crate) fn wrong_type(&self, request: &HttpRequest) -> Fault {
        let cause = match request.headers().get(header::CONTENT_TYPE) {
            None => "no Content-Type".to_owned(),
            Some(value) => {
                // The rest is the client's text, which must not reach the log.
                let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
                let known = TOP_LEVEL_TYPES.iter().find(|name| text.split('/').next() == Some(name));
                known.map_or("Content-Type: unknown".to_owned(), |name| format!("Content-Type: {name}/…"))
            }
        };
        Fault::new(Code::UnsupportedMediaType)
            .with_message("This type of upload is not supported.")
            .with_detail(format!("The Content-Type must be {}.", self.types))
            .with_cause(cause)
    }

    /// The form of a request's body, by its content type.
    ///
    /// # Errors
    /// If there is no body, or the route does not accept its type.
    pub(crate) fn form_of(&self, request: &HttpRequest) -> Result<BodyForm, Fault> {
        let Some(content_type) = request.headers().get(header::CONTENT_TYPE) else {
            return match declared_length(request.headers()) {
                Some(0) => Err(self.nothing_sent()),
                None if !request.headers().contains_key(header::TRANSFER_ENCODING) => {
                    Err(self.nothing_sent())
                }
                _ => Err(self.wrong_type(request)),
            };
        };
        // Parameters say nothing here, and some clients write them in ways that no parser accepts.
        let essence = content_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let kind = std::str::from_utf8(essence).ok().and_then(|text| text.trim().parse::<Mime>().ok());
        let kind = kind.ok_or_else(|| self.wrong_type(request))?;
        match (kind.type_(), kind.subtype()) {
            (mime::MULTIPART, mime::FORM_DATA) => Ok(BodyForm::Multipart),
            (mime::APPLICATION, mime::JSON) => Ok(BodyForm::Json),
            _ if (self.raw)(&kind) => Ok(BodyForm::Raw),
            _ => Err(self.wrong_type(request)),
        }
    }

    /// Checks the declared length of a body that may have `max` bytes, and returns it. A chunked body declares none.
    ///
    /// # Errors
    /// If the body is empty or too long.
    pub(crate) fn check_length(&self, request: &HttpRequest, max: u64) -> Result<Option<u64>, Fault> {
        let declared = declared_length(request.headers());
        match declared {
            Some(0) => Err(self.nothing_sent()),
            Some(bytes) if bytes > max => Err(too_large(self.limit, declared)),
            _ => Ok(declared),
        }
    }
}

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyForm {
    /// `multipart/form-data`.
    Multipart,
    /// JSON with base64 or a URL.
    Json,
    /// The file itself.
    Raw,
}

impl BodyForm {
    /// Maximum size of a body that holds a file of `limit` bytes.
    pub(crate) fn max_body(self, limit: u64) -> u64 {
        match self {
            Self::Multipart => limit.saturating_add(MULTIPART_OVERHEAD),
            Self::Json => (limit.div_ceil(3) * 4).saturating_add(JSON_OVERHEAD),
            Self::Raw => limit,
        }
    }
}

/// Whether a media type is a ZIP's.
pub(crate) fn is_zip(kind: &Mime) -> bool {
    kind.type_() == mime::APPLICATION && matches!(kind.subtype().as_str(), "zip" | "x-zip-compressed")
}

/// The length that a request declares for its body.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const SPEC: UploadSpec = UploadSpec {
        field: "zip_file",
        member: "zip",
        url: None,
        raw: is_zip,
        limit: 1000,
        texts: &[],
        missing: "nothing",
        how: "how",
        types: "application/zip",
    };

    #[test]
    fn a_wrong_content_type_is_the_cause() {
        let cause =
            |request: TestRequest| SPEC.form_of(&request.to_http_request()).unwrap_err().cause.unwrap();
        assert_eq!(cause(TestRequest::default().insert_header(("content-length", "5"))), "no Content-Type");
        let text = TestRequest::default().insert_header(("content-type", "text/plain; x=secret"));
        assert_eq!(cause(text), "Content-Type: text/…");
    }

    #[test]
    fn a_declared_length_beyond_the_maximum_is_the_cause() {
        let request = TestRequest::default().insert_header(("content-length", "2000")).to_http_request();
        let fault = SPEC.check_length(&request, 1500).unwrap_err();
        assert_eq!(fault.code, Code::PayloadTooLarge);
        assert_eq!(fault.cause.as_deref(), Some("2000 bytes declared, 1000 allowed"));
        assert_eq!(SPEC.check_length(&request, 2000).unwrap(), Some(2000));
    }
}
