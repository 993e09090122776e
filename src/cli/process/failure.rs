//! Why a file gave nothing: one line for people, one code for programs.

use std::io;
use std::path::PathBuf;

use huemill_actors::fault::Code;
use huemill_imaging::{Error, ThreadPoolError};

/// Why a file gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Read(#[source] io::Error),
    #[error("the file is larger than {} MB", .limit / 1_000_000)]
    TooLong { limit: u64 },
    #[error("{0}")]
    Picture(#[from] Error),
    #[error("{0}")]
    Engine(#[from] ThreadPoolError),
    #[error("the program failed on this picture; please report it")]
    Panicked,
    #[error("the card cannot be written to {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Failure {
    /// The code that the service would answer.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Read(_) => Code::InvalidInput,
            Self::TooLong { .. } => Code::PayloadTooLarge,
            Self::Picture(error) => Code::from(error),
            Self::Engine(_) | Self::Panicked | Self::Write { .. } => Code::InternalError,
        }
    }
}
