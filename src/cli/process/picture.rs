//! One file: read it, make of it what was asked, write its card.
//!
//! A panic is contained: the bytes may come from anywhere, and the other files still want their turn.

use std::fs::{self, File};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use huemill_imaging::{Engine, Limits, Options, Outcome, Unmonitored, probe};

use super::failure::Failure;

/// The longest file that is read: 50 megapixels of eight bytes, the largest picture that the limits allow.
const MAX_BYTES: u64 = 400_000_000;

/// What became of a file.
pub(super) type Done = Result<Processed, Failure>;

/// A file's result, without the card's bytes: results wait for their turn to be shown.
pub(super) struct Processed {
    pub(super) outcome: Outcome,
    /// Where the card is, if it was wanted.
    pub(super) card: Option<PathBuf>,
}

/// What a thread keeps from file to file.
#[derive(Default)]
pub(super) struct Worker {
    engine: Option<Engine>,
}

impl Worker {
    /// The picture's result; its card in `card`.
    pub(super) fn process(&mut self, file: &Path, options: &Options, card: Option<&Path>) -> Done {
        let bytes = read(file)?;
        // An engine that panicked is not used again, so nothing half-done is seen.
        let made = catch_unwind(AssertUnwindSafe(|| self.make(&bytes, options)));
        let mut outcome = made.unwrap_or_else(|_| {
            self.engine = None;
            Err(Failure::Panicked)
        })?;
        drop(bytes);
        let encoded = std::mem::take(&mut outcome.card.bytes);
        let card = card.map(|path| write(path, &encoded)).transpose()?;
        Ok(Processed { outcome, card })
    }

    fn make(&mut self, bytes: &[u8], options: &Options) -> Result<Outcome, Failure> {
        let probe = probe(bytes, &Limits::default())?;
        let engine = match &mut self.engine {
            Some(engine) => engine,
            none => none.insert(Engine::new()?),
        };
        Ok(engine.process(bytes, &probe, options, &Unmonitored)?)
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    if file == Path::new("-") {
        return bounded(io::stdin().lock(), 0);
    }
    let opened = File::open(file).map_err(Failure::Read)?;
    let length = opened.metadata().map_or(0, |metadata| metadata.len());
    bounded(opened, length)
}

/// All bytes, up to the limit; whatever a file says of its length, it may be a device.
fn bounded(source: impl Read, expected: u64) -> Result<Vec<u8>, Failure> {
    let too_long = Failure::TooLong { limit: MAX_BYTES };
    if expected > MAX_BYTES {
        return Err(too_long);
    }
    let mut bytes = Vec::with_capacity(expected as usize + 1);
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Failure::Read)?;
    if bytes.len() as u64 > MAX_BYTES { Err(too_long) } else { Ok(bytes) }
}

fn write(path: &Path, bytes: &[u8]) -> Result<PathBuf, Failure> {
    fs::write(path, bytes).map_err(|source| {
        // Half a card is worse than none; where it cannot be removed either, the error says enough.
        let _ = fs::remove_file(path);
        Failure::Write { path: path.to_owned(), source }
    })?;
    Ok(path.to_owned())
}
