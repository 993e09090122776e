//! The text fields beside the files of a request: options, and what a job needs. They come as fields of a form or as members
//! of JSON, and each may be given once.

use std::ops::Deref;

use huemill_actors::fault::Fault;

use crate::http::problem::given_twice;

/// Maximum size of a text.
pub(super) const MAX_TEXT: usize = 4 * 1024;

/// Texts by name. Each name occurs once.
#[derive(Debug, Default)]
pub(crate) struct Texts(Vec<(&'static str, String)>);

impl Texts {
    /// Adds a text.
    ///
    /// # Errors
    /// `INVALID_INPUT` if there is one of this name.
    pub(super) fn add(&mut self, name: &'static str, text: String) -> Result<(), Fault> {
        if self.0.iter().any(|(known, _)| *known == name) {
            return Err(given_twice(name));
        }
        self.0.push((name, text));
        Ok(())
    }
}

impl Deref for Texts {
    type Target = [(&'static str, String)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
