//! Receivers that do not take it at once: rows W2 to W5 and W7.

use serde_json::Value;

use super::desk::Desk;
use super::receiver::{Receiver, Reply};
use super::until;

/// Tries without waits between them.
fn hurried(tries: usize) -> String {
    vec!["0"; tries].join(",")
}

fn reasons(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["reason"].as_str().unwrap()).collect()
}

#[test]
fn w4_a_receiver_that_fails_nine_times_is_told_with_one_id_and_ever_later_times() {
    let receiver = Receiver::start(|number, _| Reply::status(if number < 9 { 500 } else { 200 }));
    let waits = hurried(11);
    // The circuit has its own test.
    let settings =
        [("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", &*waits), ("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "1")];
    let desk = Desk::open(&[&receiver], &settings);
    desk.submit(&receiver.url("/"));
    until("it is delivered", || !desk.service.logged("webhook_delivered").is_empty());
    let requests = receiver.requests();
    assert_eq!(requests.len(), 10);
    let ids: Vec<_> = requests.iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && !id.is_empty()), "{ids:?}");
    let times: Vec<u64> =
        requests.iter().map(|request| request.header("webhook-timestamp").parse().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(reasons(&desk.failures(9)), ["server_error"; 9]);
    let delivered = &desk.service.logged("webhook_delivered")[0];
    assert_eq!((&delivered["attempt"], &delivered["status_code"]), (&10.into(), &200.into()));
    assert_eq!(delivered["request_id"], "a-request-0001");
    assert_eq!(desk.figure("webhook_attempts_total"), 10);
    assert_eq!(desk.figure("webhook_retries_total"), 9);
    assert_eq!(desk.figure("webhook_failures_total{reason=\"server_error\"}"), 9);
    assert_eq!(desk.figure("webhook_delivery_latency_seconds_count"), 10);
    assert_eq!(desk.figure("webhook_first_try_latency_seconds_count"), 0);
}

#[test]
fn w3_a_receiver_that_hangs_or_dribbles_costs_its_time_and_no_more() {
    for reply in [Reply::Silence, Reply::Dribble] {
        let receiver =
            Receiver::start(move |number, _| if number == 0 { reply.clone() } else { Reply::status(200) });
        let waits = hurried(2);
        let settings =
            [("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", &*waits), ("HUEMILL__WEBHOOKS__TRY_SECONDS", "1")];
        let desk = Desk::open(&[&receiver], &settings);
        desk.submit(&receiver.url("/"));
        assert_eq!(reasons(&desk.failures(1)), ["timeout"]);
        until("it is delivered", || !desk.service.logged("webhook_delivered").is_empty());
    }
}

#[test]
fn w3_of_a_gigabyte_of_answer_little_is_read() {
    let receiver = Receiver::start(|_, _| Reply::Flood(1 << 30));
    let desk = Desk::open(&[&receiver], &[]);
    desk.submit(&receiver.url("/"));
    until("it is delivered", || !desk.service.logged("webhook_delivered").is_empty());
    // What the kernels on the way hold comes on top.
    assert!(receiver.poured() < 64 << 20, "{}", receiver.poured());
    assert_eq!(desk.figure("webhook_first_try_latency_seconds_count"), 1);
}

#[test]
fn w2_a_redirect_is_a_failure_and_is_not_followed() {
    let inside = Receiver::start(|_, _| Reply::status(200));
    let location: &'static str = Box::leak(format!("location: {}\r\n", inside.url("/")).into_boxed_str());
    let receiver = Receiver::start(move |_, _| Reply::Whole(302, location, Vec::new()));
    let waits = hurried(2);
    let desk = Desk::open(&[&receiver, &inside], &[("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", &waits)]);
    desk.submit(&receiver.url("/"));
    assert_eq!(reasons(&desk.failures(2)), ["redirect"; 2]);
    until("it is given up", || desk.figure("webhook_dead_letters_total") == 1);
    assert_eq!(inside.connections(), 0);
}

#[test]
fn w5_gone_is_the_end() {
    let receiver = Receiver::start(|_, _| Reply::status(410));
    let desk = Desk::open(&[&receiver], &[]);
    desk.submit(&receiver.url("/"));
    until("it is given up", || !desk.service.logged("webhook_dead_letter").is_empty());
    assert_eq!(reasons(&desk.failures(1)), ["gone"]);
    until("it is counted", || desk.figure("webhooks_dead") == 1);
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn w5_a_receiver_may_ask_for_time_within_bounds() {
    for (header, least, most) in [
        ("retry-after: 3600\r\n", 3_600_000, 3_600_000),
        ("retry-after: 999999999\r\n", 86_400_000, 86_400_000),
        ("retry-after: Thu, 01 Jan 2015 00:00:00 GMT\r\n", 5_000, 6_000),
    ] {
        let receiver = Receiver::start(move |_, _| Reply::Whole(429, header, Vec::new()));
        let desk = Desk::open(&[&receiver], &[]);
        desk.submit(&receiver.url("/"));
        let failure = desk.failures(1).remove(0);
        assert_eq!(failure["reason"], "rate_limited");
        let wait = failure["retry_in_ms"].as_u64().unwrap();
        assert!((least..=most).contains(&wait), "{header}: {wait}");
    }
}

#[test]
fn w7_what_was_taken_and_not_written_down_comes_again_with_the_same_id() {
    let (told, taken) = std::sync::mpsc::channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let receiver = Receiver::start(move |number, _| {
        if number == 0 {
            // The service is stopped before it is answered, and never hears it.
            told.send(()).unwrap();
            gone.lock().unwrap().recv().unwrap();
        }
        Reply::status(200)
    });
    let desk = Desk::open(&[&receiver], &[("HUEMILL__WEBHOOKS__TRY_SECONDS", "1")]);
    desk.submit(&receiver.url("/"));
    taken.recv_timeout(super::service::PATIENCE).unwrap();
    desk.service.signal("-STOP");
    go.send(()).unwrap();
    let desk = desk.kill_and_start(&[]);
    until("it comes again", || receiver.requests().len() == 2);
    until("it is delivered", || !desk.service.logged("webhook_delivered").is_empty());
    let ids: Vec<_> =
        receiver.requests().iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(receiver.requests()[0].header("webhook-id"), ids[0]);
}
