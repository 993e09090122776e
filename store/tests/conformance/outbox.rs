//! Tests the outbox: which deliveries a claim returns, and how attempts are recorded.

use std::sync::atomic::Ordering;
use std::time::Duration;

use huemill_store::Caller;
use huemill_store::job::{JobState, NewJob};
use huemill_store::outbox::{
    AfterAttempt, ClaimDue, DeliveryAttempt, DeliveryFilter, DeliveryLease, DeliveryState, DueDeliveries,
    DueDelivery, Outbox,
};
use huemill_store::store::Store;

use crate::builders::{done, failed, new_job, picture_error};
use crate::harness::{StoreUnderTest, on_all_stores};

const CALLER: [u8; 4] = [203, 0, 113, 7];
const OTHER: [u8; 4] = [203, 0, 113, 8];
const LEASE: Duration = Duration::from_secs(3_600);

/// A claim of up to this many deliveries in total and per host.
fn claim(limit: u32, limit_per_host: u32) -> ClaimDue {
    ClaimDue { limit, limit_per_host, limit_per_caller: limit, lease: LEASE, ..ClaimDue::default() }
}

/// An attempt that the receiver acknowledged.
fn acknowledged() -> DeliveryAttempt {
    DeliveryAttempt {
        duration: Duration::from_millis(12),
        status: Some(204),
        reason: None,
        answer: "ok".into(),
    }
}

/// An attempt that the receiver answered with an error.
fn failed_attempt() -> DeliveryAttempt {
    let reason = Some("status".to_owned());
    DeliveryAttempt { duration: Duration::from_millis(9), status: Some(500), reason, answer: "no\0!".into() }
}

/// Creates a job with this callback and ends it. Returns its id.
async fn ended_job(test: &StoreUnderTest, url: &str, succeed: bool) -> String {
    ended_job_of(test, CALLER, url, succeed).await
}

/// The same for the caller at this address.
async fn ended_job_of(test: &StoreUnderTest, caller: [u8; 4], url: &str, succeed: bool) -> String {
    let caller = Caller::of_address(caller.into());
    let job = test.create(NewJob { callback_url: Some(url.into()), caller, ..new_job(2) }).await;
    for claim in test.claim(2).await {
        test.settle(&claim.lease, if succeed { done(&claim.lease) } else { failed() }).await;
    }
    job.id.to_string()
}

async fn due(test: &StoreUnderTest, request: ClaimDue) -> Vec<DueDelivery> {
    test.store.due(&request).await.unwrap().due
}

/// Records an attempt. Returns whether the claim was still valid.
async fn record(
    test: &StoreUnderTest,
    lease: &DeliveryLease,
    attempt: &DeliveryAttempt,
    after: AfterAttempt,
) -> bool {
    test.store.record_attempt(lease, attempt, after).await.unwrap()
}

/// Claims the only delivery that is due.
async fn only_due(test: &StoreUnderTest) -> DueDelivery {
    let mut due = due(test, claim(9, 9)).await;
    assert_eq!(due.len(), 1, "{due:?}");
    due.remove(0)
}

async fn a_delivery_describes_the_job_as_it_ended(test: StoreUnderTest) {
    for succeed in [true, false] {
        let job = ended_job(&test, "https://Example.org:8443/hook?token=x", succeed).await;
        let due = only_due(&test).await;
        assert_eq!((due.job.as_str(), due.request_id.as_str(), due.tries), (job.as_str(), "req-0001", 0));
        assert_eq!(
            (due.url.as_str(), due.host.as_str()),
            ("https://Example.org:8443/hook?token=x", "https://example.org:8443")
        );
        assert!(due.traceparent.is_some());
        let notice = due.notice;
        let state = if succeed { JobState::Completed } else { JobState::Failed };
        assert_eq!((notice.state, notice.total, notice.succeeded + notice.failed), (state, 2, 2));
        assert_eq!(notice.base_url, "https://huemill.example");
        let failure = notice.failure.map(|failure| (failure.first, failure.same));
        assert_eq!(failure, (!succeed).then(|| (picture_error(), true)));
        // Deleting the job does not change the delivery.
        test.store.delete(&due.job).await.unwrap();
        assert!(record(&test, &due.lease, &acknowledged(), AfterAttempt::Delivered).await);
    }
}

