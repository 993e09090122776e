//! What the outbox hands out, what becomes of tries, and who may say so.

use std::sync::atomic::Ordering;
use std::time::Duration;

use huemill_store::job::{JobState, NewJob};
use huemill_store::outbox::{After, Call, Deliveries, DeliveryState, Due, Outbox, Post, Try};
use huemill_store::store::Store;

use crate::bench::{Bench, broken, done, failed, new_job, on_both_stores};

const HOLD: Duration = Duration::from_secs(3_600);

fn call(most: u32, each: u32) -> Call {
    Call { most, each, without: Vec::new(), hold: HOLD }
}

fn taken() -> Try {
    Try { duration: Duration::from_millis(12), status: Some(204), reason: None, answer: "ok".into() }
}

fn refused() -> Try {
    let reason = Some("status".to_owned());
    Try { duration: Duration::from_millis(9), status: Some(500), reason, answer: "no\0!".into() }
}

/// A job that has ended, to be told there.
async fn ended(bench: &Bench, url: &str, succeed: bool) -> String {
    let job = bench.create(NewJob { callback_url: Some(url.into()), ..new_job(2) }).await;
    for claim in bench.claim(2).await {
        bench.settle(&claim.lease, if succeed { done(&claim.lease) } else { failed() }).await;
    }
    job.id.to_string()
}

async fn due(bench: &Bench, call: Call) -> Vec<Due> {
    bench.store.due(&call).await.unwrap().due
}

async fn one(bench: &Bench) -> Due {
    let mut due = due(bench, call(9, 9)).await;
    assert_eq!(due.len(), 1, "{due:?}");
    due.remove(0)
}

async fn a_delivery_tells_the_end_as_it_was(bench: Bench) {
    for succeed in [true, false] {
        let job = ended(&bench, "https://Example.org:8443/hook?token=x", succeed).await;
        let due = one(&bench).await;
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
        assert_eq!(failure, (!succeed).then(|| (broken(), true)));
        // Deleting the job changes nothing of it.
        bench.store.delete(&due.job).await.unwrap();
        assert!(bench.store.tried(&due.ticket, &taken(), After::Delivered).await.unwrap());
    }
}

async fn what_is_claimed_is_not_handed_out_until_its_claim_runs_out(bench: Bench) {
    ended(&bench, "https://example.org/", true).await;
    let first = due(&bench, Call { hold: Duration::ZERO, ..call(9, 9) }).await.remove(0);
    let second = one(&bench).await;
    assert_eq!((first.ticket.claim, second.ticket.claim), (1, 2));
    assert_eq!(first.ticket.id, second.ticket.id);
    assert!(due(&bench, call(9, 9)).await.is_empty());
    // The first one's word comes too late.
    assert!(!bench.store.tried(&first.ticket, &taken(), After::Delivered).await.unwrap());
    bench.store.put_off(std::slice::from_ref(&first.ticket), Duration::ZERO).await.unwrap();
    assert!(due(&bench, call(9, 9)).await.is_empty());
    assert!(bench.store.tried(&second.ticket, &taken(), After::Delivered).await.unwrap());
    assert!(!bench.store.tried(&second.ticket, &taken(), After::Delivered).await.unwrap());
}

async fn a_failed_try_comes_again_when_it_is_due(bench: Bench) {
    ended(&bench, "https://example.org/", true).await;
    let first = one(&bench).await;
    assert!(bench.store.tried(&first.ticket, &refused(), After::Again(HOLD)).await.unwrap());
    let Post { due, next } = bench.store.due(&call(9, 9)).await.unwrap();
    assert!(due.is_empty());
    let next = next.unwrap();
    assert!(next + Duration::from_secs(60) > HOLD && next <= HOLD, "{next:?}");
    bench.store.redeliver(&first.ticket.id).await.unwrap();
    let second = one(&bench).await;
    assert!(bench.store.tried(&second.ticket, &refused(), After::Again(Duration::ZERO)).await.unwrap());
    let third = one(&bench).await;
    assert_eq!(third.tries, 1, "the schedule began anew");
    assert!(bench.store.tried(&third.ticket, &refused(), After::Dead).await.unwrap());
    let list = bench.store.deliveries(&Deliveries { limit: 9, ..Deliveries::default() }).await.unwrap();
    assert_eq!((list[0].state, list[0].next_at), (DeliveryState::Dead, None));
    assert!(list[0].finished_at.is_some());
    let tries: Vec<_> = list[0].tries.iter().map(|tried| (tried.number, tried.outcome.status)).collect();
    assert_eq!(tries, [(1, Some(500)), (2, Some(500)), (3, Some(500))]);
    assert_eq!(list[0].tries[0].outcome.answer, "no\u{fffd}!");
    let figures = bench.store.figures().await.unwrap();
    assert_eq!((figures.deliveries, figures.dead_letters), (0, 1));
}

