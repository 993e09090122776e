//! The receivers: how many tries each has in flight, and which are left alone because they fail on and on.
//!
//! A circuit opens after a few failures in a row that cost time (no connection, no answer, an answer 500 and up).
//! When its time is over one try goes first: if it fails the circuit opens for twice as long.
//!
//! Bounded in number and in time, whatever receivers clients name: a failing host is forgotten once it has been
//! idle for as long as a circuit can be open. When the table is full, the host whose record matters least goes first.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Instant;

/// Failures in a row that open a circuit.
const FAILURES: u32 = 5;

/// Hosts that are remembered. More than there can be tries in flight, so that one can always be evicted.
const REMEMBERED: usize = 4_096;

/// How a host did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostHealth {
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

#[derive(Debug)]
struct Host {
    flying: u32,
    failures: u32,
    /// How often in a row its circuit opened, and until when it is open.
    openings: u32,
    until: Option<Instant>,
    last_used: Instant,
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
    fn new(now: Instant) -> Self {
        Self { flying: 0, failures: 0, openings: 0, until: None, last_used: now }
    }

    /// Since when nothing was sent to it although it could have been; in the future while its circuit is open.
    fn idle_since(&self) -> Instant {
        self.until.map_or(self.last_used, |until| until.max(self.last_used))
    }

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

    /// Those for which there is no place now, up to `most`. Forgets hosts that have been idle for too long.
    pub(super) fn closed(&mut self, now: Instant, most: usize) -> Vec<String> {
        let (_, longest) = self.circuit;
        self.known.retain(|_, host| host.flying > 0 || now < host.idle_since() + longest);
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
        if self.known.len() >= REMEMBERED && !self.known.contains_key(name) {
            self.evict(now);
        }
        let host = self.known.entry(name.to_owned()).or_insert_with(|| Host::new(now));
        if let Some(until) = host.until.filter(|until| *until > now) {
            return Admission::Wait(until.duration_since(now));
        }
        if host.flying >= host.places(self.each) {
            return Admission::Wait(FULL);
        }
        host.flying += 1;
        Admission::Go
    }

    /// Forgets the host whose record matters least: one with a closed circuit that has been idle for longest, else
    /// the one whose circuit closes first.
    fn evict(&mut self, now: Instant) {
        let idle = self.known.iter().filter(|(_, host)| host.flying == 0);
        let least = idle.min_by_key(|(_, host)| (host.is_open(now), host.idle_since()));
        if let Some(name) = least.map(|(name, _)| name.clone()) {
            self.known.remove(&name);
        }
    }

    /// A try is over.
    pub(super) fn left(&mut self, name: &str, health: HostHealth, now: Instant) {
        let Some(host) = self.known.get_mut(name) else { return };
        host.flying = host.flying.saturating_sub(1);
        host.last_used = now;
        match health {
            HostHealth::Well => (host.failures, host.openings, host.until) = (0, 0, None),
            HostHealth::Ill => {
                host.failures += 1;
                let tried = host.until.is_some_and(|until| until <= now);
                if host.failures >= FAILURES && (tried || host.until.is_none()) {
                    let (first, longest) = self.circuit;
                    let wait = first.saturating_mul(1 << host.openings.min(16)).min(longest);
                    host.openings += 1;
                    host.until = Some(now + wait);
                }
            }
            HostHealth::Unknown => {}
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
        hosts.left(A, HostHealth::Ill, now);
    }

    #[test]
    fn a_host_has_its_places_and_no_more() {
        let (mut hosts, now) = (hosts(), Instant::now());
        assert_eq!([hosts.admit(A, now), hosts.admit(A, now)], [Admission::Go; 2]);
        assert_eq!(hosts.admit(A, now), Admission::Wait(FULL));
        assert_eq!(hosts.closed(now, 9), [A]);
        assert_eq!(hosts.admit(B, now), Admission::Go);
        hosts.left(A, HostHealth::Well, now);
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
            hosts.left(A, HostHealth::Ill, now);
        }
        now += Duration::from_secs(100);
        assert_eq!(hosts.admit(A, now), Admission::Go);
        hosts.left(A, HostHealth::Well, now);
        assert_eq!([hosts.admit(A, now), hosts.admit(A, now)], [Admission::Go; 2]);
    }

