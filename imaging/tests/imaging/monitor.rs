//! Tests that decoding starts no threads and stops when the monitor reports a cancellation.

use std::{cell::Cell, time::Duration};

use crate::support::pictures::{self, Jpeg};
use huemill_imaging::{Decoder, Error, Limits, Monitor, probe};

/// Cancels after a number of checks, and records the number of checks and the maximum number of threads.
struct CountingMonitor {
    left: Cell<u32>,
    checks: Cell<u32>,
    threads: Cell<usize>,
}

impl CountingMonitor {
    fn new(left: u32) -> Self {
        Self { left: left.into(), checks: 0.into(), threads: 0.into() }
    }
}

/// Number of threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

impl Monitor for CountingMonitor {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn canceled(&self) -> bool {
        self.checks.set(self.checks.get() + 1);
        self.threads.set(self.threads.get().max(threads()));
        self.left.set(self.left.get().saturating_sub(1));
        self.left.get() == 0
    }
}

#[test]
fn decoding_checks_for_cancellation_and_starts_no_threads() {
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
                let monitor = CountingMonitor::new(left);
                let result = decoder.decode(&sample.bytes, &header, scale, &monitor);
                (result, monitor)
            };
            let (result, monitor) = with(u32::MAX);
            assert!(result.is_ok(), "{}", sample.name);
            assert!(monitor.threads.get() <= before, "{} started a thread", sample.name);
            let checks = monitor.checks.get();
            assert!(checks as usize > sample.bytes.len() / 150_000, "{}: only {checks} checks", sample.name);
            for left in [1, checks / 2 + 1, checks] {
                let (result, monitor) = with(left);
                assert_eq!(result.err(), Some(Error::Canceled), "{} at check {left}", sample.name);
                assert!(monitor.checks.get() <= left + 16, "{} did not stop", sample.name);
            }
        }
    }
}

#[test]
fn a_thread_can_have_several_decoders_in_turn_or_at_once() {
    let sample = Jpeg::default().rgb(&pictures::photo(62, 300, 200));
    let header = probe(&sample, &Limits::default()).unwrap();
    let monitor = CountingMonitor::new(u32::MAX);
    let mut first = Decoder::new().unwrap();
    let expected = first.decode(&sample, &header, 0.2, &monitor).unwrap();
    let mut second = Decoder::new().unwrap();
    assert_eq!(second.decode(&sample, &header, 0.2, &monitor).unwrap(), expected);
    drop((first, second));
    let before = threads();
    let monitor = CountingMonitor::new(u32::MAX);
    assert_eq!(Decoder::new().unwrap().decode(&sample, &header, 0.2, &monitor).unwrap(), expected);
    assert!(monitor.threads.get() <= before);
}
