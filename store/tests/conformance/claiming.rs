//! Who is served next, and that nobody is served twice.

use std::collections::HashSet;

use huemill_store::job::{JobId, NewJob, Priority};
use huemill_store::store::{Claim, Lease, Store};

use crate::bench::{Bench, ask, new_job, on_both_stores, owner, patiently, retry};

fn of(claims: &[Claim], job: &JobId) -> Vec<usize> {
    (0..claims.len()).filter(|place| claims[*place].lease.job == *job).collect()
}

async fn a_claim_says_all_that_a_worker_needs(bench: Bench) {
    let new = new_job(2);
    bench.create(new.clone()).await;
    let claims = bench.claim(2).await;
    let (first, second) = (&claims[0], &claims[1]);
    assert_eq!((&first.lease.job, first.lease.number, first.lease.attempt), (&new.id, 0, 1));
    assert_eq!((&first.name, &first.source), (&new.items[0].name, &new.items[0].source));
    assert_eq!((&first.options, &first.request_id), (&new.options, &new.request_id));
    assert_eq!((&first.traceparent, first.priority), (&new.traceparent, Priority::Normal));
    assert!(first.waited.is_some() && second.waited.is_none());
    assert_eq!(second.lease.number, 1);
}

async fn an_empty_store_gives_nothing(bench: Bench) {
    let claims = bench.store.claim(&ask(5)).await.unwrap();
    assert!(claims.items.is_empty() && !claims.suspects);
    assert!(bench.suspect().await.items.is_empty());
}

async fn what_comes_after_an_empty_claim_is_found_by_the_next(bench: Bench) {
    let empty = async || assert!(bench.claim(3).await.is_empty());
    empty().await;
    empty().await;
    let job = bench.job_of(2).await;
    assert_eq!(bench.claim(3).await.len(), 2);
    empty().await;
    // What was deferred, once its time has come.
    let lease = Lease { job: job.id.clone(), number: 0, attempt: 1, owner: owner() };
    bench.settle(&lease, retry(3)).await;
    assert_eq!(bench.claim(3).await.len(), 1);
    empty().await;
    // A suspect is not handed out, but reported.
    bench.job_of(1).await;
    assert_eq!(bench.claim_and_die(3).await.len(), 1);
    bench.reap().await;
    let claims = bench.store.claim(&ask(3)).await.unwrap();
    assert!(claims.items.is_empty() && claims.suspects);
    let claims = bench.store.claim(&ask(3)).await.unwrap();
    assert!(claims.items.is_empty() && claims.suspects);
}

async fn no_more_is_given_than_was_asked_for(bench: Bench) {
    bench.job_of(5).await;
    assert_eq!(bench.claim(0).await.len(), 0);
    assert_eq!(bench.claim(3).await.len(), 3);
    assert_eq!(bench.claim(3).await.len(), 2);
    assert_eq!(bench.claim(3).await.len(), 0);
}

async fn a_long_job_delays_a_short_one_by_one_item(bench: Bench) {
    bench.job_of(200).await;
    assert_eq!(bench.claim(50).await.len(), 50);
    let short = bench.job_of(1).await;
    assert!(of(&bench.claim(2).await, &short.id)[0] <= 1);
}

async fn jobs_of_a_priority_take_turns(bench: Bench) {
    let (a, b, c) = (bench.job_of(9).await, bench.job_of(9).await, bench.job_of(2).await);
    let claims = bench.claim(9).await;
    assert_eq!(of(&claims, &a.id).len(), 4);
    assert_eq!(of(&claims, &b.id).len(), 3);
    assert_eq!(of(&claims, &c.id).len(), 2);
    for pass in claims[..6].chunks(3) {
        assert_eq!(pass.iter().map(|claim| &claim.lease.job).collect::<HashSet<_>>().len(), 3);
    }
}

async fn a_stream_of_new_jobs_does_not_starve_an_old_one(bench: Bench) {
    let old = bench.job_of(100).await;
    for _ in 0..3 {
        bench.job_of(1).await;
    }
    let mut claims = Vec::new();
    for _ in 0..20 {
        claims.extend(bench.claim(2).await);
        bench.job_of(1).await;
        bench.job_of(1).await;
    }
    assert!(of(&claims, &old.id).len() >= 6, "{:?}", of(&claims, &old.id));
}

async fn a_higher_priority_goes_first(bench: Bench) {
    let mut ids = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        ids.push(bench.create(NewJob { priority, ..new_job(2) }).await.id);
    }
    let claims = bench.claim(6).await;
    assert_eq!(of(&claims, &ids[2]), [0, 1]);
    assert_eq!(of(&claims, &ids[1]), [2, 3]);
    assert_eq!(of(&claims, &ids[0]), [4, 5]);
}

async fn a_job_that_got_items_back_does_not_lose_its_place(bench: Bench) {
    let old = bench.job_of(30).await;
    let leases: Vec<_> = bench.claim(30).await.into_iter().map(|claim| claim.lease).collect();
    let young = bench.job_of(30).await;
    bench.store.give_back(&leases[..2]).await.unwrap();
    let claims = bench.claim(4).await;
    assert_eq!((of(&claims, &old.id), of(&claims, &young.id)), (vec![0, 2], vec![1, 3]));
}

async fn many_claimants_get_each_item_once(bench: Bench) {
    for _ in 0..10 {
        bench.job_of(12).await;
    }
    let mut claimants = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = bench.store.clone();
        claimants.spawn(async move {
            let (mut taken, mut asked) = (Vec::new(), ask(4));
            asked.owner.0 = format!("claimant {number}");
            loop {
                let items = patiently(|| store.claim(&asked)).await.items;
                if items.is_empty() {
                    return taken;
                }
                taken.extend(items.into_iter().map(|claim| (claim.lease.job, claim.lease.number)));
            }
        });
    }
    let taken = claimants.join_all().await.concat();
    assert_eq!(taken.len(), 120);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 120);
}

async fn a_job_whose_row_is_held_for_a_moment_is_not_overlooked(bench: Bench) {
    // One job alone, claimed and settled from many sides at once: no claim may come back empty while items wait.
    bench.job_of(60).await;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = bench.store.clone();
        workers.spawn(async move {
            for _ in 0..10 {
                let one = ask(1);
                let claims = patiently(|| store.claim(&one)).await.items;
                assert_eq!(claims.len(), 1);
                let lease = &claims[0].lease;
                patiently(|| store.settle(lease, crate::bench::done(lease), 1)).await;
            }
        });
    }
    workers.join_all().await;
    assert_eq!(bench.store.figures().await.unwrap().jobs, [0, 0, 1, 0, 0, 0]);
}

on_both_stores!(
    a_claim_says_all_that_a_worker_needs,
    an_empty_store_gives_nothing,
    what_comes_after_an_empty_claim_is_found_by_the_next,
    no_more_is_given_than_was_asked_for,
    a_long_job_delays_a_short_one_by_one_item,
    jobs_of_a_priority_take_turns,
    a_stream_of_new_jobs_does_not_starve_an_old_one,
    a_higher_priority_goes_first,
    a_job_that_got_items_back_does_not_lose_its_place,
    many_claimants_get_each_item_once,
    a_job_whose_row_is_held_for_a_moment_is_not_overlooked,
);
