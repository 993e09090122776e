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
    /// A list of strings, up to the maximum.
    List(Vec<String>),
    /// Anything else.
    Other,
}

/// Parses a value and keeps it; `None` for null.
pub(super) struct KeepValue;

impl<'de> DeserializeSeed<'de> for KeepValue {
    type Value = Option<JsonValue<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KeepValue {
    type Value = Option<JsonValue<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(JsonValue::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(JsonValue::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Some(JsonValue::Other))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(JsonValue::Number(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(JsonValue::Number(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(JsonValue::Number(number.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut texts, mut has_others) = (Vec::new(), false);
        while texts.len() < MAX_ELEMENTS {
            match list.next_element_seed(KeepValue)? {
                Some(Some(JsonValue::Text(text))) => texts.push(text.into_owned()),
                Some(_) => has_others = true,
                None => return Ok(Some(if has_others { JsonValue::Other } else { JsonValue::List(texts) })),
            }
        }
        while list.next_element_seed(SkipValue)?.is_some() {}
        Ok(Some(if has_others { JsonValue::Other } else { JsonValue::List(texts) }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        SkipValue.visit_map(map).map(|()| Some(JsonValue::Other))
    }
}

/// Checks a value and drops it.
pub(super) struct SkipValue;

impl<'de> DeserializeSeed<'de> for SkipValue {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SkipValue {
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
        while list.next_element_seed(SkipValue)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(SkipValue)?;
        }
        Ok(())
    }
}
