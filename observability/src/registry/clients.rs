//! How many callers there were lately. A caller comes as a number that stands for its address; it goes into
//! sketches, one for each step of a window, which are united when somebody asks. No number is kept, and the memory
//! (150 KB) is the same for one caller and for millions.

mod sketch;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{IntGaugeVec, Registry, register_int_gauge_vec_with_registry};

use self::sketch::Sketch;
use super::figure;

/// Windows, how many steps each has and how long a step is. The current step counts, so that a window is up to a
/// step short.
const WINDOWS: [(&str, usize, Duration); 2] =
    [("1h", 12, Duration::from_secs(300)), ("1d", 24, Duration::from_secs(3600))];

#[derive(Debug)]
pub(super) struct Clients {
    started: Instant,
    windows: Mutex<[Window; WINDOWS.len()]>,
    active: IntGaugeVec,
}

impl Clients {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let active = register_int_gauge_vec_with_registry!(
            "active_clients",
            "Distinct addresses that called users' routes lately, estimated.",
            &["window"],
            registry
        )?;
        let windows = Mutex::new(WINDOWS.map(|(_, steps, step)| Window::new(steps, step)));
        let clients = Self { started: Instant::now(), windows, active };
        clients.look();
        Ok(clients)
    }

    pub(super) fn seen(&self, caller: u64) {
        let at = self.started.elapsed();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.iter_mut().for_each(|window| window.add(caller, at));
    }

    /// Counts who was seen up to now.
    pub(super) fn look(&self) {
        let at = self.started.elapsed();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for ((name, ..), window) in WINDOWS.iter().zip(windows.iter_mut()) {
            self.active.with_label_values(&[name]).set(figure(window.count(at)));
        }
    }
}

/// The last steps, each with whom it saw, in a ring.
#[derive(Debug)]
struct Window {
    steps: Vec<Sketch>,
    step: Duration,
    number: u64,
}

impl Window {
    fn new(steps: usize, step: Duration) -> Self {
        Self { steps: vec![Sketch::default(); steps], step, number: 0 }
    }

    /// Forgets what is older than the window, as of this long after the start.
    fn turn_to(&mut self, at: Duration) {
        let number = (at.as_secs() / self.step.as_secs()).max(self.number);
        let steps = self.steps.len() as u64;
        for passed in (self.number + 1..=number).rev().take(self.steps.len()) {
            self.steps[(passed % steps) as usize].clear();
        }
        self.number = number;
    }

    fn add(&mut self, caller: u64, at: Duration) {
        self.turn_to(at);
        let now = self.number as usize % self.steps.len();
        self.steps[now].add(caller);
    }

    fn count(&mut self, at: Duration) -> u64 {
        self.turn_to(at);
        let mut all = Sketch::default();
        self.steps.iter().for_each(|step| all.unite(step));
        all.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLERS: [u64; 3] = [1 << 60, 2 << 60, 3 << 60];

    fn after(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn whoever_calls_again_counts_once_and_is_forgotten_after_the_window() {
        let (_, steps, step) = WINDOWS[0];
        let mut window = Window::new(steps, step);
        assert_eq!(window.count(after(0)), 0);
        for (caller, minute) in [(0, 1), (1, 2), (0, 31), (2, 31)] {
            window.add(CALLERS[caller], after(minute));
        }
        for (minute, count) in [(31, 3), (59, 3), (60, 2), (89, 2), (90, 0), (10_000, 0)] {
            assert_eq!(window.count(after(minute)), count, "{minute}");
        }
        window.add(CALLERS[1], after(10_001));
        assert_eq!(window.count(after(10_001)), 1);
    }

    #[test]
    fn a_clock_that_stands_back_forgets_nobody() {
        let mut window = Window::new(2, Duration::from_secs(1));
        window.add(CALLERS[0], Duration::from_secs(9));
        window.add(CALLERS[1], Duration::from_secs(3));
        assert_eq!(window.count(Duration::from_secs(9)), 2);
    }
}
