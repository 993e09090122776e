//! Parses single JSON values. Wanted values are kept; all others are checked just as strictly and dropped, because
//! serde's `IgnoredAny` accepts 1e400 and lone surrogates.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Maximum number of list elements that are kept: one more than any list may have is enough to detect that.
pub(super) const MAX_ELEMENTS: usize = 10_001;

/// A member's value. `null` counts as a missing member.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JsonValue<'a> {
    /// A string, borrowed if it has no escapes.
    Text(Cow<'a, str>),
    /// A number, as decimal digits.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
    /// A list of strings, up to the maximum.
    List(Vec<String>),
    /// A list of numbers, as decimal digits, up to the maximum: one at least.
    Numbers(Vec<String>),
    /// Anything else, or a value that is not kept.
    Other,
}

/// Parses a value: `None` for null.
#[derive(Clone, Copy)]
pub(super) struct ValueSeed {
    /// Whether the value is kept.
    pub keep: bool,
}

impl ValueSeed {
    fn kept<'de>(self, value: impl FnOnce() -> JsonValue<'de>) -> JsonValue<'de> {
        if self.keep { value() } else { JsonValue::Other }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Option<JsonValue<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Option<JsonValue<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(self.kept(|| JsonValue::Text(Cow::Borrowed(text)))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(self.kept(|| JsonValue::Text(Cow::Owned(text.to_owned())))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(self.kept(|| JsonValue::Bool(value))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(self.kept(|| JsonValue::Number(number.to_string()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(self.kept(|| JsonValue::Number(number.to_string()))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(self.kept(|| JsonValue::Number(number.to_string()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut texts, mut numbers, mut has_others) = (Vec::new(), Vec::new(), false);
        loop {
            let keep = self.keep && texts.len() + numbers.len() < MAX_ELEMENTS;
            match list.next_element_seed(Self { keep })? {
                Some(Some(JsonValue::Text(text))) => texts.push(text.into_owned()),
                Some(Some(JsonValue::Number(number))) => numbers.push(number),
                Some(_) => has_others |= keep,
                None => break,
            }
        }
        Ok(Some(self.kept(|| match (texts.is_empty(), numbers.is_empty()) {
            _ if has_others => JsonValue::Other,
            (_, true) => JsonValue::List(texts),
            (true, false) => JsonValue::Numbers(numbers),
            (false, false) => JsonValue::Other,
        })))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Self { keep: false })?;
        }
        Ok(Some(JsonValue::Other))
    }
}