async fn a_claimed_delivery_is_not_claimed_again_until_the_claim_expires(test: StoreUnderTest) {
    ended_job(&test, "https://example.org/", true).await;
    let first = due(&test, ClaimDue { lease: Duration::ZERO, ..claim(9, 9) }).await.remove(0);
    let second = only_due(&test).await;
    assert_eq!((first.lease.claim, second.lease.claim), (1, 2));
    assert_eq!(first.lease.id, second.lease.id);
    assert!(due(&test, claim(9, 9)).await.is_empty());
    // The first claim was lost, so its attempt does not count.
    assert!(!record(&test, &first.lease, &acknowledged(), AfterAttempt::Delivered).await);
    test.store.snooze(std::slice::from_ref(&first.lease), Duration::ZERO).await.unwrap();
    assert!(due(&test, claim(9, 9)).await.is_empty());
    assert!(record(&test, &second.lease, &acknowledged(), AfterAttempt::Delivered).await);
    assert!(!record(&test, &second.lease, &acknowledged(), AfterAttempt::Delivered).await);
}

async fn a_failed_attempt_is_repeated_when_it_is_due(test: StoreUnderTest) {
    ended_job(&test, "https://example.org/", true).await;
    let first = only_due(&test).await;
    assert!(record(&test, &first.lease, &failed_attempt(), AfterAttempt::Again(LEASE)).await);
    let DueDeliveries { due, next, .. } = test.store.due(&claim(9, 9)).await.unwrap();
    assert!(due.is_empty());
    let next = next.unwrap();
    assert!(next + Duration::from_secs(60) > LEASE && next <= LEASE, "{next:?}");
    test.store.redeliver(&first.lease.id).await.unwrap();
    let second = only_due(&test).await;
    assert!(record(&test, &second.lease, &failed_attempt(), AfterAttempt::Again(Duration::ZERO)).await);
    let third = only_due(&test).await;
    assert_eq!(third.tries, 1, "the schedule was restarted");
    assert!(record(&test, &third.lease, &failed_attempt(), AfterAttempt::Dead).await);
    let list =
        test.store.deliveries(&DeliveryFilter { limit: 9, ..DeliveryFilter::default() }).await.unwrap();
    assert_eq!((list[0].state, list[0].next_at), (DeliveryState::Dead, None));
    assert!(list[0].finished_at.is_some());
    let attempts = list[0].tries.iter();
    let tries: Vec<_> = attempts.map(|attempt| (attempt.number, attempt.outcome.status)).collect();
    assert_eq!(tries, [(1, Some(500)), (2, Some(500)), (3, Some(500))]);
    assert_eq!(list[0].tries[0].outcome.answer, "no\u{fffd}!");
    let figures = test.store.figures().await.unwrap();
    assert_eq!((figures.deliveries, figures.dead_letters), (0, 1));
}

async fn one_host_does_not_get_all_claims(test: StoreUnderTest) {
    for _ in 0..5 {
        ended_job(&test, "https://busy.example/", true).await;
    }
    ended_job(&test, "https://quiet.example/", true).await;
    let excluded_hosts = vec![("https://busy.example".to_owned(), Duration::ZERO)];
    let held = due(&test, ClaimDue { excluded_hosts, ..claim(9, 2) }).await;
    assert_eq!(held.iter().map(|due| due.host.as_str()).collect::<Vec<_>>(), ["https://quiet.example"]);
    test.store.snooze(&[held[0].lease.clone()], Duration::ZERO).await.unwrap();
    let DueDeliveries { due, next, .. } = test.store.due(&claim(9, 2)).await.unwrap();
    let mut hosts: Vec<_> = due.iter().map(|due| due.host.as_str()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["https://busy.example", "https://busy.example", "https://quiet.example"]);
    assert_eq!(next, Some(Duration::ZERO), "three more are due");
}

async fn hosts_of(test: &StoreUnderTest, request: ClaimDue) -> Vec<String> {
    due(test, request).await.into_iter().map(|due| due.host).collect()
}

