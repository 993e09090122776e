//! The engine of a slot's thread, which processes pictures. A test can replace it; in production it is imaging's
//! engine.

use std::error::Error as StdError;
use std::sync::Arc;

use huemill_imaging::{Engine, Error, Limits, Monitor, Options, Outcome, probe};

/// What a picture costs to process, known from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureCost {
    /// Name of the format in lower case.
    pub format: &'static str,
    /// The peak memory of processing in bytes, without the input.
    pub memory: u64,
}

/// Processes pictures; each thread makes its own engine and keeps it.
pub trait SlotEngine {
    /// Reads only the header, and checks the limits.
    fn inspect(&mut self, bytes: &[u8], options: &Options) -> Result<PictureCost, Error>;

    /// Processes the picture; asks `monitor` between the stages whether to go on.
    fn process(&mut self, bytes: &[u8], options: &Options, monitor: &dyn Monitor) -> Result<Outcome, Error>;
}

/// Makes the engine of one thread, and another one after a panic.
pub type EngineFactory =
    Arc<dyn Fn() -> Result<Box<dyn SlotEngine>, Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// Makes imaging's engines, with these limits for pictures.
#[must_use]
pub fn engines(limits: Limits) -> EngineFactory {
    Arc::new(move || Ok(Box::new(ImagingEngine { engine: Engine::new()?, limits })))
}

/// Reads the header again before processing: this takes microseconds, and nothing of another picture can be left
/// over from the call before.
struct ImagingEngine {
    engine: Engine,
    limits: Limits,
}

impl SlotEngine for ImagingEngine {
    fn inspect(&mut self, bytes: &[u8], options: &Options) -> Result<PictureCost, Error> {
        let probe = probe(bytes, &self.limits)?;
        Ok(PictureCost { format: probe.source().format, memory: Engine::memory(&probe, options) })
    }

    fn process(&mut self, bytes: &[u8], options: &Options, monitor: &dyn Monitor) -> Result<Outcome, Error> {
        let probe = probe(bytes, &self.limits)?;
        self.engine.process(bytes, &probe, options, monitor)
    }
}

#[cfg(test)]
mod tests {
    use huemill_imaging::{CardFormat, Unmonitored};

    use super::*;
    use crate::canary;

    #[test]
    fn a_second_engine_on_the_same_thread_works_like_the_first() {
        let (options, picture) = (Options::default(), canary::picture());
        let engines = engines(Limits::default());
        let mut first = engines().unwrap();
        assert_eq!(first.inspect(&picture, &options).unwrap().format, "png");
        let mut jpeg = options;
        jpeg.card = CardFormat::Jpeg { quality: 90 };
        let card = first.process(&picture, &jpeg, &Unmonitored).unwrap().card.unwrap().bytes;
        drop(first);
        let mut second = engines().unwrap();
        let cost = second.inspect(&card, &options).unwrap();
        assert_eq!(cost.format, "jpeg");
        assert!(cost.memory > 0);
        second.process(&card, &options, &Unmonitored).unwrap();
    }

    #[test]
    fn a_picture_beyond_the_limits_is_refused_by_its_header() {
        let mut engine = engines(Limits { max_pixels: 100, ..Limits::default() })().unwrap();
        let error = engine.inspect(&canary::picture(), &Options::default()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}
