//! Explains what is wrong with a key or with the type of its value, and what would be right. The sources of the settings ask
//! for it. It cannot fail.

use std::collections::BTreeMap;

use config::{Config, ConfigError, File, FileFormat, Value, ValueKind};
use huemill_store::store::Role;

use super::client_address::ClientAddress;
use super::schema::{AccessMode, DEFAULTS, ForwardedHeaders, LogFormat, PREFIX, Settings};

/// From which likeness on a key is suggested in place of an unknown one (0 to 1).
const LIKENESS: f64 = 0.75;

/// Keys of earlier versions and the keys that replaced them.
const RENAMED_KEYS: [(&str, &str); 1] = [("jobs.rest_seconds", "jobs.drain_timeout_seconds")];

/// Checks that the defaults with this one override deserialize into settings.
pub(super) fn try_alone(key: &str, value: &Value) -> Result<(), ConfigError> {
    let config = Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .set_override(key, value.clone())?
        .build()?;
    config.try_deserialize::<Settings>().map(drop)
}

/// Explains what is wrong with a value and what would be right.
pub(super) fn bad_value(
    error: &ConfigError,
    key: &str,
    value: &Value,
    defaults: &BTreeMap<String, Value>,
) -> String {
    match error {
        ConfigError::At { error, .. } => bad_value(error, key, value, defaults),
        // The library's own message about an enum has the name of its type, and not what is allowed.
        ConfigError::Type { .. } | ConfigError::Message(_) => {
            let default = defaults.get(key).map(|default| &default.kind);
            let found = match &value.kind {
                // No secret is a list, so the items can be shown.
                ValueKind::Array(items) if matches!(default, Some(ValueKind::Array(_))) => {
                    let items = items.iter().map(|item| describe(&item.kind)).collect::<Vec<_>>();
                    format!("[{}]", items.join(", "))
                }
                other => describe(other),
            };
            format!("is {found}; it must be {}", expected(key, default))
        }
        other => other.to_string(),
    }
}

/// Formats a value for an error message. Secrets never get here: they are strings, and any string is a valid secret.
fn describe(value: &ValueKind) -> String {
    match value {
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Table(_) => "a section".to_owned(),
        ValueKind::String(text) => format!("{text:?}"),
        plain => plain.to_string(),
    }
}

/// The words that a key accepts, if there are only so many.
fn words(key: &str) -> Option<Vec<&'static str>> {
    match key {
        "access.mode" => Some(AccessMode::WORDS.to_vec()),
        "log.client_address" => Some(ClientAddress::WORDS.to_vec()),
        "log.format" => Some(LogFormat::WORDS.to_vec()),
        "server.forwarded_headers" => Some(ForwardedHeaders::WORDS.to_vec()),
        "server.role" => Some(Role::ALL.iter().map(|role| role.as_str()).collect()),
        _ => None,
    }
}

/// Describes what a key accepts.
fn expected(key: &str, default: Option<&ValueKind>) -> String {
    if let Some(words) = words(key) {
        let (last, others) = words.split_last().unwrap_or((&"", &[]));
        return format!("{} or {last}", others.join(", "));
    }
    match default {
        Some(ValueKind::I64(_)) => match largest(|number| try_alone(key, &number.into()).is_ok()) {
            Some(largest) => format!("a whole number from 0 to {largest}"),
            None => "a whole number, 0 or more".to_owned(),
        },
        Some(ValueKind::Array(items)) if items.iter().any(|item| matches!(item.kind, ValueKind::I64(_))) => {
            match largest(|number| try_alone(key, &vec![number].into()).is_ok()) {
                Some(largest) => format!("a list of whole numbers from 0 to {largest}"),
                None => "a list of whole numbers, 0 or more".to_owned(),
            }
        }
        Some(ValueKind::Float(_)) => "a number".to_owned(),
        Some(ValueKind::Boolean(_)) => "true or false".to_owned(),
        Some(ValueKind::Array(_)) => "a list of strings".to_owned(),
        _ => "a string".to_owned(),
    }
}

/// The largest number that a field takes, found by trying because only its type knows it; `None` if it takes any.
fn largest(accepts: impl Fn(u64) -> bool) -> Option<u64> {
    [u64::from(u8::MAX), u64::from(u16::MAX), u64::from(u32::MAX)]
        .into_iter()
        .find(|number| !accepts(number + 1))
}

/// Explains that a key does not exist, with the name of one that looks much like it.
pub(super) fn unknown_key(key: &str, defaults: &BTreeMap<String, Value>) -> String {
    if let Some((_, new)) = RENAMED_KEYS.iter().find(|(old, _)| *old == key) {
        let variable = format!("{PREFIX}{}", new.to_uppercase().replace('.', "__"));
        return format!("was renamed; use {new} ({variable})");
    }
    let likeness = |known: &&String| strsim::normalized_damerau_levenshtein(known, key);
    let similar = defaults.keys().filter(|known| likeness(known) >= LIKENESS);
    let closest = similar.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    closest.map_or_else(|| "unknown key".to_owned(), |known| format!("unknown key; did you mean {known}?"))
}
