//! Receives JSON bodies such as `{"image": "<base64 or data: URL>"}`. A JSON string has no length in front, so the body
//! must be in memory as a whole. It is spooled first and decoded once 1.75 times its length is reserved from the memory
//! budget: for the text and for what it decodes to.

mod members;
mod value;

use actix_web::web::Payload;
use huemill_actors::fault::{Code, Fault};
use huemill_imaging::option_values;
use huemill_store::{Spool, SpoolRoom};

use super::sink::SpoolSink;
use super::spec::{BodyForm, UploadSpec};
use super::texts::{MAX_TEXT, Texts};
use crate::http::problem::{invalid, spool_failed, too_large};
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

/// Receives a body that holds a file or a URL, and texts.
pub(super) async fn receive(
    payload: Payload,
    uploads: &Uploads,
    spec: &UploadSpec,
) -> Result<(BodyContent, Texts), Fault> {
    let (spec, room) = (*spec, uploads.spool.clone());
    receive_body(payload, uploads, spec.limit, move |body| decode(body, &spec, &room)).await
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
    let parsed = tokio::task::spawn_blocking(move || {
        let bytes = body.bytes().map_err(spool_failed)?;
        parse(without_byte_order_mark(&bytes))
    });
    parsed.await.map_err(|error| Fault::new(Code::InternalError).with_cause(error))?
}

/// The text after a byte order mark, which some programs write before UTF-8 (RFC 8259, 8.1).
pub(crate) fn without_byte_order_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Whether a body is empty or white space.
pub(super) fn is_blank(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

/// The file in a JSON body, or the URL of one, and the texts beside it.
fn decode(body: &[u8], spec: &UploadSpec, room: &SpoolRoom) -> Result<(BodyContent, Texts), Fault> {
    if is_blank(body) {
        return Err(spec.nothing_sent());
    }
    let names: Vec<_> = std::iter::once(spec.member).chain(spec.url).collect();
    let mut members = Members::parse(body, &[&names[..], spec.texts].concat())?;
    members.refuse_misspelt(spec.texts)?;
    let url = spec.url.and_then(|name| members.take(name));
    let content = match (members.take(spec.member), url) {
        (Some(JsonValue::Text(text)), None) => {
            let bytes = decode_file(&text, spec)?;
            Spool::from_bytes(room, bytes).map(BodyContent::File).map_err(spool_failed)
        }
        (None, Some(value)) => url_text(value, spec, &names).map(BodyContent::Url),
        (None, None) => Err(spec.nothing_sent()),
        (Some(_), Some(_)) => {
            Err(invalid(format!("The JSON has both {}. Send one of them.", names.join(" and "))))
        }
        (Some(_), None) => Err(members::unreadable(&names)),
    };
    Ok((content?, take_texts(&mut members, spec.texts)?))
}

/// Takes the texts with these names out of JSON, and what stands for one: a number, `true` and `false` for a switch, and a
/// list of numbers where an option is written with several. `null` counts as missing.
pub(super) fn take_texts(members: &mut Members<'_>, names: &[&'static str]) -> Result<Texts, Fault> {
    let mut texts = Texts::default();
    for name in names {
        match members.take(name) {
            None => {}
            Some(JsonValue::Text(text)) if text.len() <= MAX_TEXT => texts.add(name, text.into_owned())?,
            Some(JsonValue::Text(_)) => return Err(invalid(format!("`{name}` is too long."))),
            Some(value) => texts.add(name, as_text(name, value).ok_or_else(|| wrong_type(name))?)?,
        }
    }
    Ok(texts)
}

/// What a form would have in place of a value that is no text.
fn as_text(name: &str, value: JsonValue<'_>) -> Option<String> {
    match (value, name) {
        (JsonValue::Number(number), _) => Some(number),
        (JsonValue::Bool(is_on), "faces") => Some(if is_on { "on" } else { "off" }.into()),
        (JsonValue::Numbers(numbers), "aspect") => Some(numbers.join(":")),
        (JsonValue::Numbers(numbers), "focus") => Some(numbers.join(",")),
        _ => None,
    }
}

fn wrong_type(name: &'static str) -> Fault {
    let allowed = match name {
        "callback_url" => "a text with a URL",
        "ttl_h" => "a whole number of hours, at least 1",
        "priority" => "low, normal or high",
        "export" => "css, scss, json, tokens.json, tailwind.css, ase, gpl or svg",
        option => option_values(option),
    };
    invalid(format!("`{name}` must be {allowed}."))
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
    let bytes = decode_base64(text)?.ok_or_else(|| spec.nothing_sent())?;
    if bytes.len() as u64 > spec.limit {
        return Err(too_large(spec.limit, None));
    }
    Ok(bytes)
}

