//! Merges the sources of the settings: the embedded defaults, a file, and the environment with its short names.
//!
//! Each override is tried alone on top of the defaults, so that one bad value does not hide the next.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::explanation::{bad_value, try_alone, unknown_key};
use super::problems::Problem;
use super::schema::{DEFAULTS, PREFIX, Settings};

/// Short names of environment variables and the keys that they set. Those marked `true` contain secrets and can also be
/// given as `…_FILE`.
pub(crate) const SHORT_NAMES: [(&str, &str, bool); 11] = [
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

/// What the sources add up to.
pub(super) struct Merged {
    /// The settings without the values that cannot be used. `None` if a source could not be read.
    pub(super) settings: Option<Settings>,
    /// Where each key that is not a default comes from.
    pub(super) places: BTreeMap<String, String>,
    /// What is wrong with single keys, values and sources.
    pub(super) problems: Vec<Problem>,
}

/// Merges all sources into settings. Ranges and rules between keys are validated later.
pub(super) fn merge(file: Option<&Path>, environment: &Environment) -> Merged {
    let defaults = known_keys();
    let (mut problems, mut overrides) = (Vec::new(), Vec::new());
    let mut is_readable = true;
    if let Some(path) = file {
        from_file(path, &mut overrides, &mut problems);
        is_readable = problems.is_empty();
    }
    from_environment(environment, &defaults, &mut overrides, &mut problems);

    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    let mut places = BTreeMap::new();
    for Override { key, place, value } in overrides {
        let problem = |what: String| Problem { key: key.clone(), place: place.clone(), what };
        if !defaults.contains_key(&key) {
            problems.push(problem(unknown_key(&key, &defaults)));
        } else if let Err(error) = try_alone(&key, &value) {
            problems.push(problem(bad_value(&error, &key, &value, &defaults)));
        } else if let Ok(next) = builder.clone().set_override(&key, value) {
            builder = next;
            places.insert(key, place);
        }
    }
    let settings = builder.build().and_then(Config::try_deserialize);
    let settings = settings.map_err(|error| problems.push(Problem::of_source("settings", error.to_string())));
    Merged { settings: settings.ok().filter(|_| is_readable), places, problems }
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
        Err(what) => problems.push(Problem::of_source(place, what)),
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
                let value = text.trim_end_matches(['\r', '\n']);
                // Like a variable that is set and empty, an empty file counts as not set.
                if !value.is_empty() {
                    overrides.push(Override { key: key.into(), place: file, value: value.into() });
                }
            }
            Some(Err(error)) => {
                problems.push(Problem {
                    key: key.into(),
                    place: file,
                    what: format!("cannot be read: {error}"),
                });
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

#[cfg(test)]
mod tests {
    use super::super::problems::Problems;
    use super::*;

    #[test]
    fn a_renamed_key_is_refused_and_the_new_name_is_given() {
        let environment = [("HUEMILL__JOBS__REST_SECONDS", "5")].into_iter().collect();
        let problems = merge(None, &environment).problems;
        assert_eq!(
            Problems(problems).to_string(),
            "jobs.rest_seconds (HUEMILL__JOBS__REST_SECONDS): was renamed; use jobs.drain_timeout_seconds \
             (HUEMILL__JOBS__DRAIN_TIMEOUT_SECONDS)\n"
        );
    }
}
