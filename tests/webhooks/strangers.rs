//! Receivers beside others: dead ones that hold up nobody, and those that must not be reached at all.

use super::desk::Desk;
use super::receiver::{Receiver, Reply};
use super::until;

#[test]
fn w8_a_dead_host_holds_up_nobody_else() {
    let (dead, live) = (Receiver::start(|_, _| Reply::Silence), Receiver::start(|_, _| Reply::status(200)));
    let desk = Desk::open(&[&dead, &live], &[("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "600")]);
    for _ in 0..60 {
        desk.submit(&dead.url("/"));
    }
    for _ in 0..10 {
        desk.submit(&live.url("/"));
    }
    until("the live one is told", || live.requests().len() == 10);
    // Its places are all that it ever has at one time: it was asked by four, who still wait for it.
    assert!(dead.connections() <= 8, "{}", dead.connections());
    until("they are counted", || desk.figure("webhooks_pending") == 60);
}

#[test]
fn a_host_that_fails_on_and_on_is_left_alone() {
    let ill = Receiver::start(|_, _| Reply::status(503));
    let desk = Desk::open(&[&ill], &[("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "600")]);
    for _ in 0..40 {
        desk.submit(&ill.url("/"));
    }
    until("its circuit opens", || desk.service.logged("webhook_failed").len() >= 5);
    until("all have ended", || desk.figure("jobs_completed_total{status=\"completed\"}") == 40);
    // Five failures open it; those in flight then may end.
    assert!(ill.connections() <= 5 + 4, "{}", ill.connections());
    assert_eq!(desk.figure("webhook_dead_letters_total"), 0, "they wait, nothing is lost");
}

#[test]
fn w1_what_the_guard_refuses_when_it_is_sent_is_not_connected() {
    let receiver = Receiver::start(|_, _| Reply::status(500));
    let waits = ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,1,600");
    let desk = Desk::open(&[&receiver], &[waits]);
    desk.submit(&receiver.url("/"));
    desk.failures(1);
    // What was let in at first is judged again at each try.
    let desk = desk.kill_and_start(&[("HUEMILL__OUTBOUND__ALLOW_CIDRS", "")]);
    assert_eq!(desk.failures(1)[0]["reason"], "blocked");
    assert_eq!(desk.figure("outbound_blocked_total{reason=\"loopback\"}"), 1);
    assert_eq!(desk.service.logged("outbound_blocked")[0]["reason"], "loopback");
    assert_eq!(receiver.connections(), 1);
}
