//! The service's settings: loaded once at start from defaults, a file and the environment, then validated.
//!
//! `config/default.toml` documents every key. All problems in all sources are reported at once.

mod client_address;
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

impl Settings {
    /// Loads the embedded defaults, then the file if one is given, then the environment. Later sources win.
    ///
    /// # Errors
    /// Every problem found in any source, each with the place it comes from.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, Problems> {
        let settings = sources::merge(file, environment)?;
        let problems = validation::problems(&settings);
        if problems.0.is_empty() { Ok(settings) } else { Err(problems) }
    }
}
