//! The receivers of webhooks: how many attempts each has in flight, and a circuit breaker for those that keep
//! failing.
//!
//! A circuit opens after a few failures in a row that cost time (no connection, no answer, a status of 500 and up).
//! When its time is over, one attempt goes first: if it fails, the circuit opens for twice as long.
//!
//! Number and lifetime are bounded, whatever receivers clients name: a failing host is forgotten once it has been
//! idle for as long as a circuit can be open. When the table is full, the host whose record matters least is
//! evicted.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Instant;

/// Number of failures in a row that open a circuit.
const FAILURE_LIMIT: u32 = 5;

/// Maximum number of hosts in the table. There can be fewer attempts in flight, so that one host can always be
/// evicted.
const MAX_HOSTS: usize = 4_096;

/// How a host did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostHealth {
    /// It answered.
    Healthy,
    /// It cost time and gave no answer, or a server error.
    Unhealthy,
    /// The attempt says nothing about it.
    Unknown,
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostAdmission {
    /// It may begin, and counts as in flight.
    Admitted,
    /// Not before this wait.
    Wait(Duration),
}

/// The record of one receiver.
#[derive(Debug)]
struct Host {
    in_flight: u32,
    failures: u32,
    /// How often in a row its circuit opened.
    openings: u32,
    /// Until when its circuit is open.
    until: Option<Instant>,
    last_used: Instant,
}

/// The records of all receivers.
#[derive(Debug)]
pub(super) struct Hosts {
    each: u32,
    circuit: (Duration, Duration),
    known: HashMap<String, Host>,
}

/// How long to wait for a host with too many attempts in flight; it is free again as soon as one of them ends.
pub(super) const BUSY_WAIT: Duration = Duration::from_millis(200);

impl Host {
    fn new(now: Instant) -> Self {
        Self { in_flight: 0, failures: 0, openings: 0, until: None, last_used: now }
    }

    /// Since when nothing was sent to it although it was possible; in the future while its circuit is open.
    fn idle_since(&self) -> Instant {
        self.until.map_or(self.last_used, |until| until.max(self.last_used))
    }

    fn is_open(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// Maximum number of attempts in flight.
    fn limit(&self, each: u32) -> u32 {
        // Once a circuit has been open, one attempt goes first.
        if self.until.is_some() { 1 } else { each }
    }

    fn is_unavailable(&self, each: u32, now: Instant) -> bool {
        self.is_open(now) || self.in_flight >= self.limit(each)
    }
}

impl Hosts {
    pub(super) fn new(each: u32, circuit: (Duration, Duration)) -> Self {
        Self { each, circuit, known: HashMap::new() }
    }

    /// Up to `most` hosts that take no attempt now, each with the time until it may; zero for one that takes the next
    /// as soon as one of its attempts ends. Forgets hosts that have been idle for too long.
    pub(super) fn unavailable(&mut self, now: Instant, most: usize) -> Vec<(String, Duration)> {
        let (_, longest) = self.circuit;
        self.known.retain(|_, host| host.in_flight > 0 || now < host.idle_since() + longest);
        let unavailable = self.known.iter().filter(|(_, host)| host.is_unavailable(self.each, now));
        let wait = |host: &Host| host.until.map_or(Duration::ZERO, |until| until.duration_since(now));
        unavailable.map(|(name, host)| (name.clone(), wait(host))).take(most).collect()
    }

    /// How long until the next open circuit may be tried.
    pub(super) fn next_opening(&self, now: Instant) -> Option<Duration> {
        let open = self.known.values().filter_map(|host| host.until.filter(|until| *until > now));
        open.min().map(|until| until.duration_since(now))
    }

