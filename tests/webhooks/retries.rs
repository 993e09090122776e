//! Receivers that do not accept a webhook at once: rows W2 to W5 and W7.

use serde_json::Value;

use super::test_service::TestService;
use crate::support::receiver::{Receiver, Reply};
use crate::support::{TIMEOUT, wait_until};

/// A retry schedule of this many attempts without waits.
fn without_waits(attempts: usize) -> String {
    vec!["0"; attempts].join(",")
}

fn reasons(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["reason"].as_str().unwrap()).collect()
}

#[test]
fn w4_a_receiver_that_fails_nine_times_gets_ten_attempts_with_one_id_and_increasing_times() {
    let receiver = Receiver::start(|number, _| Reply::status(if number < 9 { 500 } else { 200 }));
    let waits = without_waits(11);
    // The circuit breaker has its own test. Without a limit, attempts that time out on a busy machine would make it wait for
    // minutes.
    let settings = [
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", &*waits),
        ("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "1"),
        ("HUEMILL__WEBHOOKS__CIRCUIT_MAX_SECONDS", "2"),
    ];
    let service = TestService::start(&[&receiver], &settings);
    service.submit(&receiver.url("/"));
    service.wait_for_delivery();
    let requests = receiver.requests();
    assert_eq!(requests.len(), 10);
    let ids: Vec<_> = requests.iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && !id.is_empty()), "{ids:?}");
    let times: Vec<u64> =
        requests.iter().map(|request| request.header("webhook-timestamp").parse().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(reasons(&service.wait_for_failures(9)), ["server_error"; 9]);
    let delivered = &service.service.logged("webhook_delivered")[0];
    assert_eq!((&delivered["attempt"], &delivered["status_code"]), (&10.into(), &200.into()));
    assert_eq!(delivered["request_id"], "a-request-0001");
    assert_eq!(service.metric("webhook_attempts_total"), 10);
    assert_eq!(service.metric("webhook_retries_total"), 9);
    assert_eq!(service.metric("webhook_failures_total{reason=\"server_error\"}"), 9);
    assert_eq!(service.metric("webhook_delivery_latency_seconds_count"), 10);
    assert_eq!(service.metric("webhook_first_try_latency_seconds_count"), 0);
}

#[test]
fn w3_an_attempt_at_a_receiver_that_hangs_or_dribbles_times_out() {
    for reply in [Reply::Silence, Reply::Dribble] {
        let receiver =
            Receiver::start(move |number, _| if number == 0 { reply.clone() } else { Reply::status(200) });
        // On a busy machine more than one attempt may time out.
        let waits = without_waits(10);
        let settings =
            [("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", &*waits), ("HUEMILL__WEBHOOKS__TRY_SECONDS", "2")];
        let service = TestService::start(&[&receiver], &settings);
        service.submit(&receiver.url("/"));
        assert_eq!(reasons(&service.wait_for_failures(1))[0], "timeout");
        service.wait_for_delivery();
    }
}

#[test]
fn w3_the_service_reads_little_of_a_gigabyte_of_answer() {
    let receiver = Receiver::start(|_, _| Reply::Flood(1 << 30));
    let service = TestService::start(&[&receiver], &[]);
    service.submit(&receiver.url("/"));
    service.wait_for_delivery();
    // This includes what the kernel buffers.
    assert!(receiver.flooded() < 64 << 20, "{}", receiver.flooded());
    assert_eq!(service.metric("webhook_first_try_latency_seconds_count"), 1);
}

#[test]
fn w2_a_redirect_is_a_failure_and_is_not_followed() {
    let target = Receiver::start(|_, _| Reply::status(200));
    let location: &'static str = Box::leak(format!("location: {}\r\n", target.url("/")).into_boxed_str());
    let receiver = Receiver::start(move |_, _| Reply::Whole(302, location, Vec::new()));
    let waits = without_waits(2);
    let service =
        TestService::start(&[&receiver, &target], &[("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", &waits)]);
    service.submit(&receiver.url("/"));
    assert_eq!(reasons(&service.wait_for_failures(2)), ["redirect"; 2]);
    wait_until("the webhook is given up", || service.metric("webhook_dead_letters_total") == 1);
    assert_eq!(target.connections(), 0);
}

#[test]
fn w5_a_410_ends_the_attempts() {
    let receiver = Receiver::start(|_, _| Reply::status(410));
    let service = TestService::start(&[&receiver], &[]);
    service.submit(&receiver.url("/"));
    wait_until("the webhook is given up", || !service.service.logged("webhook_dead_letter").is_empty());
    assert_eq!(reasons(&service.wait_for_failures(1)), ["gone"]);
    wait_until("the dead webhook is counted", || service.metric("webhooks_dead") == 1);
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn w5_a_receiver_may_postpone_the_next_attempt_within_bounds() {
    for (header, least, most) in [
        ("retry-after: 3600\r\n", 3_600_000, 3_600_000),
        ("retry-after: 999999999\r\n", 86_400_000, 86_400_000),
        ("retry-after: Thu, 01 Jan 2015 00:00:00 GMT\r\n", 5_000, 6_000),
    ] {
        let receiver = Receiver::start(move |_, _| Reply::Whole(429, header, Vec::new()));
        let service = TestService::start(&[&receiver], &[]);
        service.submit(&receiver.url("/"));
        let failure = service.wait_for_failures(1).remove(0);
        assert_eq!(failure["reason"], "rate_limited");
        let wait = failure["retry_in_ms"].as_u64().unwrap();
        assert!((least..=most).contains(&wait), "{header}: {wait}");
    }
}

#[test]
fn w7_a_webhook_whose_delivery_was_not_recorded_is_sent_again_with_the_same_id() {
    let (sender, received) = std::sync::mpsc::channel();
    let (answer, may_answer) = std::sync::mpsc::channel::<()>();
    let may_answer = std::sync::Mutex::new(may_answer);
    let receiver = Receiver::start(move |number, _| {
        if number == 0 {
            // The service is frozen before it gets this answer, and dies.
            sender.send(()).unwrap();
            may_answer.lock().unwrap().recv().unwrap();
        }
        Reply::status(200)
    });
    let service = TestService::start(&[&receiver], &[("HUEMILL__WEBHOOKS__TRY_SECONDS", "10")]);
    service.submit(&receiver.url("/"));
    received.recv_timeout(TIMEOUT).unwrap();
    service.service.signal("-STOP");
    answer.send(()).unwrap();
    let service = service.kill_and_start(&[]);
    wait_until("the webhook is sent again", || receiver.requests().len() == 2);
    service.wait_for_delivery();
    let ids: Vec<_> =
        receiver.requests().iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(receiver.requests()[0].header("webhook-id"), ids[0]);
}