async fn a_caller_with_one_delivery_goes_next_whatever_the_backlog_of_another(test: StoreUnderTest) {
    for number in 0..20 {
        ended_job_of(&test, CALLER, &format!("https://{number}.example/"), true).await;
    }
    ended_job_of(&test, OTHER, "https://quiet.example/", true).await;
    let mut turns = <[String; 2]>::default();
    let mut hosts = Vec::new();
    for _ in 0..2 {
        let claimed = test.store.due(&ClaimDue { turns, ..claim(1, 1) }).await.unwrap();
        turns = claimed.turns;
        hosts.extend(claimed.due.into_iter().map(|due| (due.caller, due.host)));
    }
    hosts.sort_by_key(|(_, host)| host.clone());
    assert_eq!(hosts[0], (Caller::of_address(CALLER.into()), "https://0.example".to_owned()));
    assert_eq!(hosts[1], (Caller::of_address(OTHER.into()), "https://quiet.example".to_owned()));
}

async fn a_caller_gets_no_more_than_its_share(test: StoreUnderTest) {
    for number in 0..6 {
        ended_job_of(&test, CALLER, &format!("https://{number}.example/"), true).await;
    }
    ended_job_of(&test, OTHER, "https://quiet.example/", true).await;
    let callers = vec![(Caller::of_address(CALLER.into()), 2)];
    let mut hosts = hosts_of(&test, ClaimDue { callers, ..claim(9, 9) }).await;
    hosts.sort();
    assert_eq!(hosts, ["https://0.example", "https://1.example", "https://quiet.example"]);
    let callers = vec![(Caller::of_address(CALLER.into()), 0)];
    assert!(hosts_of(&test, ClaimDue { callers, ..claim(9, 9) }).await.is_empty());
    assert_eq!(hosts_of(&test, ClaimDue { limit_per_caller: 3, ..claim(9, 9) }).await.len(), 3);
}

async fn first_attempts_go_before_further_ones(test: StoreUnderTest) {
    ended_job_of(&test, OTHER, "https://failed.example/", true).await;
    let first = only_due(&test).await;
    assert!(record(&test, &first.lease, &failed_attempt(), AfterAttempt::Again(Duration::ZERO)).await);
    for number in 0..3 {
        ended_job_of(&test, CALLER, &format!("https://{number}.example/"), true).await;
    }
    let hosts = hosts_of(&test, claim(9, 9)).await;
    assert_eq!((hosts.len(), hosts[3].as_str()), (4, "https://failed.example"));
    test.store.redeliver(&first.lease.id).await.unwrap();
    let again = only_due(&test).await;
    assert!(record(&test, &again.lease, &failed_attempt(), AfterAttempt::Again(Duration::ZERO)).await);
    ended_job_of(&test, CALLER, "https://3.example/", true).await;
    assert_eq!(hosts_of(&test, claim(1, 9)).await, ["https://3.example"]);
    assert_eq!(hosts_of(&test, claim(1, 9)).await, ["https://failed.example"]);
}

async fn deliveries_for_a_host_that_is_left_alone_are_postponed(test: StoreUnderTest) {
    for _ in 0..3 {
        ended_job(&test, "https://dead.example/", true).await;
    }
    ended_job(&test, "https://quiet.example/", true).await;
    let excluded_hosts = vec![("https://dead.example".to_owned(), LEASE)];
    let claimed = test.store.due(&ClaimDue { excluded_hosts, ..claim(9, 9) }).await.unwrap();
    assert_eq!(claimed.due.len(), 1);
    let next = claimed.next.unwrap();
    assert!(next + Duration::from_secs(60) > LEASE && next <= LEASE, "{next:?}");
}

async fn a_backlog_for_a_busy_host_hides_no_other(test: StoreUnderTest) {
    // More than a claim reads.
    for _ in 0..257 {
        ended_job(&test, "https://busy.example/", true).await;
    }
    ended_job(&test, "https://quiet.example/", true).await;
    let excluded_hosts = vec![("https://busy.example".to_owned(), Duration::ZERO)];
    assert_eq!(hosts_of(&test, ClaimDue { excluded_hosts, ..claim(9, 9) }).await, ["https://quiet.example"]);
}

async fn an_acknowledged_delivery_can_be_redelivered(test: StoreUnderTest) {
    assert!(!test.store.redeliver("dlv_none").await.unwrap());
    ended_job(&test, "https://example.org/", true).await;
    let first = only_due(&test).await;
    record(&test, &first.lease, &acknowledged(), AfterAttempt::Delivered).await;
    assert!(due(&test, claim(9, 9)).await.is_empty());
    assert!(test.store.redeliver(&first.lease.id).await.unwrap());
    assert_eq!(only_due(&test).await.lease.id, first.lease.id);
}