    /// Asks whether an attempt may begin. Every admitted attempt must end with [`Hosts::finished`].
    pub(super) fn admit(&mut self, name: &str, now: Instant) -> HostAdmission {
        if self.known.len() >= MAX_HOSTS && !self.known.contains_key(name) {
            self.evict(now);
        }
        let host = self.known.entry(name.to_owned()).or_insert_with(|| Host::new(now));
        if let Some(until) = host.until.filter(|until| *until > now) {
            return HostAdmission::Wait(until.duration_since(now));
        }
        if host.in_flight >= host.limit(self.each) {
            return HostAdmission::Wait(BUSY_WAIT);
        }
        host.in_flight += 1;
        HostAdmission::Admitted
    }

    /// Evicts the host whose record matters least: the longest idle one with a closed circuit, else the one whose
    /// circuit closes first.
    fn evict(&mut self, now: Instant) {
        let idle = self.known.iter().filter(|(_, host)| host.in_flight == 0);
        let least = idle.min_by_key(|(_, host)| (host.is_open(now), host.idle_since()));
        if let Some(name) = least.map(|(name, _)| name.clone()) {
            self.known.remove(&name);
        }
    }

    /// Records that an attempt has ended.
    pub(super) fn finished(&mut self, name: &str, health: HostHealth, now: Instant) {
        let Some(host) = self.known.get_mut(name) else { return };
        host.in_flight = host.in_flight.saturating_sub(1);
        host.last_used = now;
        match health {
            HostHealth::Healthy => (host.failures, host.openings, host.until) = (0, 0, None),
            HostHealth::Unhealthy => {
                host.failures += 1;
                let was_open = host.until.is_some_and(|until| until <= now);
                if host.failures >= FAILURE_LIMIT && (was_open || host.until.is_none()) {
                    let (first, longest) = self.circuit;
                    let wait = first.saturating_mul(1 << host.openings.min(16)).min(longest);
                    host.openings += 1;
                    host.until = Some(now + wait);
                }
            }
            HostHealth::Unknown => {}
        }
        if host.in_flight == 0 && host.failures == 0 {
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
        fail_once(hosts, A, now);
    }

    fn fail_once(hosts: &mut Hosts, name: &str, now: Instant) {
        assert_eq!(hosts.admit(name, now), HostAdmission::Admitted, "{name}");
        hosts.finished(name, HostHealth::Unhealthy, now);
    }

    #[test]
    fn the_attempts_of_a_host_are_limited() {
        let (mut hosts, now) = (hosts(), Instant::now());
        assert_eq!([hosts.admit(A, now), hosts.admit(A, now)], [HostAdmission::Admitted; 2]);
        assert_eq!(hosts.admit(A, now), HostAdmission::Wait(BUSY_WAIT));
        assert_eq!(hosts.unavailable(now, 9), [(A.to_owned(), Duration::ZERO)]);
        assert_eq!(hosts.admit(B, now), HostAdmission::Admitted);
        hosts.finished(A, HostHealth::Healthy, now);
        assert!(hosts.unavailable(now, 9).is_empty());
        assert_eq!(hosts.admit(A, now), HostAdmission::Admitted);
    }

    #[test]
    fn a_host_that_keeps_failing_pauses_longer_and_longer() {
        let (mut hosts, mut now) = (hosts(), Instant::now());
        for _ in 0..FAILURE_LIMIT {
            fail(&mut hosts, now);
        }
        for wait in [30, 60, 100, 100] {
            let wait = Duration::from_secs(wait);
            assert_eq!(hosts.admit(A, now), HostAdmission::Wait(wait));
            assert_eq!(hosts.next_opening(now), Some(wait));
            assert_eq!(hosts.unavailable(now, 9), [(A.to_owned(), wait)]);
            now += wait;
            assert!(hosts.unavailable(now, 9).is_empty());
            assert_eq!(hosts.admit(A, now), HostAdmission::Admitted, "one attempt goes first");
            assert_eq!(hosts.admit(A, now), HostAdmission::Wait(BUSY_WAIT), "and only one");
            hosts.finished(A, HostHealth::Unhealthy, now);
        }
        now += Duration::from_secs(100);
        assert_eq!(hosts.admit(A, now), HostAdmission::Admitted);
        hosts.finished(A, HostHealth::Healthy, now);
        assert_eq!([hosts.admit(A, now), hosts.admit(A, now)], [HostAdmission::Admitted; 2]);
    }

    #[test]
    fn answers_in_between_keep_a_circuit_closed() {
        let (mut hosts, now) = (hosts(), Instant::now());
        for _ in 0..20 {
            fail(&mut hosts, now);
            assert_eq!(hosts.admit(A, now), HostAdmission::Admitted);
            hosts.finished(A, HostHealth::Healthy, now);
        }
        assert_eq!(hosts.next_opening(now), None);
        assert!(hosts.known.is_empty(), "a healthy host is forgotten");
    }

    #[test]
    fn any_number_of_receivers_that_fail_once_takes_bounded_memory() {
        let (mut hosts, now) = (hosts(), Instant::now());
        for number in 0..3 * MAX_HOSTS {
            fail_once(&mut hosts, &format!("https://{number}.example"), now);
        }
        assert_eq!(hosts.known.len(), MAX_HOSTS);
    }

    #[test]
    fn a_full_table_keeps_attempts_in_flight_and_open_circuits() {
        let (mut hosts, mut now) = (hosts(), Instant::now());
        for _ in 0..FAILURE_LIMIT {
            fail(&mut hosts, now);
        }
        assert_eq!(hosts.admit(B, now), HostAdmission::Admitted);
        for number in 0..2 * MAX_HOSTS {
            now += Duration::from_millis(1);
            fail_once(&mut hosts, &format!("https://{number}.example"), now);
        }
        assert!(matches!(hosts.admit(A, now), HostAdmission::Wait(_)), "its circuit is still open");
        assert_eq!(hosts.known[B].in_flight, 1);
        let oldest = 2 * MAX_HOSTS - (MAX_HOSTS - 2);
        assert!(!hosts.known.contains_key(&format!("https://{}.example", oldest - 1)));
        assert!(
            hosts.known.contains_key(&format!("https://{oldest}.example")),
            "the longest unused host is evicted first"
        );
    }

    #[test]
    fn among_open_circuits_the_one_that_closes_first_is_evicted() {
        let (mut hosts, start) = (hosts(), Instant::now());
        let name = |number: usize| format!("https://{number}.example");
        for number in 0..MAX_HOSTS {
            let now = start + Duration::from_millis(number as u64);
            (0..FAILURE_LIMIT).for_each(|_| fail_once(&mut hosts, &name(number), now));
        }
        fail_once(&mut hosts, B, start + Duration::from_secs(5));
        assert!(!hosts.known.contains_key(&name(0)));
        assert!(hosts.known.contains_key(&name(1)) && hosts.known.contains_key(B));
    }

    #[test]
    fn a_failing_host_is_forgotten_after_a_long_idle_time() {
        let (mut hosts, mut now) = (hosts(), Instant::now());
        (0..FAILURE_LIMIT).for_each(|_| fail(&mut hosts, now));
        fail_once(&mut hosts, B, now);
        let longest = hosts.circuit.1;
        now += longest;
        hosts.unavailable(now, 9);
        assert!(
            !hosts.known.contains_key(B) && hosts.known.contains_key(A),
            "A is idle only since its circuit closed"
        );
        now += FIRST;
        hosts.unavailable(now, 9);
        assert!(hosts.known.is_empty());
    }

    #[test]
    fn a_host_with_an_attempt_in_flight_is_not_forgotten() {
        let (mut hosts, mut now) = (hosts(), Instant::now());
        assert_eq!(hosts.admit(A, now), HostAdmission::Admitted);
        now += Duration::from_secs(3_600);
        hosts.unavailable(now, 9);
        assert_eq!(hosts.known[A].in_flight, 1);
    }
}
