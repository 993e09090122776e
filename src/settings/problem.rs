//! What is wrong with the settings: one [`Problem`] for each key, reported together as [`Problems`].

use std::fmt::{self, Display};
use std::ops::RangeInclusive;

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, or the variable or file if there is no key.
    pub key: String,
    /// What is wrong and what would be right. Never contains a secret's value.
    pub what: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| writeln!(f, "{}: {}", problem.key, problem.what))
    }
}

impl std::error::Error for Problems {}

/// Collects problems while settings are validated.
#[derive(Debug, Default)]
pub(super) struct Validator {
    problems: Vec<Problem>,
}

impl Validator {
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(super) fn require(&mut self, holds: bool, key: &str, what: &str) {
        if !holds {
            self.problems.push(Problem { key: key.into(), what: what.into() });
        }
    }

    pub(super) fn at_least<N: PartialOrd + Display>(&mut self, minimum: N, value: N, key: &str) {
        self.require(value >= minimum, key, &format!("must be at least {minimum}"));
    }

    pub(super) fn between<N: PartialOrd + Display>(&mut self, range: RangeInclusive<N>, value: N, key: &str) {
        let what = format!("must be from {} to {}", range.start(), range.end());
        self.require(range.contains(&value), key, &what);
    }
}
