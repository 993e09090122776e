//! Whether anybody watches: the heartbeat, and the dead man's switch that hears it.

use std::time::{Duration, Instant};

use super::report::alarm;
use super::town::Town;
use super::{scale, until};

/// The switch raises the alarm when nothing has come for five minutes.
const SILENCE: Duration = Duration::from_millis(5 * 60_000 / scale::HOURS);

/// How often Prometheus tells of an alert, a minute; after four of them without it, it counts as resolved.
const RESEND: Duration = Duration::from_millis(60_000 / scale::HOURS);

/// Waits until nothing has been heard for as long as the switch waits.
fn falls_silent(town: &Town) {
    let (mut heard, mut last) = (town.pager.count("watchdog"), Instant::now());
    until("the switch raises the alarm", || {
        let count = town.pager.count("watchdog");
        if count > heard {
            (heard, last) = (count, Instant::now());
        }
        last.elapsed() > SILENCE
    });
}

#[test]
fn watchdog() {
    let town = Town::with(scale::HOURS, RESEND);
    until("the heartbeat is heard again and again", || town.pager.count("watchdog") >= 5);
    let begun = Instant::now();
    town.signal_prometheus("-STOP");
    falls_silent(&town);
    let (paged, ended) = (begun.elapsed(), Instant::now());
    let before = town.pager.count("watchdog");
    town.signal_prometheus("-CONT");
    until("it is heard again", || town.pager.count("watchdog") > before);
    alarm("Watchdog", "P3", "Prometheus stands still: the dead man's switch hears nothing")
        .report(paged, ended.elapsed());
}
