//! Where settings come from: the embedded defaults, a file, the environment with its short names.
//!
//! Each override is tried alone on top of the defaults, so that one bad value does not hide the next.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::{DEFAULTS, Settings};

const PREFIX: &str = "HUEMILL__";

/// Short names of the environment and the keys that they set. Those marked `true` hold secrets and have a
/// `…_FILE` form.
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

/// The environment's variables, as data: tests bring their own.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. One that is not UTF-8 can be none of ours and is left out.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect()
    }

    /// Sets a variable, as an argument of the command line does.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// One thing wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, or the variable or file where there is no key.
    pub key: String,
    /// What is wrong and what would be right. Never holds a secret's value.
    pub what: String,
}

/// Everything wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| writeln!(f, "{}: {}", problem.key, problem.what))
    }
}

impl std::error::Error for Problems {}

/// A value for one key, and where it was found.
struct Override {
    key: String,
    place: String,
    value: Value,
}

/// The settings that all sources make together, before their ranges are checked.
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
            problems.push(problem(unknown(&key, &defaults)));
        } else if let Err(error) = builds(&key, &value) {
            problems.push(problem(refused(&error, &key, &value, &defaults)));
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

/// Every key of the defaults with its default value.
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
        let no_toml = |error: ConfigError| format!("is no TOML: {}", without_source(&error.to_string()));
        File::from_str(&text, FileFormat::Toml).collect().map_err(no_toml)
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

/// What the parser says without the line that it shows, which may hold a secret.
fn without_source(text: &str) -> String {
    let is_shown =
        |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_shown(line))
        .collect::<Vec<_>>()
        .join(": ")
}

fn from_environment(
    environment: &Environment,
    defaults: &BTreeMap<String, Value>,
    overrides: &mut Vec<Override>,
    problems: &mut Vec<Problem>,
) {
    for (name, text) in &environment.0 {
        if let Some(key) = name.strip_prefix(PREFIX) {
            let key = key.to_lowercase().replace("__", ".");
            let value = parsed(text, defaults.get(&key));
            overrides.push(Override { key, place: name.clone(), value });
        }
    }
    for (name, key, secret) in SHORT_NAMES {
        if let Some(text) = environment.0.get(name) {
            overrides.push(Override { key: key.into(), place: name.into(), value: text.clone().into() });
        }
        let file = format!("{name}_FILE");
        match environment.0.get(&file).filter(|_| secret).map(std::fs::read_to_string) {
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

/// A variable's text as the key's own kind: lists are comma-separated, everything else converts from text.
fn parsed(text: &str, default: Option<&Value>) -> Value {
    match default.map(|value| &value.kind) {
        Some(ValueKind::Array(_)) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().into()
        }
        _ => text.into(),
    }
}

/// Whether the defaults with this one value make settings.
fn builds(key: &str, value: &Value) -> Result<(), ConfigError> {
    let config = Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .set_override(key, value.clone())?
        .build()?;
    config.try_deserialize::<Settings>().map(drop)
}

/// What is wrong with a value, and what would be right.
fn refused(error: &ConfigError, key: &str, value: &Value, defaults: &BTreeMap<String, Value>) -> String {
    match error {
        ConfigError::At { error, .. } => refused(error, key, value, defaults),
        ConfigError::Type { .. } => {
            let allowed = allowed(key, defaults.get(key).map(|default| &default.kind));
            format!("is {}; it must be {allowed}", shown(&value.kind))
        }
        other => other.to_string(),
    }
}

/// A value as it was written. A text that is a secret is of the right kind always, and never comes here.
fn shown(value: &ValueKind) -> String {
    match value {
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Table(_) => "a section".to_owned(),
        ValueKind::String(text) => format!("{text:?}"),
        plain => plain.to_string(),
    }
}

/// What a key takes. How large its numbers may be is found by trying: only its type knows.
fn allowed(key: &str, default: Option<&ValueKind>) -> String {
    match default {
        Some(ValueKind::I64(_)) => {
            let mut largest = [u64::from(u16::MAX), u64::from(u32::MAX)].into_iter();
            match largest.find(|largest| builds(key, &(largest + 1).into()).is_err()) {
                Some(largest) => format!("a whole number from 0 to {largest}"),
                None => "a whole number, 0 or more".to_owned(),
            }
        }
        Some(ValueKind::Float(_)) => "a number".to_owned(),
        Some(ValueKind::Boolean(_)) => "true or false".to_owned(),
        Some(ValueKind::Array(_)) => "a list of texts".to_owned(),
        _ => "a text".to_owned(),
    }
}

fn unknown(key: &str, defaults: &BTreeMap<String, Value>) -> String {
    let near = defaults.keys().min_by_key(|known| distance(known, key));
    near.map_or_else(|| "is no key".to_owned(), |near| format!("is no key; did you mean {near}?"))
}

/// How many single-letter edits lie between two words (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
