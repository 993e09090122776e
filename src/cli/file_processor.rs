//! Processes one file: reads it, runs the engine, writes the card and the palettes. `process` and `watch` use it.
//!
//! A panic of the engine is caught and reported, so that the other files are still processed.

use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use huemill_actors::fault::Code;
use huemill_imaging::{
    Engine, EngineError, Error, Export, Limits, Options, Outcome, Raster, Tile, Unmonitored, probe,
};

use super::atomic_file;
use super::file_error::{FileCommand, explain};
use super::regular_file;

/// The maximum size of a file: 100 megapixels of eight bytes, the largest picture that the limits allow.
const MAX_FILE_BYTES: u64 = 800_000_000;

/// How a ZIP begins: with its first entry, or with its end if it is empty.
const ZIP_STARTS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// The result of a file.
pub(super) type FileResult = Result<ProcessedFile, ProcessError>;

/// What is made of a file beside its outcome. Files are replaced, and their folders are created.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// The folder that files are written to, in it or below it.
    pub(super) root: PathBuf,
    /// The path of the card.
    pub(super) card: Option<PathBuf>,
    /// The palette's formats and paths.
    pub(super) palettes: Vec<(Export, PathBuf)>,
    /// Whether a tile of a contact sheet is drawn.
    pub(super) tile: bool,
}

/// The result of a file that was processed. It does not keep the bytes of the card, because it may wait for its turn to
/// be printed.
pub(super) struct ProcessedFile {
    pub(super) outcome: Outcome,
    /// The path of the card, if one was written.
    pub(super) card: Option<PathBuf>,
    /// The tile of a contact sheet, if one was requested.
    pub(super) tile: Option<Tile>,
}

/// Why a file has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("{}", explain(FileCommand::Process, path, source))]
    Read { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Argument(String),
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
            Self::Read { .. } | Self::Argument(_) => Code::InvalidInput,
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
    /// Whether pipes and devices are errors. A user may name one, such as `<(command)`; a folder may have one by malice.
    only_regular: bool,
}

impl FileProcessor {
    /// One that reads only regular files.
    pub(super) fn of_regular_files() -> Self {
        Self { engine: None, only_regular: true }
    }

    /// Processes the file and writes what `outputs` asks for.
    pub(super) fn process(&mut self, file: &Path, options: &Options, outputs: &Outputs) -> FileResult {
        let bytes = read(file, self.only_regular)?;
        // An engine that panicked is not used again, so its inconsistent state does no harm.
        let result = catch_unwind(AssertUnwindSafe(|| self.run_engine(&bytes, options, outputs.tile)));
        let (mut outcome, copy) = result.unwrap_or_else(|_| {
            self.engine = None;
            Err(ProcessError::Panicked)
        })?;
        drop(bytes);
        let encoded = outcome.card.take();
        let tile = copy.map(|copy| Tile::draw(&copy, &outcome)).transpose()?;
        for (export, path) in &outputs.palettes {
            write(&outputs.root, path, &export.write(&outcome.palette))?;
        }
        let card = outputs.card.as_ref().zip(encoded);
        let card = card.map(|(path, card)| write(&outputs.root, path, &card.bytes)).transpose()?;
        Ok(ProcessedFile { outcome, card, tile })
    }

    /// The outcome, with the reduced copy of the picture where it is kept.
    fn run_engine(
        &mut self,
        bytes: &[u8],
        options: &Options,
        keep_copy: bool,
    ) -> Result<(Outcome, Option<Raster>), ProcessError> {
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
        let mut copy = None;
        let outcome = engine.process_with_copy(bytes, &probe, options, &Unmonitored, |small| {
            copy = keep_copy.then_some(small);
        })?;
        Ok((outcome, copy))
    }
}

fn read(file: &Path, only_regular: bool) -> Result<Vec<u8>, ProcessError> {
    if file == Path::new("-") {
        return read_up_to_limit(io::stdin().lock(), file, 0);
    }
    let opened = if only_regular { regular_file::open(file) } else { File::open(file) };
    let opened = opened.map_err(|source| unreadable(file, source))?;
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

fn write(root: &Path, path: &Path, bytes: &[u8]) -> Result<PathBuf, ProcessError> {
    let failed = |source| ProcessError::Write { path: path.to_owned(), source };
    atomic_file::write_below(root, path, bytes).map_err(failed)?;
    Ok(path.to_owned())
}
