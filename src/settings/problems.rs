//! What is wrong with the settings: each problem with its key and what would be right. The check of the settings collects
//! all of them, so that one start reports everything. It never shows the value of a secret.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, or the variable or file if there is no key.
    pub key: String,
    /// The variable or file that set the key; empty if there is no key, or if it has its default value.
    pub place: String,
    /// What is wrong and what would be right. Never contains a secret's value.
    pub what: String,
}

impl Problem {
    /// A problem of a whole source rather than of a key in it.
    pub(super) fn of_source(source: impl Into<String>, what: String) -> Self {
        Self { key: source.into(), place: String::new(), what }
    }

    /// Whether the problem is about this key, or its rule depends on this key.
    pub(super) fn concerns(&self, key: &str) -> bool {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        self.key == key || self.what.split(|c| !is_part(c)).any(|word| word.trim_end_matches('.') == key)
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds a problem unless the condition holds.
    pub(super) fn require(&mut self, holds: bool, key: &str, what: &str) {
        if !holds {
            self.0.push(Problem { key: key.into(), place: String::new(), what: what.into() });
        }
    }

    pub(super) fn at_least<N: Copy + PartialOrd + Display>(&mut self, minimum: N, value: N, key: &str) {
        self.require(value >= minimum, key, &format!("must be at least {minimum}"));
    }

    pub(super) fn between<N: Copy + PartialOrd + Display>(
        &mut self,
        range: RangeInclusive<N>,
        value: N,
        key: &str,
    ) {
        let what = format!("must be from {} to {}", range.start(), range.end());
        self.require(range.contains(&value), key, &what);
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| writeln!(f, "{problem}"))
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, place, what } = self;
        if place.is_empty() { write!(f, "{key}: {what}") } else { write!(f, "{key} ({place}): {what}") }
    }
}

impl std::error::Error for Problems {}
