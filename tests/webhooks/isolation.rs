//! Receivers do not affect each other: a dead one delays no other, a failing one is left alone, and one that the
//! settings forbid is not reached.

use super::test_service::TestService;
use crate::support::receiver::{Receiver, Reply};
use crate::support::wait_until;

#[test]
fn w8_a_dead_host_delays_no_other() {
    let (dead, live) = (Receiver::start(|_, _| Reply::Silence), Receiver::start(|_, _| Reply::status(200)));
    let service = TestService::start(&[&dead, &live], &[("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "600")]);
    for _ in 0..60 {
        service.submit(&dead.url("/"));
    }
    for _ in 0..10 {
        service.submit(&live.url("/"));
    }
    wait_until("the live receiver has all its webhooks", || live.requests().len() == 10);
    // The dead receiver has as many connections as one host may have. After their timeouts the circuit opens.
    assert!(dead.connections() <= 8, "{}", dead.connections());
    wait_until("the other webhooks are pending", || service.metric("webhooks_pending") == 60);
}

#[test]
fn a_host_that_keeps_failing_is_left_alone() {
    let failing = Receiver::start(|_, _| Reply::status(503));
    let service = TestService::start(&[&failing], &[("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "600")]);
    for _ in 0..40 {
        service.submit(&failing.url("/"));
    }
    wait_until("the circuit opens", || service.service.logged("webhook_failed").len() >= 5);
    wait_until("all jobs have ended", || service.metric("jobs_completed_total{status=\"completed\"}") == 40);
    // Five failures open the circuit; attempts that are in flight then may end.
    assert!(failing.connections() <= 5 + 4, "{}", failing.connections());
    assert_eq!(service.metric("webhook_dead_letters_total"), 0, "a webhook was given up");
}

#[test]
fn w1_an_address_that_is_forbidden_at_the_time_of_sending_is_not_connected() {
    let receiver = Receiver::start(|_, _| Reply::status(500));
    let waits = ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,1,600");
    let service = TestService::start(&[&receiver], &[waits]);
    service.submit(&receiver.url("/"));
    service.wait_for_failures(1);
    // The service checks the address again at each attempt.
    let service = service.kill_and_start(&[("HUEMILL__OUTBOUND__ALLOW_CIDRS", "")]);
    assert_eq!(service.wait_for_failures(1)[0]["reason"], "blocked");
    assert_eq!(service.metric("outbound_blocked_total{reason=\"loopback\"}"), 1);
    assert_eq!(service.service.logged("outbound_blocked")[0]["reason"], "loopback");
    assert_eq!(receiver.connections(), 1);
}
