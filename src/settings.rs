//! The service's settings: loaded once at start from defaults, a file and the environment, then validated.
//!
//! `config/default.toml` documents every key. All problems in all sources are reported at once.

mod client_address;
mod explanation;
mod mask;
mod problems;
mod schema;
mod sources;
mod validation;

use std::path::Path;

pub use client_address::ClientAddress;
pub use problems::{Problem, Problems};
pub use schema::*;
pub use sources::Environment;
use sources::Merged;
pub(crate) use sources::SHORT_NAMES;

impl Settings {
    /// Loads the embedded defaults, then the file if one is given, then the environment. Later sources win.
    ///
    /// # Errors
    /// Every problem found in any source, each with the place it comes from.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, Problems> {
        let Merged { settings, places, mut problems } = sources::merge(file, environment);
        // A rule is not checked against a value that could not be used: it might hold with the right one.
        let unusable: Vec<_> = problems.iter().map(|problem| problem.key.clone()).collect();
        let rules = settings.as_ref().map(validation::problems).unwrap_or_default();
        for mut problem in rules.0 {
            if !unusable.iter().any(|key| problem.concerns(key)) {
                problem.place = places.get(&problem.key).cloned().unwrap_or_default();
                problems.push(problem);
            }
        }
        settings.filter(|_| problems.is_empty()).ok_or(Problems(problems))
    }
}