async fn one_host_does_not_take_all_places(bench: Bench) {
    for _ in 0..5 {
        ended(&bench, "https://busy.example/", true).await;
    }
    ended(&bench, "https://quiet.example/", true).await;
    let without = vec!["https://busy.example".to_owned()];
    let held = due(&bench, Call { without, ..call(9, 2) }).await;
    assert_eq!(held.iter().map(|due| due.host.as_str()).collect::<Vec<_>>(), ["https://quiet.example"]);
    bench.store.put_off(&[held[0].ticket.clone()], Duration::ZERO).await.unwrap();
    let Post { due, next } = bench.store.due(&call(9, 2)).await.unwrap();
    let mut hosts: Vec<_> = due.iter().map(|due| due.host.as_str()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["https://busy.example", "https://busy.example", "https://quiet.example"]);
    assert_eq!(next, Some(Duration::ZERO), "three more are due");
}

async fn a_delivered_one_is_sent_anew_when_it_is_asked_for(bench: Bench) {
    assert!(!bench.store.redeliver("dlv_none").await.unwrap());
    ended(&bench, "https://example.org/", true).await;
    let first = one(&bench).await;
    bench.store.tried(&first.ticket, &taken(), After::Delivered).await.unwrap();
    assert!(due(&bench, call(9, 9)).await.is_empty());
    assert!(bench.store.redeliver(&first.ticket.id).await.unwrap());
    assert_eq!(one(&bench).await.ticket.id, first.ticket.id);
}

async fn lists_are_by_state_and_job_newest_first(bench: Bench) {
    let mut jobs = Vec::new();
    for _ in 0..3 {
        bench.hands.wall.fetch_add(1_000, Ordering::Relaxed);
        jobs.push(ended(&bench, "https://example.org/", true).await);
    }
    let first = due(&bench, call(1, 1)).await.remove(0);
    bench.store.tried(&first.ticket, &taken(), After::Delivered).await.unwrap();
    let page = |limit| Deliveries { limit, ..Deliveries::default() };
    let ids = |list: Vec<huemill_store::outbox::Delivery>| {
        list.into_iter().map(|row| row.job.to_string()).collect::<Vec<_>>()
    };
    let list = bench.store.deliveries(&page(2)).await.unwrap();
    let before = list[1].id.clone();
    assert_eq!(ids(list), [jobs[2].clone(), jobs[1].clone()]);
    let rest = bench.store.deliveries(&Deliveries { before: Some(before), ..page(9) }).await.unwrap();
    assert_eq!(ids(rest), [jobs[0].clone()]);
    let pending = Deliveries { state: Some(DeliveryState::Pending), ..page(9) };
    assert_eq!(bench.store.deliveries(&pending).await.unwrap().len(), 2);
    let of_job = Deliveries { job: Some(first.job.clone()), ..page(9) };
    assert_eq!(ids(bench.store.deliveries(&of_job).await.unwrap()), [first.job.to_string()]);
}

async fn of_many_who_claim_at_once_each_delivery_has_one(bench: Bench) {
    for _ in 0..24 {
        ended(&bench, "https://example.org/", true).await;
    }
    let claims = (0..8).map(|_| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            // One who finds nothing may have come while others held the rows.
            for _ in 0..20 {
                ids.extend(store.due(&call(2, 9)).await.unwrap().due.into_iter().map(|due| due.ticket));
            }
            ids
        })
    });
    let mut tickets = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        tickets.extend(claim.await.unwrap());
    }
    assert!(tickets.iter().all(|ticket| ticket.claim == 1), "{tickets:?}");
    let mut ids: Vec<_> = tickets.into_iter().map(|ticket| ticket.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 24);
}

on_both_stores!(
    of_many_who_claim_at_once_each_delivery_has_one,
    a_delivery_tells_the_end_as_it_was,
    what_is_claimed_is_not_handed_out_until_its_claim_runs_out,
    a_failed_try_comes_again_when_it_is_due,
    one_host_does_not_take_all_places,
    a_delivered_one_is_sent_anew_when_it_is_asked_for,
    lists_are_by_state_and_job_newest_first,
);

#[tokio::test]
async fn what_waits_by_a_clock_that_was_ahead_is_due_when_it_is_put_right() {
    let bench = Bench::sqlite().await;
    let wall = &bench.hands.wall;
    let expire = async || bench.store.expire(9, Duration::from_secs(3_600)).await.unwrap();
    wall.fetch_add(86_400_000, Ordering::Relaxed);
    expire().await;
    ended(&bench, "http://one.example/", true).await;
    let first = one(&bench).await;
    assert!(
        bench.store.tried(&first.ticket, &refused(), After::Again(Duration::from_secs(5))).await.unwrap()
    );
    wall.fetch_sub(86_400_000, Ordering::Relaxed);
    assert!(due(&bench, call(9, 9)).await.is_empty(), "it waits for a day");
    expire().await;
    assert_eq!(due(&bench, call(9, 9)).await.len(), 1);
    // A small correction moves nothing: the claim holds.
    wall.fetch_sub(30_000, Ordering::Relaxed);
    expire().await;
    assert!(due(&bench, call(9, 9)).await.is_empty());
}
