//! `{"image": "<base64 or data: URL>"}`: the one form that must be whole in memory, since JSON strings have no
//! length in front. It is spooled like any other, and decoded once 1.75 × its length, the text and what it decodes
//! to, is reserved from the memory budget.

use std::borrow::Cow;
use std::fmt;

use actix_web::web::Payload;
use futures_util::StreamExt;
use huemill_actors::fault::{Code, Fault};
use huemill_store::Spool;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Sink, Wanted, base64_text, broken, unspooled};
use crate::http::doors::Doors;

/// Bytes that a JSON body may have beside the base64 text.
const OVERHEAD: u64 = 1024 * 1024;

/// Most members of the object; each name is remembered, so that a second one is found.
const MAX_MEMBERS: usize = 64;

/// The most bytes of a JSON body that holds a file of `limit` bytes.
pub(super) fn most(limit: u64) -> u64 {
    (limit.div_ceil(3) * 4).saturating_add(OVERHEAD)
}

/// Receives the body into the spool and, once it is there and memory is reserved, decodes its file.
pub(super) async fn receive(mut payload: Payload, doors: &Doors, wanted: &Wanted) -> Result<Spool, Fault> {
    let mut sink = Sink::new(doors, wanted, most(wanted.limit));
    while let Some(chunk) = payload.next().await {
        sink.take(chunk.map_err(broken)?).await?;
    }
    let body = sink.finish().await?;
    // Not earlier: a body that comes slowly must not hold memory that pictures wait for.
    let _reserved = doors.reserve(body.len().saturating_mul(7) / 4).await?;
    let (wanted, room) = (*wanted, doors.spool.clone());
    let decoded = tokio::task::spawn_blocking(move || {
        let bytes = decode(&body, &wanted)?;
        drop(body);
        Spool::from_bytes(&room, bytes).map_err(unspooled)
    });
    decoded.await.map_err(|error| Fault::new(Code::InternalError).because(error))?
}

/// The file within a JSON body.
fn decode(body: &Spool, wanted: &Wanted) -> Result<Vec<u8>, Fault> {
    let body = body.bytes().map_err(unspooled)?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(wanted.nothing());
    }
    let text = member(&body, wanted.member)?.ok_or_else(|| wanted.nothing())?;
    let bytes = base64_text::decode(&text)?.ok_or_else(|| wanted.nothing())?;
    if bytes.len() as u64 > wanted.limit { Err(wanted.too_large()) } else { Ok(bytes) }
}

/// The text of one member of a JSON object; `None` where it is missing or null.
fn member<'a>(body: &'a [u8], name: &str) -> Result<Option<Cow<'a, str>>, Fault> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let found = Object { name }.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
    found.map_err(|error| {
        let told = format!("The JSON cannot be read: send an object such as {{\"{name}\": \"<base64>\"}}.");
        Fault::new(Code::InvalidInput).told(told).because(error)
    })
}

/// Reads an object for the one member of this name and checks all others.
struct Object<'n> {
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.len() == MAX_MEMBERS || names.contains(&name) {
                return Err(de::Error::custom("a member twice, or too many"));
            }
            if name == self.name {
                found = map.next_value_seed(Text)?;
            } else {
                map.next_value_seed(Checked)?;
            }
            names.push(name);
        }
        Ok(found)
    }
}

/// A string, borrowed where it has no escapes, or null.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Any value, checked as strictly as one that is used (`IgnoredAny` lets 1e400 and lone surrogates pass), and
/// kept nowhere.
struct Checked;

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Checked)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Checked)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(body: &str) -> Result<Option<String>, Code> {
        member(body.as_bytes(), "image").map(|text| text.map(Cow::into_owned)).map_err(|fault| fault.code)
    }

    #[test]
    fn the_member_is_found_among_others() {
        assert_eq!(image(r#"{"a": [1, {"b": null}], "image": "aGk=", "c": 1.5}"#), Ok(Some("aGk=".into())));
        assert_eq!(image(r#"{"image": "a\/b"}"#), Ok(Some("a/b".into())));
        assert_eq!(image(r#"{"image": null}"#), Ok(None));
        assert_eq!(image("{}"), Ok(None));
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        let found = member(br#"{"image": "aGk="}"#, "image").unwrap();
        assert!(matches!(found, Some(Cow::Borrowed("aGk="))));
    }

    #[test]
    fn hostile_json_is_invalid_input() {
        let deep = format!("{{\"x\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let many = format!("{{{}}}", (0..100).map(|i| format!("\"m{i}\": 0")).collect::<Vec<_>>().join(","));
        for body in [
            "",
            "{",
            r#"["aGk="]"#,
            r#""aGk=""#,
            r#"{"image": 1}"#,
            r#"{"image": ["aGk="]}"#,
            r#"{"image": "a", "image": "b"}"#,
            r#"{"x": 1, "x": 2, "image": "a"}"#,
            r#"{"x": 1e400, "image": "a"}"#,
            r#"{"image": NaN}"#,
            r#"{"x": NaN}"#,
            r#"{"image": "\ud800"}"#,
            r#"{"x": "\ud800"}"#,
            r#"{"image": "a"} trailing"#,
            "{\"image\": \"\u{1}\"}",
            &deep,
            &many,
        ] {
            assert_eq!(image(body), Err(Code::InvalidInput), "{}", body.get(..40).unwrap_or(body));
        }
    }
}
