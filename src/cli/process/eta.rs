//! Estimates how long the rest of the files takes. It cannot fail, and knows no clock: the caller says what time it is.
//!
//! Files differ by much more than their number tells: each is weighed by its size, and how long a weight takes is learned
//! for each kind of file, because a megabyte of JPEG has many more pixels than one of BMP. A kind of which little is known
//! yet is taken for the average of all.

use std::collections::HashMap;
use std::time::Duration;

/// What a file of no size weighs: its palette and its card cost about as much as the decoding of so many bytes.
const BASE_WEIGHT: u64 = 800_000;

/// The weight by which a kind must be known to count as much as the average of all kinds.
const PRIOR_WEIGHT: f64 = 2.0 * BASE_WEIGHT as f64;

/// A file, as the estimate knows it.
#[derive(Debug, Clone)]
pub(super) struct Work {
    kind: String,
    weight: u64,
}

impl Work {
    /// A file of this extension and size.
    pub(super) fn new(extension: &str, bytes: u64) -> Self {
        Self { kind: extension.to_lowercase(), weight: BASE_WEIGHT.saturating_add(bytes) }
    }

    /// A file that costs nothing, such as one that does not exist.
    pub(super) fn none() -> Self {
        Self { kind: String::new(), weight: 0 }
    }
}

/// What is known of a kind: how much is left, and how long what is done has taken.
#[derive(Debug, Default, Clone, Copy)]
struct Kind {
    left: u64,
    done: u64,
    time: Duration,
}

/// The estimate.
#[derive(Debug)]
pub(super) struct Eta {
    works: Vec<Work>,
    /// When work on a file has begun, until it ends.
    started: HashMap<usize, Duration>,
    kinds: HashMap<String, Kind>,
    threads: usize,
    files_left: usize,
}

impl Eta {
    /// Starts with all files undone, which `threads` threads process.
    pub(super) fn new(works: Vec<Work>, threads: usize) -> Self {
        let mut kinds: HashMap<String, Kind> = HashMap::new();
        for work in &works {
            kinds.entry(work.kind.clone()).or_default().left += work.weight;
        }
        let files_left = works.len();
        Self { works, started: HashMap::new(), kinds, threads: threads.max(1), files_left }
    }

    /// Work on a file begins.
    pub(super) fn start(&mut self, at: usize, now: Duration) {
        self.started.insert(at, now);
    }

    /// A file is done.
    pub(super) fn finish(&mut self, at: usize, now: Duration) {
        let time = self.started.remove(&at).map_or(Duration::ZERO, |start| now.saturating_sub(start));
        let Work { kind, weight } = &self.works[at];
        let kind = self.kinds.entry(kind.clone()).or_default();
        kind.left = kind.left.saturating_sub(*weight);
        kind.done += weight;
        kind.time += time;
        self.files_left = self.files_left.saturating_sub(1);
    }

    /// The part of the work that is done, from 0 to 1.
    pub(super) fn done(&self) -> f64 {
        let sum = |part: fn(&Kind) -> u64| self.kinds.values().map(part).sum::<u64>() as f64;
        let (left, done) = (sum(|kind| kind.left), sum(|kind| kind.done));
        if left + done > 0.0 { done / (left + done) } else { 0.0 }
    }

    /// How long the rest takes. `None` until the first file is done.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        let (done, time) = self
            .kinds
            .values()
            .fold((0, Duration::ZERO), |(done, time), kind| (done + kind.done, time + kind.time));
        if done == 0 {
            return None;
        }
        let average = time.as_secs_f64() / done as f64;
        let mut seconds: f64 = self.kinds.values().map(|kind| kind.left as f64 * kind.rate(average)).sum();
        // What has been spent on unfinished files is not left, up to what they should take.
        for (at, start) in &self.started {
            let work = &self.works[*at];
            let expected =
                work.weight as f64 * self.kinds.get(&work.kind).map_or(average, |kind| kind.rate(average));
            seconds -= now.saturating_sub(*start).as_secs_f64().min(expected);
        }
        let threads = self.threads.min(self.files_left).max(1);
        Some(Duration::from_secs_f64(seconds.max(0.0) / threads as f64))
    }
}