/// Decodes base64 as clients write it: bare or in a data: URL, with or without white space. `None` if it holds no data. The media type of a data: URL is ignored, because the content decides.
///
/// # Errors
/// `INVALID_INPUT` if the text is not base64.
fn decode_base64(text: &str) -> Result<Option<Vec<u8>>, Fault> {
    let payload = base64_payload(text)?;
    if payload.bytes().all(|byte| byte.is_ascii_whitespace()) {
        return Ok(None);
    }
    // WHATWG "forgiving-base64 decode": white space is skipped, padding is optional.
    base64_simd::forgiving_decode_to_vec(payload.as_bytes())
        .map(Some)
        .map_err(|_| invalid("The base64 text has invalid characters or is incomplete."))
}

/// The base64 text, without the head of a data: URL.
fn base64_payload(text: &str) -> Result<&str, Fault> {
    let text = text.trim_ascii_start();
    if !text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Ok(text);
    }
    let (head, payload) =
        text.split_once(',').ok_or_else(|| invalid("The data: URL has no comma before its content."))?;
    let is_base64 =
        head.get(head.len().saturating_sub(7)..).is_some_and(|end| end.eq_ignore_ascii_case(";base64"));
    if is_base64 { Ok(payload) } else { Err(invalid("The data: URL must contain ;base64.")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(body: &str) -> Result<Vec<(&'static str, String)>, String> {
        let names = ["aspect", "focus", "faces", "colors", "ttl_h", "priority"];
        let read = Members::parse(body.as_bytes(), &names).and_then(|mut members| {
            members.refuse_misspelt(&names)?;
            take_texts(&mut members, &names)
        });
        read.map(|texts| texts.to_vec()).map_err(|fault| fault.detail().to_owned())
    }

    #[test]
    fn options_are_texts_and_what_stands_for_them_in_json() {
        let one = |name, text: &str| Ok(vec![(name, text.to_owned())]);
        assert_eq!(options(r#"{"aspect": [3, 2]}"#), one("aspect", "3:2"));
        assert_eq!(options(r#"{"aspect": [1.91, 1]}"#), one("aspect", "1.91:1"));
        assert_eq!(options(r#"{"focus": [0.5, 0]}"#), one("focus", "0.5,0"));
        assert_eq!(options(r#"{"faces": false}"#), one("faces", "off"));
        assert_eq!(options(r#"{"faces": true}"#), one("faces", "on"));
        assert_eq!(options(r#"{"colors": 5}"#), one("colors", "5"));
        assert_eq!(options(r#"{"colors": null, "faces": null, "colours": null}"#), Ok(Vec::new()));
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_what_the_option_takes() {
        for (body, message) in [
            (r#"{"colors": true}"#, "`colors` must be a whole number from 2 to 20."),
            (r#"{"colors": [5]}"#, "`colors` must be a whole number from 2 to 20."),
            (r#"{"faces": {"on": 1}}"#, "`faces` must be on or off."),
            (r#"{"priority": false}"#, "`priority` must be low, normal or high."),
            (r#"{"ttl_h": [24]}"#, "`ttl_h` must be a whole number of hours, at least 1."),
            (r#"{"colours": 5}"#, "\"colours\" is not an option. Did you mean `colors`?"),
        ] {
            assert_eq!(options(body), Err(message.to_owned()), "{body}");
        }
        let message = options(r#"{"aspect": ["3", "2"]}"#).unwrap_err();
        assert!(message.starts_with("`aspect` must be two numbers"), "{message}");
    }

    #[test]
    fn bare_base64_data_urls_and_white_space_are_decoded() {
        for text in [
            "aGVsbG8=",
            "aGVsbG8",
            "data:image/png;base64,aGVsbG8=",
            "DATA:;BASE64,aGVs\r\n bG8=",
            "  aGVsbG8=\n",
        ] {
            assert_eq!(decode_base64(text).unwrap().as_deref(), Some(b"hello".as_slice()), "{text:?}");
        }
    }

    #[test]
    fn an_empty_text_or_data_url_is_no_data() {
        for text in ["", "  \n", "data:;base64,", "data:image/png;base64, "] {
            assert_eq!(decode_base64(text).unwrap(), None, "{text:?}");
        }
    }

    #[test]
    fn invalid_base64_is_rejected() {
        for text in ["a", "aGVsbG8*", "aGVs=bG8=", "data:image/png,aGVsbG8=", "data:image/png;base64", "ä"] {
            assert_eq!(
                decode_base64(text).map_err(|fault| fault.code),
                Err(huemill_actors::fault::Code::InvalidInput),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn decoding_reverses_encoding(bytes: Vec<u8>) {
            let text = base64_simd::STANDARD.encode_to_string(&bytes);
            let decoded = decode_base64(&format!("data:x/y;base64,{text}")).unwrap();
            prop_assert_eq!(decoded.unwrap_or_default(), bytes);
        }

        #[test]
        fn no_text_causes_a_panic(text: String) {
            let _ = decode_base64(&text);
        }
    }
}
