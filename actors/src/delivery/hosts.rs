//! The receivers: how many tries each has in flight, and which are left alone because they fail on and on.
//!
//! A circuit opens after a few failures in a row that cost time (no connection, no answer, an answer 500 and up).
//! When its time is over one try goes first: if it fails the circuit opens for twice as long.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Instant;

/// Failures in a row that open a circuit.
const FAILURES: u32 = 5;

/// Hosts that are remembered; beyond that, those that do well are forgotten.
const REMEMBERED: usize = 4_096;

/// How a host did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered.
    Well,
    /// It cost time and gave nothing.
    Ill,
    /// Nothing was learnt of it.
    Unknown,
}

/// Whether a try may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It has its place now.
    Go,
    /// Not before this wait.
    Wait(Duration),
}

#[derive(Debug, Default)]
struct Host {
    flying: u32,
    failures: u32,
    /// How often in a row its circuit opened, and until when it is open.
    openings: u32,
    until: Option<Instant>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Hosts {
    each: u32,
    circuit: (Duration, Duration),
    known: HashMap<String, Host>,
}

/// A full host has a place again as soon as one of its tries ends: its deliveries need not wait for long.
const FULL: Duration = Duration::from_millis(200);

impl Host {
    fn is_open(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// Tries that it may have in flight.
    fn places(&self, each: u32) -> u32 {
        // Once a circuit has been open, one goes first.
        if self.until.is_some() { 1 } else { each }
    }

    fn is_closed_for_now(&self, each: u32, now: Instant) -> bool {
        self.is_open(now) || self.flying >= self.places(each)
    }
}

impl Hosts {
    pub(super) fn new(each: u32, circuit: (Duration, Duration)) -> Self {
        Self { each, circuit, known: HashMap::new() }
    }

    /// Those for which there is no place now, up to `most`.
    pub(super) fn closed(&self, now: Instant, most: usize) -> Vec<String> {
        let closed = self.known.iter().filter(|(_, host)| host.is_closed_for_now(self.each, now));
        closed.map(|(name, _)| name.clone()).take(most).collect()
    }

    /// How long until the next circuit may be tried.
    pub(super) fn opens_in(&self, now: Instant) -> Option<Duration> {
        let open = self.known.values().filter_map(|host| host.until.filter(|until| *until > now));
        open.min().map(|until| until.duration_since(now))
    }

    /// Asks for a place; who gets one must give it back with [`Hosts::left`].
    pub(super) fn admit(&mut self, name: &str, now: Instant) -> Admission {
        if self.known.len() >= REMEMBERED {
            self.known.retain(|_, host| host.flying > 0 || host.failures > 0);
        }
        let host = self.known.entry(name.to_owned()).or_default();
        if let Some(until) = host.until.filter(|until| *until > now) {
            return Admission::Wait(until.duration_since(now));
        }
        if host.flying >= host.places(self.each) {
            return Admission::Wait(FULL);
        }
        host.flying += 1;
        Admission::Go
    }

    /// A try is over.
    pub(super) fn left(&mut self, name: &str, health: Health, now: Instant) {
        let Some(host) = self.known.get_mut(name) else { return };
        host.flying = host.flying.saturating_sub(1);
        match health {
            Health::Well => (host.failures, host.openings, host.until) = (0, 0, None),
            Health::Ill => {
                host.failures += 1;
                let tried = host.until.is_some_and(|until| until <= now);
                if host.failures >= FAILURES && (tried || host.until.is_none()) {
                    let (first, longest) = self.circuit;
                    let wait = first.saturating_mul(1 << host.openings.min(16)).min(longest);
                    host.openings += 1;
                    host.until = Some(now + wait);
                }
            }
            Health::Unknown => {}
        }
        if host.flying == 0 && host.failures == 0 {
            self.known.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://a.example";
    const B: &str = "https://b.example";
    const FIRST: Duration = Duration::from_secs(30);

    fn hosts() -> Hosts {
        Hosts::new(2, (FIRST, Duration::from_secs(100)))
    }

    fn fail(hosts: &mut Hosts, now: Instant) {
        assert_eq!(hosts.admit(A, now), Admission::Go);
        hosts.left(A, Health::Ill, now);
    }

    #[test]
    fn a_host_has_its_places_and_no_more() {
        let (mut hosts, now) = (hosts(), Instant::now());
        assert_eq!([hosts.admit(A, now), hosts.admit(A, now)], [Admission::Go; 2]);
        assert_eq!(hosts.admit(A, now), Admission::Wait(FULL));
        assert_eq!(hosts.closed(now, 9), [A]);
        assert_eq!(hosts.admit(B, now), Admission::Go);
        hosts.left(A, Health::Well, now);
        assert!(hosts.closed(now, 9).is_empty());
        assert_eq!(hosts.admit(A, now), Admission::Go);
    }

    #[test]
    fn one_that_fails_on_and_on_is_left_alone_for_longer_and_longer() {
        let (mut hosts, mut now) = (hosts(), Instant::now());
        for _ in 0..FAILURES {
            fail(&mut hosts, now);
        }
        for wait in [30, 60, 100, 100] {
            let wait = Duration::from_secs(wait);
            assert_eq!(hosts.admit(A, now), Admission::Wait(wait));
            assert_eq!(hosts.opens_in(now), Some(wait));
            assert_eq!(hosts.closed(now, 9), [A]);
            now += wait;
            assert!(hosts.closed(now, 9).is_empty());
            assert_eq!(hosts.admit(A, now), Admission::Go, "one goes first");
            assert_eq!(hosts.admit(A, now), Admission::Wait(FULL), "and one alone");
            hosts.left(A, Health::Ill, now);
        }
        now += Duration::from_secs(100);
        assert_eq!(hosts.admit(A, now), Admission::Go);
        hosts.left(A, Health::Well, now);
        assert_eq!([hosts.admit(A, now), hosts.admit(A, now)], [Admission::Go; 2]);
    }

    #[test]
    fn answers_in_between_keep_a_circuit_closed() {
        let (mut hosts, now) = (hosts(), Instant::now());
        for _ in 0..20 {
            fail(&mut hosts, now);
            assert_eq!(hosts.admit(A, now), Admission::Go);
            hosts.left(A, Health::Well, now);
        }
        assert_eq!(hosts.opens_in(now), None);
        assert!(hosts.known.is_empty(), "who does well is forgotten");
    }
}