impl Kind {
    /// Seconds for each unit of weight.
    fn rate(self, average: f64) -> f64 {
        (self.time.as_secs_f64() + average * PRIOR_WEIGHT) / (self.done as f64 + PRIOR_WEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Simulates a run: `threads` threads take the files in order. Returns for the moment after a third of the whole time
    /// the estimate and the truth, in seconds.
    fn after_a_third(files: &[(&str, u64, f64)], threads: usize) -> (f64, f64) {
        // Each file's start and end, on the thread that is free first.
        let mut free = vec![0.0; threads];
        let spans: Vec<(f64, f64)> = files
            .iter()
            .map(|(.., seconds)| {
                let thread = (0..threads).min_by(|a, b| f64::total_cmp(&free[*a], &free[*b])).unwrap();
                let start = free[thread];
                free[thread] += seconds;
                (start, free[thread])
            })
            .collect();
        let end = free.into_iter().fold(0.0, f64::max);
        let now = end / 3.0;
        let works = files.iter().map(|(extension, bytes, _)| Work::new(extension, *bytes)).collect();
        let mut eta = Eta::new(works, threads);
        let mut events: Vec<_> = spans
            .iter()
            .enumerate()
            .flat_map(|(at, (start, end))| [(*start, at, true), (*end, at, false)])
            .collect();
        events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
        for (time, at, is_start) in events.into_iter().filter(|event| event.0 <= now) {
            let time = Duration::from_secs_f64(time);
            if is_start { eta.start(at, time) } else { eta.finish(at, time) }
        }
        (eta.left(Duration::from_secs_f64(now)).map_or(0.0, |left| left.as_secs_f64()), end - now)
    }

    proptest! {
        /// About what was measured: JPEGs of 30 ms and 40 ms/MB, PNGs of 30 ms and 20 ms/MB, in any order, with noise.
        #[test]
        fn the_estimate_of_a_mixed_run_is_near_the_truth(
            files in prop::collection::vec((any::<bool>(), 10_000..20_000_000_u64, 0.8..1.2f64), 100..200),
            threads in 1_usize..5,
        ) {
            let files: Vec<_> = files
                .into_iter()
                .map(|(jpeg, bytes, noise)| {
                    let (extension, each) = if jpeg { ("jpg", 0.04) } else { ("png", 0.02) };
                    (extension, bytes, (0.03 + each * bytes as f64 / 1e6) * noise)
                })
                .collect();
            let (estimate, truth) = after_a_third(&files, threads);
            prop_assert!(estimate > truth / 1.5 && estimate < truth * 1.5, "{estimate} instead of {truth}");
        }
    }

    #[test]
    fn large_files_at_the_end_are_foreseen() {
        let small = [("jpg", 180_000, 0.035); 120];
        let large = [("jpg", 2_800_000, 0.131); 40];
        let files: Vec<_> = small.into_iter().chain(large).collect();
        let (estimate, truth) = after_a_third(&files, 2);
        assert!(estimate > truth / 1.5 && estimate < truth * 1.5, "{estimate} instead of {truth}");
    }

    #[test]
    fn the_estimate_ticks_while_a_file_is_in_work() {
        let mut eta = Eta::new(vec![Work::new("jpg", 1_000_000); 2], 1);
        let at = Duration::from_secs;
        assert_eq!(eta.left(at(0)), None);
        eta.start(0, at(0));
        eta.finish(0, at(10));
        eta.start(1, at(10));
        assert_eq!(eta.left(at(10)).map(|left| left.as_secs_f64().round()), Some(10.0));
        assert_eq!(eta.left(at(14)).map(|left| left.as_secs_f64().round()), Some(6.0));
        assert_eq!(eta.left(at(40)), Some(Duration::ZERO));
        eta.finish(1, at(40));
        assert!((eta.done() - 1.0).abs() < 1e-9 && eta.left(at(40)) == Some(Duration::ZERO));
    }
}
