//! Receives JSON bodies such as `{"image": "<base64 or data: URL>"}`. A JSON string has no length in front, so the body
//! must be in memory as a whole. It is spooled first and decoded once 1.75 times its length is reserved from the memory
//! budget: for the text and for what it decodes to.

mod members;
mod value;

use actix_web::web::Payload;
use huemill_actors::fault::{Code, Fault};
use huemill_store::Spool;

use super::base64_text;
use super::sink::SpoolSink;
use super::spec::{BodyForm, UploadSpec};
use crate::http::input_error::{invalid, spool_failed};
use crate::http::state::Uploads;
pub(super) use members::Members;
pub(super) use value::JsonValue;

/// What a body holds.
pub(super) enum BodyContent {
    /// The file itself.
    File(Spool),
    /// A URL to download.
    Url(String),
}

/// Receives a body that holds a file or a URL.
pub(super) async fn receive(
    payload: Payload,
    uploads: &Uploads,
    spec: &UploadSpec,
) -> Result<BodyContent, Fault> {
    let (spec, room) = (*spec, uploads.spool.clone());
    receive_body(payload, uploads, spec.limit, move |body| match decode(body, &spec)? {
        Decoded::Bytes(bytes) => Spool::from_bytes(&room, bytes).map(BodyContent::File).map_err(spool_failed),
        Decoded::Url(url) => Ok(BodyContent::Url(url)),
    })
    .await
}

/// Receives a body with a single text member.
pub(super) async fn receive_text(
    payload: Payload,
    uploads: &Uploads,
    spec: &UploadSpec,
) -> Result<String, Fault> {
    let spec = *spec;
    receive_body(payload, uploads, spec.limit, move |body| {
        if is_blank(body) {
            return Err(spec.nothing_sent());
        }
        let names = [spec.member];
        let value = Members::parse(body, &names)?.take(spec.member);
        value.map_or_else(|| Err(spec.nothing_sent()), |value| url_text(value, &spec, &names))
    })
    .await
}

/// Receives a body for a file of at most `limit` bytes and calls `parse` on a thread that may block.
pub(super) async fn receive_body<T: Send + 'static>(
    payload: Payload,
    uploads: &Uploads,
    limit: u64,
    parse: impl FnOnce(&[u8]) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let sink = SpoolSink::new(&uploads.spool, BodyForm::Json.max_body(limit), limit);
    let body = sink.write_all(payload).await?.finish().await?;
    // Reserve only now: a body that arrives slowly must not hold memory that pictures wait for.
    let _reservation = uploads.reserve_memory(body.len().saturating_mul(7) / 4).await?;
    let parsed = tokio::task::spawn_blocking(move || parse(&body.bytes().map_err(spool_failed)?));
    parsed.await.map_err(|error| Fault::new(Code::InternalError).with_cause(error))?
}

/// Whether a body is empty or white space.
pub(super) fn is_blank(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

enum Decoded {
    Bytes(Vec<u8>),
    Url(String),
}

/// The file in a JSON body, or the URL of one.
fn decode(body: &[u8], spec: &UploadSpec) -> Result<Decoded, Fault> {
    if is_blank(body) {
        return Err(spec.nothing_sent());
    }
    let names: Vec<_> = std::iter::once(spec.member).chain(spec.url).collect();
    let mut members = Members::parse(body, &names)?;
    let url = spec.url.and_then(|name| members.take(name));
    match (members.take(spec.member), url) {
        (Some(JsonValue::Text(text)), None) => decode_file(&text, spec).map(Decoded::Bytes),
        (None, Some(value)) => url_text(value, spec, &names).map(Decoded::Url),
        (None, None) => Err(spec.nothing_sent()),
        (Some(_), Some(_)) => {
            Err(invalid(format!("The JSON has both {}. Send one of them.", names.join(" and "))))
        }
        (Some(_), None) => Err(members::unreadable(&names)),
    }
}

/// The text of a member that must be a URL, unchanged: the outbound guard checks it later.
fn url_text(value: JsonValue<'_>, spec: &UploadSpec, names: &[&str]) -> Result<String, Fault> {
    match value {
        JsonValue::Text(text) if text.is_empty() => Err(spec.nothing_sent()),
        JsonValue::Text(text) => Ok(text.into_owned()),
        _ => Err(members::unreadable(names)),
    }
}

/// Decodes the file in a member's text.
pub(super) fn decode_file(text: &str, spec: &UploadSpec) -> Result<Vec<u8>, Fault> {
    let bytes = base64_text::decode(text)?.ok_or_else(|| spec.nothing_sent())?;
    if bytes.len() as u64 > spec.limit {
        return Err(spec.too_large(None));
    }
    Ok(bytes)
}