    #[test]
    fn answers_in_between_keep_a_circuit_closed() {
        let (mut hosts, now) = (hosts(), Instant::now());
        for _ in 0..20 {
            fail(&mut hosts, now);
            assert_eq!(hosts.admit(A, now), Admission::Go);
            hosts.left(A, HostHealth::Well, now);
        }
        assert_eq!(hosts.opens_in(now), None);
        assert!(hosts.known.is_empty(), "who does well is forgotten");
    }

    fn fail_once(hosts: &mut Hosts, name: &str, now: Instant) {
        assert_eq!(hosts.admit(name, now), Admission::Go, "{name}");
        hosts.left(name, HostHealth::Ill, now);
    }

    #[test]
    fn endless_receivers_that_fail_once_take_bounded_memory() {
        let (mut hosts, now) = (hosts(), Instant::now());
        for number in 0..3 * REMEMBERED {
            fail_once(&mut hosts, &format!("https://{number}.example"), now);
        }
        assert_eq!(hosts.known.len(), REMEMBERED);
    }

    #[test]
    fn a_full_table_keeps_tries_in_flight_and_open_circuits() {
        let (mut hosts, mut now) = (hosts(), Instant::now());
        for _ in 0..FAILURES {
            fail(&mut hosts, now);
        }
        assert_eq!(hosts.admit(B, now), Admission::Go);
        for number in 0..2 * REMEMBERED {
            now += Duration::from_millis(1);
            fail_once(&mut hosts, &format!("https://{number}.example"), now);
        }
        assert!(matches!(hosts.admit(A, now), Admission::Wait(_)), "its circuit is still open");
        assert_eq!(hosts.known[B].flying, 1);
        let oldest = 2 * REMEMBERED - (REMEMBERED - 2);
        assert!(!hosts.known.contains_key(&format!("https://{}.example", oldest - 1)));
        assert!(
            hosts.known.contains_key(&format!("https://{oldest}.example")),
            "the longest unused goes first"
        );
    }

    #[test]
    fn of_open_circuits_the_one_that_closes_first_is_evicted() {
        let (mut hosts, start) = (hosts(), Instant::now());
        let name = |number: usize| format!("https://{number}.example");
        for number in 0..REMEMBERED {
            let now = start + Duration::from_millis(number as u64);
            (0..FAILURES).for_each(|_| fail_once(&mut hosts, &name(number), now));
        }
        fail_once(&mut hosts, B, start + Duration::from_secs(5));
        assert!(!hosts.known.contains_key(&name(0)));
        assert!(hosts.known.contains_key(&name(1)) && hosts.known.contains_key(B));
    }

    #[test]
    fn a_failing_host_is_forgotten_once_it_has_been_idle_for_long() {
        let (mut hosts, mut now) = (hosts(), Instant::now());
        (0..FAILURES).for_each(|_| fail(&mut hosts, now));
        fail_once(&mut hosts, B, now);
        let longest = hosts.circuit.1;
        now += longest;
        hosts.closed(now, 9);
        assert!(
            !hosts.known.contains_key(B) && hosts.known.contains_key(A),
            "A counts from its circuit's end"
        );
        now += FIRST;
        hosts.closed(now, 9);
        assert!(hosts.known.is_empty());
    }

    #[test]
    fn a_host_with_a_try_in_flight_is_not_forgotten() {
        let (mut hosts, mut now) = (hosts(), Instant::now());
        assert_eq!(hosts.admit(A, now), Admission::Go);
        now += Duration::from_secs(3_600);
        hosts.closed(now, 9);
        assert_eq!(hosts.known[A].flying, 1);
    }
}
