//! A JSON object's members: those that are asked for, and all others checked as strictly and kept nowhere.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use huemill_actors::fault::{Code, Fault};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::checked::Checked;

/// Most members of the object; each name is remembered, so that a second one is found.
const MAX_MEMBERS: usize = 64;

/// Most elements of a list that are kept; one more than any list may have is enough to say so.
const MAX_ELEMENTS: usize = 10_001;

/// What a member holds. `null` is as if the member were missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Member<'a> {
    /// A string, borrowed where it has no escapes.
    Text(Cow<'a, str>),
    /// A number, as decimal digits.
    Number(String),
    /// The strings of a list, as many as are kept.
    List(Vec<String>),
    /// Anything else.
    Other,
}

/// The members that were asked for and are there.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(&'static str, Member<'a>)>);

impl<'a> Members<'a> {
    /// Reads the members of these names out of an object.
    pub(crate) fn read(body: &'a [u8], names: &[&'static str]) -> Result<Self, Fault> {
        let (mut json, at) = (serde_json::Deserializer::from_slice(body), Cell::new(None));
        let object = Object { names, at: &at };
        let found = object.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
        found.map(Self).map_err(|error| {
            let fault = at.get().map_or_else(|| unreadable(names), unreadable_at);
            fault.with_cause(place(&error))
        })
    }

    /// Takes out one member.
    pub(crate) fn take(&mut self, name: &str) -> Option<Member<'a>> {
        let at = self.0.iter().position(|(found, _)| *found == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// What is wrong and where, for the log. What is there is not told: of another type, the value would be quoted.
fn place(error: &serde_json::Error) -> String {
    if error.is_data() {
        format!("another type than is taken at line {} column {}", error.line(), error.column())
    } else {
        error.to_string()
    }
}

/// Said of JSON that is none, or whose members have another type.
pub(super) fn unreadable(names: &[&str]) -> Fault {
    let name = names.first().copied().unwrap_or_default();
    let value = if name == "url" { "https://…" } else { "<base64>" };
    Fault::new(Code::InvalidInput)
        .with_message(format!("The JSON cannot be read: send an object such as {{\"{name}\": \"{value}\"}}."))
}

/// Said where the JSON breaks off within a member that was asked for.
fn unreadable_at(name: &str) -> Fault {
    Fault::new(Code::InvalidInput).with_message(format!(
        "The JSON cannot be read: what {name} holds is no JSON value, or a number out of range."
    ))
}

/// Reads an object for the members of these names and checks all others.
struct Object<'n> {
    names: &'n [&'static str],
    /// The one of them whose value is being read.
    at: &'n Cell<Option<&'static str>>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Vec<(&'static str, Member<'de>)>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Vec<(&'static str, Member<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.len() == MAX_MEMBERS || names.contains(&name) {
                return Err(de::Error::custom("a member twice, or too many"));
            }
            match self.names.iter().find(|wanted| **wanted == name) {
                Some(wanted) => {
                    self.at.set(Some(*wanted));
                    found.extend(map.next_value_seed(Kept)?.map(|member| (*wanted, member)));
                    self.at.set(None);
                }
                None => map.next_value_seed(Checked)?,
            }
            names.push(name);
        }
        Ok(found)
    }
}

/// A value that is kept; `None` for null.
struct Kept;

impl<'de> DeserializeSeed<'de> for Kept {
    type Value = Option<Member<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kept {
    type Value = Option<Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Member::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Member::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Some(Member::Other))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Member::Number(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(Member::Number(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Member::Number(number.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut texts, mut others) = (Vec::new(), false);
        while texts.len() < MAX_ELEMENTS {
            match list.next_element_seed(Kept)? {
                Some(Some(Member::Text(text))) => texts.push(text.into_owned()),
                Some(_) => others = true,
                None => return Ok(Some(if others { Member::Other } else { Member::List(texts) })),
            }
        }
        while list.next_element_seed(Checked)?.is_some() {}
        Ok(Some(if others { Member::Other } else { Member::List(texts) }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Checked.visit_map(map).map(|()| Some(Member::Other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(body: &str) -> Result<Option<Member<'_>>, Code> {
        let members = Members::read(body.as_bytes(), &["image"]).map_err(|fault| fault.code);
        members.map(|mut members| members.take("image"))
    }

    fn text(text: &str) -> Member<'_> {
        Member::Text(Cow::Borrowed(text))
    }

    #[test]
    fn the_member_is_found_among_others() {
        assert_eq!(image(r#"{"a": [1, {"b": null}], "image": "aGk=", "c": 1.5}"#), Ok(Some(text("aGk="))));
        assert_eq!(image(r#"{"image": "a\/b"}"#), Ok(Some(text("a/b"))));
        assert_eq!(image(r#"{"image": null}"#), Ok(None));
        assert_eq!(image("{}"), Ok(None));
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        let found = image(r#"{"image": "aGk="}"#).unwrap();
        assert!(matches!(found, Some(Member::Text(Cow::Borrowed("aGk=")))));
    }

    #[test]
    fn numbers_lists_and_other_values_are_told_apart() {
        let list = |texts: &[&str]| Member::List(texts.iter().map(|text| (*text).to_owned()).collect());
        for (body, member) in [
            (r#"{"image": 24}"#, Member::Number("24".into())),
            (r#"{"image": -1}"#, Member::Number("-1".into())),
            (r#"{"image": 1e9}"#, Member::Number("1000000000".into())),
            (r#"{"image": 1.5}"#, Member::Number("1.5".into())),
            (r#"{"image": []}"#, list(&[])),
            (r#"{"image": ["a", "b"]}"#, list(&["a", "b"])),
            (r#"{"image": ["a", 1]}"#, Member::Other),
            (r#"{"image": [["a"]]}"#, Member::Other),
            (r#"{"image": {"a": 1}}"#, Member::Other),
            (r#"{"image": true}"#, Member::Other),
        ] {
            assert_eq!(image(body), Ok(Some(member)), "{body}");
        }
    }

    #[test]
    fn of_a_list_without_an_end_a_part_is_kept() {
        let body = format!("{{\"image\": [{}\"a\"]}}", "\"a\",".repeat(50_000));
        let Ok(Some(Member::List(list))) = image(&body) else { panic!("a list") };
        assert_eq!(list.len(), MAX_ELEMENTS);
    }

    #[test]
    fn what_breaks_off_within_a_member_names_it() {
        let told = |body: &str| Members::read(body.as_bytes(), &["zip", "ttl_h"]).unwrap_err().message;
        for value in ["1e400", "NaN", "-", "[1e400]"] {
            let message = told(&format!("{{\"zip\": \"aGk=\", \"ttl_h\": {value}}}"));
            assert!(message.contains("ttl_h") && !message.contains("zip"), "{value}: {message}");
        }
        for body in [r#"{"x": NaN, "zip": "aGk="}"#, r#"{"ttl_h": 1, "zip": "a"} x"#, "{"] {
            assert!(told(body).contains("{\"zip\": "), "{body}");
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
