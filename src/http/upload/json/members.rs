//! Parses a JSON object: wanted members are kept, all others are checked and dropped. Malformed JSON is `INVALID_INPUT`,
//! with a message that names the member at fault if it was wanted.

use std::cell::Cell;
use std::fmt;

use huemill_actors::fault::Fault;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::value::{JsonValue, ValueSeed};
use crate::http::option_names::refuse_misspelt;
use crate::http::problem::invalid;

/// Maximum number of members. Each name is remembered, to detect duplicates.
const MAX_MEMBERS: usize = 64;

/// The members that are present.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    wanted: Vec<(&'static str, JsonValue<'a>)>,
    /// The names of all others, except where the value is null.
    others: Vec<String>,
}

impl<'a> Members<'a> {
    /// Parses an object and keeps the members with these names.
    pub(crate) fn parse(body: &'a [u8], names: &[&'static str]) -> Result<Self, Fault> {
        let (mut json, current) = (serde_json::Deserializer::from_slice(body), Cell::new(None));
        let object = ObjectSeed { names, current: &current };
        let found = object.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
        found.map_err(|error| {
            let fault = current.get().map_or_else(|| unreadable(names), unreadable_member);
            fault.with_cause(describe(&error))
        })
    }

    /// Removes and returns one member.
    pub(crate) fn take(&mut self, name: &str) -> Option<JsonValue<'a>> {
        let at = self.wanted.iter().position(|(found, _)| *found == name)?;
        Some(self.wanted.swap_remove(at).1)
    }

    /// Refuses a member whose name is nearly that of one of these options.
    pub(crate) fn refuse_misspelt(&self, options: &[&'static str]) -> Result<(), Fault> {
        self.others.iter().try_for_each(|name| refuse_misspelt(name, options))
    }
}

/// What is wrong and where, for the log. The error of a wrong type is replaced, because it would quote the value.
fn describe(error: &serde_json::Error) -> String {
    if error.is_data() {
        format!("a member of the wrong type at line {} column {}", error.line(), error.column())
    } else {
        error.to_string()
    }
}

/// JSON that is malformed, or whose members have the wrong type.
pub(super) fn unreadable(names: &[&str]) -> Fault {
    let name = names.first().copied().unwrap_or_default();
    let value = if name == "url" { "https://…" } else { "<base64>" };
    invalid(format!("The JSON cannot be read. Send an object such as {{\"{name}\": \"{value}\"}}."))
}

/// JSON that is malformed within a wanted member.
fn unreadable_member(name: &str) -> Fault {
    invalid(format!(
        "The JSON cannot be read: the value of `{name}` is malformed, or its number is out of range."
    ))
}

/// Parses an object.
struct ObjectSeed<'n> {
    names: &'n [&'static str],
    /// The wanted member that is being parsed.
    current: &'n Cell<Option<&'static str>>,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Members<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Members { wanted: Vec::new(), others: Vec::new() };
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.len() == MAX_MEMBERS || names.contains(&name) {
                return Err(de::Error::custom("a duplicate member, or too many members"));
            }
            if let Some(wanted) = self.names.iter().find(|wanted| **wanted == name) {
                self.current.set(Some(*wanted));
                let value = map.next_value_seed(ValueSeed { keep: true })?;
                found.wanted.extend(value.map(|value| (*wanted, value)));
                self.current.set(None);
            } else {
                let value = map.next_value_seed(ValueSeed { keep: false })?;
                found.others.extend(value.map(|_| name.clone()));
            }
            names.push(name);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use huemill_actors::fault::Code;

    use super::super::value::MAX_ELEMENTS;
    use super::*;

    fn image(body: &str) -> Result<Option<JsonValue<'_>>, Code> {
        let members = Members::parse(body.as_bytes(), &["image"]).map_err(|fault| fault.code);
        members.map(|mut members| members.take("image"))
    }

    fn text(text: &str) -> JsonValue<'_> {
        JsonValue::Text(Cow::Borrowed(text))
    }

    #[test]
    fn a_wanted_member_is_found_among_others() {
        assert_eq!(image(r#"{"a": [1, {"b": null}], "image": "aGk=", "c": 1.5}"#), Ok(Some(text("aGk="))));
        assert_eq!(image(r#"{"image": "a\/b"}"#), Ok(Some(text("a/b"))));
        assert_eq!(image(r#"{"image": null}"#), Ok(None));
        assert_eq!(image("{}"), Ok(None));
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        let found = image(r#"{"image": "aGk="}"#).unwrap();
        assert!(matches!(found, Some(JsonValue::Text(Cow::Borrowed("aGk=")))));
    }

    #[test]
    fn numbers_lists_and_other_values_are_distinguished() {
        let list = |texts: &[&str]| JsonValue::List(texts.iter().map(|text| (*text).to_owned()).collect());
        for (body, member) in [
            (r#"{"image": 24}"#, JsonValue::Number("24".into())),
            (r#"{"image": -1}"#, JsonValue::Number("-1".into())),
            (r#"{"image": 1e9}"#, JsonValue::Number("1000000000".into())),
            (r#"{"image": 1.5}"#, JsonValue::Number("1.5".into())),
            (r#"{"image": []}"#, list(&[])),
            (r#"{"image": ["a", "b"]}"#, list(&["a", "b"])),
            (r#"{"image": ["a", 1]}"#, JsonValue::Other),
            (r#"{"image": [["a"]]}"#, JsonValue::Other),
            (r#"{"image": {"a": 1}}"#, JsonValue::Other),
            (r#"{"image": [3, 1.5]}"#, JsonValue::Numbers(vec!["3".into(), "1.5".into()])),
            (r#"{"image": true}"#, JsonValue::Bool(true)),
        ] {
            assert_eq!(image(body), Ok(Some(member)), "{body}");
        }
    }

    #[test]
    fn only_the_start_of_an_endless_list_is_kept() {
        let body = format!("{{\"image\": [{}\"a\"]}}", "\"a\",".repeat(50_000));
        let Ok(Some(JsonValue::List(list))) = image(&body) else { panic!("a list") };
        assert_eq!(list.len(), MAX_ELEMENTS);
    }

    #[test]
    fn an_error_within_a_wanted_member_names_it() {
        let message =
            |body: &str| Members::parse(body.as_bytes(), &["zip", "ttl_h"]).unwrap_err().detail().to_owned();
        for value in ["1e400", "NaN", "-", "[1e400]"] {
            let text = message(&format!("{{\"zip\": \"aGk=\", \"ttl_h\": {value}}}"));
            assert!(text.contains("ttl_h") && !text.contains("zip"), "{value}: {text}");
        }
        for body in [r#"{"x": NaN, "zip": "aGk="}"#, r#"{"ttl_h": 1, "zip": "a"} x"#, "{"] {
            assert!(message(body).contains("{\"zip\": "), "{body}");
        }
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
