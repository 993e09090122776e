//! What a slot's thread does with bytes, as something a test can replace. In production it is imaging's engine.

use std::error::Error as StdError;
use std::sync::Arc;

use huemill_imaging::{Engine, Error, Limits, Monitor, Options, Outcome, probe};

/// What a picture will take, told from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Lower-case name of the format.
    pub format: &'static str,
    /// The most bytes that processing holds at once, the input not counted.
    pub memory: u64,
}

/// Makes outcomes of pictures; one a thread, made on it, never leaving it.
pub trait SlotEngine {
    /// Reads the header alone, under the limits.
    fn weigh(&mut self, bytes: &[u8], options: &Options) -> Result<Load, Error>;

    /// Does the work, asking `watch` between its stages.
    fn process(&mut self, bytes: &[u8], options: &Options, watch: &dyn Monitor) -> Result<Outcome, Error>;
}

/// Makes the mill of one thread; made anew after a panic.
pub type EngineFactory =
    Arc<dyn Fn() -> Result<Box<dyn SlotEngine>, Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// The real mills: imaging's engines, one a thread, with pictures held to these limits.
#[must_use]
pub fn engines(limits: Limits) -> EngineFactory {
    Arc::new(move || Ok(Box::new(ImagingEngine { engine: Engine::new()?, limits })))
}

/// Reads the header a second time for the work: that costs microseconds, and keeps nothing between the calls
/// that could belong to another picture.
struct ImagingEngine {
    engine: Engine,
    limits: Limits,
}

impl SlotEngine for ImagingEngine {
    fn weigh(&mut self, bytes: &[u8], options: &Options) -> Result<Load, Error> {
        let probe = probe(bytes, &self.limits)?;
        Ok(Load { format: probe.source().format, memory: Engine::memory(&probe, options) })
    }

    fn process(&mut self, bytes: &[u8], options: &Options, watch: &dyn Monitor) -> Result<Outcome, Error> {
        let probe = probe(bytes, &self.limits)?;
        self.engine.process(bytes, &probe, options, watch)
    }
}

#[cfg(test)]
mod tests {
    use huemill_imaging::{CardFormat, Unmonitored};

    use super::*;
    use crate::canary;

    #[test]
    fn an_engine_weighs_and_processes_and_a_second_one_on_the_thread_does_too() {
        let (options, picture) = (Options::default(), canary::picture());
        let engines = engines(Limits::default());
        let mut first = engines().unwrap();
        assert_eq!(first.weigh(&picture, &options).unwrap().format, "png");
        let mut jpeg = options;
        jpeg.card = CardFormat::Jpeg { quality: 90 };
        let card = first.process(&picture, &jpeg, &Unmonitored).unwrap().card.bytes;
        drop(first);
        let mut second = engines().unwrap();
        let load = second.weigh(&card, &options).unwrap();
        assert_eq!(load.format, "jpeg");
        assert!(load.memory > 0);
        second.process(&card, &options, &Unmonitored).unwrap();
    }

    #[test]
    fn a_picture_beyond_the_limits_is_refused_by_its_header() {
        let mut engine = engines(Limits { max_pixels: 100, max_side: 100 })().unwrap();
        let error = engine.weigh(&canary::picture(), &Options::default()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}