async fn lists_are_filtered_and_start_with_the_newest_delivery(test: StoreUnderTest) {
    let mut jobs = Vec::new();
    for _ in 0..3 {
        test.clock.wall.fetch_add(1_000, Ordering::Relaxed);
        jobs.push(ended_job(&test, "https://example.org/", true).await);
    }
    let first = due(&test, claim(1, 1)).await.remove(0);
    record(&test, &first.lease, &acknowledged(), AfterAttempt::Delivered).await;
    let page = |limit| DeliveryFilter { limit, ..DeliveryFilter::default() };
    let ids = |list: Vec<huemill_store::outbox::DeliveryRecord>| {
        list.into_iter().map(|row| row.job.to_string()).collect::<Vec<_>>()
    };
    let list = test.store.deliveries(&page(2)).await.unwrap();
    let before = list[1].id.clone();
    assert_eq!(ids(list), [jobs[2].clone(), jobs[1].clone()]);
    let rest = test.store.deliveries(&DeliveryFilter { before: Some(before), ..page(9) }).await.unwrap();
    assert_eq!(ids(rest), [jobs[0].clone()]);
    let pending = DeliveryFilter { state: Some(DeliveryState::Pending), ..page(9) };
    assert_eq!(test.store.deliveries(&pending).await.unwrap().len(), 2);
    let of_job = DeliveryFilter { job: Some(first.job.clone()), ..page(9) };
    assert_eq!(ids(test.store.deliveries(&of_job).await.unwrap()), [first.job.to_string()]);
}

async fn concurrent_claims_return_each_delivery_once(test: StoreUnderTest) {
    for _ in 0..24 {
        ended_job(&test, "https://example.org/", true).await;
    }
    let claims = (0..8).map(|_| {
        let store = test.store.clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            // A claim may find nothing while others lock the rows, so it is repeated.
            for _ in 0..20 {
                ids.extend(store.due(&claim(2, 9)).await.unwrap().due.into_iter().map(|due| due.lease));
            }
            ids
        })
    });
    let mut leases = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        leases.extend(claim.await.unwrap());
    }
    assert!(leases.iter().all(|lease| lease.claim == 1), "{leases:?}");
    let mut ids: Vec<_> = leases.into_iter().map(|lease| lease.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 24);
}

on_all_stores!(
    concurrent_claims_return_each_delivery_once,
    a_delivery_describes_the_job_as_it_ended,
    a_claimed_delivery_is_not_claimed_again_until_the_claim_expires,
    a_failed_attempt_is_repeated_when_it_is_due,
    one_host_does_not_get_all_claims,
    a_caller_with_one_delivery_goes_next_whatever_the_backlog_of_another,
    a_caller_gets_no_more_than_its_share,
    first_attempts_go_before_further_ones,
    deliveries_for_a_host_that_is_left_alone_are_postponed,
    a_backlog_for_a_busy_host_hides_no_other,
    an_acknowledged_delivery_can_be_redelivered,
    lists_are_filtered_and_start_with_the_newest_delivery,
);

#[tokio::test]
async fn waits_set_by_a_clock_that_was_ahead_end_when_it_is_corrected() {
    let test = StoreUnderTest::sqlite().await;
    let wall = &test.clock.wall;
    let expire = async || test.store.expire(9, Duration::from_secs(3_600)).await.unwrap();
    wall.fetch_add(86_400_000, Ordering::Relaxed);
    expire().await;
    ended_job(&test, "http://one.example/", true).await;
    let first = only_due(&test).await;
    let again = AfterAttempt::Again(Duration::from_secs(5));
    assert!(record(&test, &first.lease, &failed_attempt(), again).await);
    wall.fetch_sub(86_400_000, Ordering::Relaxed);
    assert!(due(&test, claim(9, 9)).await.is_empty(), "it waits for a day");
    expire().await;
    assert_eq!(due(&test, claim(9, 9)).await.len(), 1);
    // A small correction changes nothing: the claim is valid.
    wall.fetch_sub(30_000, Ordering::Relaxed);
    expire().await;
    assert!(due(&test, claim(9, 9)).await.is_empty());
}
