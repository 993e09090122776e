//! Processes one file: reads it, runs the engine, writes the card.
//!
//! A panic of the engine is caught and reported, so that the other files are still processed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use huemill_actors::fault::Code;
use huemill_imaging::{Engine, EngineError, Error, Export, Limits, Options, Outcome, Unmonitored, probe};

use crate::cli::file_error::{FileCommand, explain};

/// The maximum size of a file: 100 megapixels of eight bytes, the largest picture that the limits allow.
const MAX_FILE_BYTES: u64 = 800_000_000;

/// How a ZIP begins: with its first entry, or with its end if it is empty.
const ZIP_STARTS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// The result of a file.
pub(super) type FileResult = Result<ProcessedFile, ProcessError>;

/// The result of a file that was processed. It does not keep the bytes of the card, because it may wait for its turn to
/// be printed.
pub(super) struct ProcessedFile {
    pub(super) outcome: Outcome,
    /// The path of the card, if one was requested.
    pub(super) card: Option<PathBuf>,
}

/// Why a file has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("{}", explain(FileCommand::Process, path, source))]
    Read { path: PathBuf, source: io::Error },
    #[error("the file is larger than {} MB", .limit / 1_000_000)]
    TooLarge { limit: u64 },
    #[error("{0}")]
    Picture(#[from] Error),
    #[error("this is a ZIP archive; process its pictures with `huemill submit`")]
    Zip,
    #[error("{0}")]
    Engine(#[from] EngineError),
    #[error("the program crashed on this picture; please report it")]
    Panicked,
    #[error("cannot write to {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl ProcessError {
    /// The code that the service would return.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Read { .. } => Code::InvalidInput,
            Self::TooLarge { .. } => Code::PayloadTooLarge,
            Self::Picture(error) => Code::from(error),
            Self::Zip => Code::UnsupportedMediaType,
            Self::Engine(_) | Self::Panicked | Self::Write { .. } => Code::InternalError,
        }
    }
}

/// Processes files one after the other and keeps the engine between them. Each thread has one.
#[derive(Default)]
pub(super) struct FileProcessor {
    engine: Option<Engine>,
}

impl FileProcessor {
    /// Processes the file, writes its card to the path `card`, and its palette beside it.
    pub(super) fn process(
        &mut self,
        file: &Path,
        options: &Options,
        card: Option<&Path>,
        exports: &[Export],
    ) -> FileResult {
        let bytes = read(file)?;
        // An engine that panicked is not used again, so its inconsistent state does no harm.
        let result = catch_unwind(AssertUnwindSafe(|| self.run_engine(&bytes, options)));
        let mut outcome = result.unwrap_or_else(|_| {
            self.engine = None;
            Err(ProcessError::Panicked)
        })?;
        drop(bytes);
        let encoded = outcome.card.take();
        for (path, export) in card.iter().flat_map(|path| exports.iter().map(move |export| (path, export))) {
            write(&palette_path(path, *export), &export.write(&outcome.palette))?;
        }
        let card = card.zip(encoded).map(|(path, card)| write(path, &card.bytes)).transpose()?;
        Ok(ProcessedFile { outcome, card })
    }

    fn run_engine(&mut self, bytes: &[u8], options: &Options) -> Result<Outcome, ProcessError> {
        let probe = probe(bytes, &Limits::default()).map_err(|error| match error {
            Error::Unrecognised if ZIP_STARTS.iter().any(|start| bytes.starts_with(start)) => {
                ProcessError::Zip
            }
            error => error.into(),
        })?;
        let engine = match &mut self.engine {
            Some(engine) => engine,
            empty => empty.insert(Engine::new()?),
        };
        Ok(engine.process(bytes, &probe, options, &Unmonitored)?)
    }
}

/// The path of a palette beside a card: `photo.card.png` and `photo.palette.css`.
fn palette_path(card: &Path, export: Export) -> PathBuf {
    let stem = card.with_extension("");
    stem.with_extension(format!("palette.{}", export.extension()))
}

fn read(file: &Path) -> Result<Vec<u8>, ProcessError> {
    if file == Path::new("-") {
        return read_up_to_limit(io::stdin().lock(), file, 0);
    }
    let opened = File::open(file).map_err(|source| unreadable(file, source))?;
    let length = opened.metadata().map_or(0, |metadata| metadata.len());
    read_up_to_limit(opened, file, length)
}

/// Reads all bytes up to the limit. The announced length is not trusted, because the file may be a device.
fn read_up_to_limit(source: impl Read, file: &Path, expected: u64) -> Result<Vec<u8>, ProcessError> {
    let too_large = ProcessError::TooLarge { limit: MAX_FILE_BYTES };
    if expected > MAX_FILE_BYTES {
        return Err(too_large);
    }
    let mut bytes = Vec::with_capacity(expected as usize + 1);
    let read = source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| unreadable(file, source))?;
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(too_large) } else { Ok(bytes) }
}

fn unreadable(file: &Path, source: io::Error) -> ProcessError {
    ProcessError::Read { path: file.to_owned(), source }
}

fn write(path: &Path, bytes: &[u8]) -> Result<PathBuf, ProcessError> {
    fs::write(path, bytes).map_err(|source| {
        // Do not leave half a card. If it cannot be removed either, the error below says enough.
        let _ = fs::remove_file(path);
        ProcessError::Write { path: path.to_owned(), source }
    })?;
    Ok(path.to_owned())
}
