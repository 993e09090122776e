//! What decoding does beside pixels: it starts no thread, and it stops when it is told to.

mod support;

use std::{cell::Cell, time::Duration};

use huemill_imaging::{Decoder, Error, Limits, Monitor, probe};
use support::pictures::{self, Jpeg};

/// Says to stop after so many questions, and notes the most threads it ever saw.
struct Counting {
    left: Cell<u32>,
    asked: Cell<u32>,
    threads: Cell<usize>,
}

impl Counting {
    fn new(left: u32) -> Self {
        Self { left: left.into(), asked: 0.into(), threads: 0.into() }
    }
}

/// The threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

impl Monitor for Counting {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn canceled(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.threads.set(self.threads.get().max(threads()));
        self.left.set(self.left.get().saturating_sub(1));
        self.left.get() == 0
    }
}

#[test]
fn decoding_asks_stops_and_starts_no_thread() {
    let mut decoder = Decoder::new().unwrap();
    let before = threads();
    let large = pictures::photo(61, 1400, 1000);
    let mut samples = pictures::all(61, 600, 450);
    for progressive in [false, true] {
        let bytes = Jpeg { quality: 95, progressive, ..Jpeg::default() }.rgb(&large);
        samples.push(pictures::Sample { name: "large jpeg", bytes });
    }
    for sample in samples {
        let header = probe(&sample.bytes, &Limits::default()).unwrap();
        for scale in [1.0, 0.0] {
            let mut with = |left| {
                let watch = Counting::new(left);
                let result = decoder.decode(&sample.bytes, &header, scale, &watch);
                (result, watch)
            };
            let (result, watch) = with(u32::MAX);
            assert!(result.is_ok(), "{}", sample.name);
            assert!(watch.threads.get() <= before, "{} started a thread", sample.name);
            let asked = watch.asked.get();
            assert!(asked as usize > sample.bytes.len() / 150_000, "{}: asked {asked} times", sample.name);
            for left in [1, asked / 2 + 1, asked] {
                let (result, watch) = with(left);
                assert_eq!(result.err(), Some(Error::Canceled), "{} at question {left}", sample.name);
                assert!(watch.asked.get() <= left + 16, "{} went on", sample.name);
            }
        }
    }
}

#[test]
fn a_thread_may_have_many_decoders_one_after_the_other_or_at_once() {
    let sample = Jpeg::default().rgb(&pictures::photo(62, 300, 200));
    let header = probe(&sample, &Limits::default()).unwrap();
    let watch = Counting::new(u32::MAX);
    let mut first = Decoder::new().unwrap();
    let expected = first.decode(&sample, &header, 0.2, &watch).unwrap();
    let mut second = Decoder::new().unwrap();
    assert_eq!(second.decode(&sample, &header, 0.2, &watch).unwrap(), expected);
    drop((first, second));
    let before = threads();
    let watch = Counting::new(u32::MAX);
    assert_eq!(Decoder::new().unwrap().decode(&sample, &header, 0.2, &watch).unwrap(), expected);
    assert!(watch.threads.get() <= before);
}
