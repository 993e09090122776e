//! The watchdog alert: it fires all the time, and a dead man's switch raises the alarm when it no longer arrives.

use std::time::{Duration, Instant};

use super::monitoring_stack::MonitoringStack;
use super::report::alarm;
use super::scale;
use crate::support::servers::require;
use crate::support::wait_until;

/// The switch raises the alarm after five minutes without a notification.
const SILENCE: Duration = Duration::from_millis(5 * 60_000 / scale::HOURS);

/// The interval between two notifications of an alert by Prometheus: one minute.
const RESEND: Duration = Duration::from_millis(60_000 / scale::HOURS);

/// Waits until no notification has arrived for as long as the switch waits.
fn wait_for_silence(stack: &MonitoringStack) {
    let (mut notifications, mut last) = (stack.pager.count("watchdog"), Instant::now());
    wait_until("the switch raises the alarm", || {
        let count = stack.pager.count("watchdog");
        if count > notifications {
            (notifications, last) = (count, Instant::now());
        }
        last.elapsed() > SILENCE
    });
}

#[test]
fn watchdog() {
    require!(Alertmanager, Prometheus);
    let stack = MonitoringStack::with(scale::HOURS, RESEND);
    wait_until("several notifications arrive", || stack.pager.count("watchdog") >= 5);
    let begun = Instant::now();
    stack.signal_prometheus("-STOP");
    wait_for_silence(&stack);
    let (paged, ended) = (begun.elapsed(), Instant::now());
    let before = stack.pager.count("watchdog");
    stack.signal_prometheus("-CONT");
    wait_until("a notification arrives again", || stack.pager.count("watchdog") > before);
    alarm("Watchdog", "P3", "Prometheus is frozen: the dead man's switch gets no notification")
        .report(paged, ended.elapsed());
}
