//! Estimates how many distinct clients called within the last hour and the last day.
//!
//! A client is a hash of its address. Each window is a ring of sketches, one per step, which are merged for a scrape. No
//! hash is stored, and the memory (150 KB) is the same for one client and for millions.

mod hyper_log_log;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntGaugeVec;

use self::hyper_log_log::HyperLogLog;
use super::families::{Families, gauge_value};

/// Each window's name, number of steps and length of a step. The current step is one of them, so a window is up to one
/// step too short.
const WINDOWS: [(&str, usize, Duration); 2] =
    [("1h", 12, Duration::from_secs(300)), ("1d", 24, Duration::from_secs(3600))];

#[derive(Debug)]
pub(super) struct ClientMetrics {
    started: Instant,
    windows: Mutex<[Window; WINDOWS.len()]>,
    active: IntGaugeVec,
}

impl ClientMetrics {
    pub(super) fn new(families: Families<'_>) -> Result<Self, prometheus::Error> {
        let active = families.gauges(
            "active_clients",
            "Estimated number of distinct client addresses that called user routes within the window.",
            &["window"],
        )?;
        let windows = Mutex::new(WINDOWS.map(|(_, steps, step)| Window::new(steps, step)));
        let clients = Self { started: Instant::now(), windows, active };
        clients.refresh();
        Ok(clients)
    }

    pub(super) fn seen(&self, client: u64) {
        let at = self.started.elapsed();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.iter_mut().for_each(|window| window.add(client, at));
    }

    /// Sets the gauges to the current estimates.
    pub(super) fn refresh(&self) {
        let at = self.started.elapsed();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for ((name, ..), window) in WINDOWS.iter().zip(windows.iter_mut()) {
            self.active.with_label_values(&[name]).set(gauge_value(window.count(at)));
        }
    }
}

/// A ring of the last steps, each with the clients that it saw.
#[derive(Debug)]
struct Window {
    steps: Vec<HyperLogLog>,
    step: Duration,
    /// The number of the current step, counted from the start.
    current: u64,
}

impl Window {
    fn new(steps: usize, step: Duration) -> Self {
        Self { steps: vec![HyperLogLog::default(); steps], step, current: 0 }
    }

    /// Advances to this time since the start and clears the steps that are older than the window.
    fn advance_to(&mut self, at: Duration) {
        let number = (at.as_secs() / self.step.as_secs()).max(self.current);
        let steps = self.steps.len() as u64;
        for passed in (self.current + 1..=number).rev().take(self.steps.len()) {
            self.steps[(passed % steps) as usize].clear();
        }
        self.current = number;
    }

    fn add(&mut self, client: u64, at: Duration) {
        self.advance_to(at);
        let now = self.current as usize % self.steps.len();
        self.steps[now].add(client);
    }

    fn count(&mut self, at: Duration) -> u64 {
        self.advance_to(at);
        let mut all = HyperLogLog::default();
        self.steps.iter().for_each(|step| all.merge(step));
        all.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENTS: [u64; 3] = [1 << 60, 2 << 60, 3 << 60];

    fn after(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn a_client_counts_once_and_is_forgotten_after_the_window() {
        let (_, steps, step) = WINDOWS[0];
        let mut window = Window::new(steps, step);
        assert_eq!(window.count(after(0)), 0);
        for (client, minute) in [(0, 1), (1, 2), (0, 31), (2, 31)] {
            window.add(CLIENTS[client], after(minute));
        }
        for (minute, count) in [(31, 3), (59, 3), (60, 2), (89, 2), (90, 0), (10_000, 0)] {
            assert_eq!(window.count(after(minute)), count, "{minute}");
        }
        window.add(CLIENTS[1], after(10_001));
        assert_eq!(window.count(after(10_001)), 1);
    }

    #[test]
    fn a_clock_that_goes_back_forgets_no_client() {
        let mut window = Window::new(2, Duration::from_secs(1));
        window.add(CLIENTS[0], Duration::from_secs(9));
        window.add(CLIENTS[1], Duration::from_secs(3));
        assert_eq!(window.count(Duration::from_secs(9)), 2);
    }
}
