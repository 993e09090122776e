//! Merges the sources of the settings: the embedded defaults, a file, and the environment with its short names.
//!
//! Each override is tried alone on top of the defaults, so that one bad value does not hide the next.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use huemill_store::store::Role;

use super::client_address::ClientAddress;
use super::problems::{Problem, Problems};
use super::schema::{AccessMode, DEFAULTS, ForwardedHeaders, Settings};

/// From which likeness on a key is suggested in place of an unknown one (0 to 1).
const LIKENESS: f64 = 0.75;

const PREFIX: &str = "HUEMILL__";

/// Short names of environment variables and the keys that they set. Those marked `true` contain secrets and can also be
/// given as `…_FILE`.
const SHORT_NAMES: [(&str, &str, bool); 11] = [
    ("HOST", "server.host", false),
    ("PORT", "server.port", false),
    ("DATA_DIR", "data.dir", false),
    ("DATABASE_URL", "store.url", true),
    ("BLOB_URL", "blobs.url", false),
    ("RUST_LOG", "log.filter", false),
    ("PUBLIC_URL", "public.url", false),
    ("WEBHOOK_SECRET", "security.webhook_secret", true),
    ("WEBHOOK_SECRET_PREVIOUS", "security.webhook_secret_previous", true),
    ("OPERATOR_TOKEN", "security.operator_token", true),
    ("REQUIRE_SIGNATURE", "security.require_signature", false),
];

/// Keys of earlier versions and the keys that replaced them.
const RENAMED_KEYS: [(&str, &str); 1] = [("jobs.rest_seconds", "jobs.drain_timeout_seconds")];

/// Environment variables as plain data, so that tests can supply their own.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. A variable that is not UTF-8 is skipped: no setting needs one. An empty one counts as
    /// not set, since that is how container tools write a variable without a value.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect()
    }

    /// Sets a variable. Command-line arguments override settings this way.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// A value for one key, and where it comes from.
struct Override {
    key: String,
    place: String,
    value: Value,
}

/// Merges all sources into settings. Ranges and rules between keys are validated later.
pub(super) fn merge(file: Option<&Path>, environment: &Environment) -> Result<Settings, Problems> {
    let defaults = known_keys();
    let mut problems = Vec::new();
    let mut overrides = Vec::new();
    if let Some(path) = file {
        from_file(path, &mut overrides, &mut problems);
    }
    from_environment(environment, &defaults, &mut overrides, &mut problems);

    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    for Override { key, place, value } in overrides {
        let problem = |what: String| Problem { key: format!("{key} ({place})"), what };
        if !defaults.contains_key(&key) {
            problems.push(problem(unknown_key(&key, &defaults)));
        } else if let Err(error) = try_alone(&key, &value) {
            problems.push(problem(bad_value(&error, &key, &value, &defaults)));
        } else if let Ok(next) = builder.clone().set_override(&key, value) {
            builder = next;
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    builder
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| Problems(vec![Problem { key: "settings".into(), what: error.to_string() }]))
}

/// Every key with its default value.
fn known_keys() -> BTreeMap<String, Value> {
    let collected = File::from_str(DEFAULTS, FileFormat::Toml).collect().unwrap_or_default();
    flatten(collected).into_iter().collect()
}

fn flatten(map: Map<String, Value>) -> Vec<(String, Value)> {
    let inner = |(key, value): (String, Value)| match value.kind {
        ValueKind::Table(table) => {
            flatten(table).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)).collect()
        }
        _ => vec![(key, value)],
    };
    map.into_iter().flat_map(inner).collect()
}

fn from_file(path: &Path, overrides: &mut Vec<Override>, problems: &mut Vec<Problem>) {
    let place = path.display().to_string();
    let read = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"));
    let parsed = read.and_then(|text| {
        let not_toml =
            |error: ConfigError| format!("is not valid TOML: {}", without_source(&error.to_string()));
        File::from_str(&text, FileFormat::Toml).collect().map_err(not_toml)
    });
    match parsed {
        Ok(map) => {
            let mut keys = flatten(map);
            keys.sort_by(|(a, _), (b, _)| a.cmp(b));
            overrides.extend(keys.into_iter().map(|(key, value)| Override {
                key,
                place: place.clone(),
                value,
            }));
        }
        Err(what) => problems.push(Problem { key: place, what }),
    }
}

/// Removes the source line from a parser error, because that line may contain a secret.
fn without_source(text: &str) -> String {
    let is_source =
        |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_source(line))
        .collect::<Vec<_>>()
        .join(": ")
}

fn from_environment(
    environment: &Environment,
    defaults: &BTreeMap<String, Value>,
    overrides: &mut Vec<Override>,
    problems: &mut Vec<Problem>,
) {
    let variable = |name: &str| environment.0.get(name).filter(|text| !text.is_empty());
    for (name, text) in environment.0.iter().filter(|(_, text)| !text.is_empty()) {
        if let Some(key) = name.strip_prefix(PREFIX) {
            let key = key.to_lowercase().replace("__", ".");
            let value = parsed(text, defaults.get(&key));
            overrides.push(Override { key, place: name.clone(), value });
        }
    }
    for (name, key, secret) in SHORT_NAMES {
        if let Some(text) = variable(name) {
            overrides.push(Override { key: key.into(), place: name.into(), value: text.clone().into() });
        }
        let file = format!("{name}_FILE");
        match variable(&file).filter(|_| secret).map(std::fs::read_to_string) {
            Some(Ok(text)) => {
                let value = text.trim_end_matches(['\r', '\n']).into();
                overrides.push(Override { key: key.into(), place: file, value });
            }
            Some(Err(error)) => {
                problems.push(Problem { key: file, what: format!("cannot be read: {error}") });
            }
            None => {}
        }
    }
}

/// Converts a variable's text to the key's type. Lists are comma-separated; the config crate converts everything else.
fn parsed(text: &str, default: Option<&Value>) -> Value {
    match default.map(|value| &value.kind) {
        Some(ValueKind::Array(_)) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().into()
        }
        _ => text.into(),
    }
}

/// Checks that the defaults with this one override deserialize into settings.
fn try_alone(key: &str, value: &Value) -> Result<(), ConfigError> {
    let config = Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .set_override(key, value.clone())?
        .build()?;
    config.try_deserialize::<Settings>().map(drop)
}

/// Explains what is wrong with a value and what would be right.
fn bad_value(error: &ConfigError, key: &str, value: &Value, defaults: &BTreeMap<String, Value>) -> String {
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
fn unknown_key(key: &str, defaults: &BTreeMap<String, Value>) -> String {
    if let Some((_, new)) = RENAMED_KEYS.iter().find(|(old, _)| *old == key) {
        let variable = format!("{PREFIX}{}", new.to_uppercase().replace('.', "__"));
        return format!("was renamed; use {new} ({variable})");
    }
    let likeness = |known: &&String| strsim::normalized_damerau_levenshtein(known, key);
    let similar = defaults.keys().filter(|known| likeness(known) >= LIKENESS);
    let closest = similar.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    closest.map_or_else(|| "unknown key".to_owned(), |known| format!("unknown key; did you mean {known}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_key_is_refused_and_the_new_name_is_given() {
        let environment = [("HUEMILL__JOBS__REST_SECONDS", "5")].into_iter().collect();
        let problems = merge(None, &environment).unwrap_err().to_string();
        assert_eq!(
            problems,
            "jobs.rest_seconds (HUEMILL__JOBS__REST_SECONDS): was renamed; use jobs.drain_timeout_seconds \
             (HUEMILL__JOBS__DRAIN_TIMEOUT_SECONDS)\n"
        );
    }
}
