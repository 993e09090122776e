//! Tests the claims of pictures that must be downloaded: hosts and callers have limits, and what waits for them delays
//! nobody.

use std::collections::HashMap;

use huemill_store::Caller;
use huemill_store::job::{Job, JobKind, NewJob};
use huemill_store::store::{Claim, ClaimRequest, DownloadLimits, Store};
use sqlx::{AnyConnection, Connection};

use crate::builders::{claim_request, done, new_job, retry, retry_while_away};
use crate::harness::{StoreUnderTest, on_all_stores};

fn caller(number: u8) -> Caller {
    Caller::of_address([192, 0, 2, number].into())
}

/// A job with these pictures of these hosts, in this order.
fn job_at(hosts: &[(&str, u32)]) -> NewJob {
    let mut new = new_job(hosts.iter().map(|(_, pictures)| pictures).sum());
    let hosts = hosts.iter().flat_map(|(host, pictures)| (0..*pictures).map(move |_| format!("{host}:443")));
    new.items.iter_mut().zip(hosts).for_each(|(item, host)| item.host = host);
    new
}

/// A job whose pictures are stored.
fn stored_job(items: u32) -> NewJob {
    NewJob { kind: JobKind::Image, ..new_job(items) }
}

fn at_most(each: u32, limit: u32) -> ClaimRequest {
    ClaimRequest { downloads: DownloadLimits { each, ..DownloadLimits::default() }, ..claim_request(limit) }
}

async fn claim(test: &StoreUnderTest, request: &ClaimRequest) -> Vec<Claim> {
    test.store.claim(request).await.unwrap().items
}

fn of(claims: &[Claim], job: &Job) -> usize {
    claims.iter().filter(|claim| claim.lease.job == job.id).count()
}

async fn settle(test: &StoreUnderTest, claim: &Claim) {
    test.settle(&claim.lease, done(&claim.lease)).await;
}

async fn a_host_has_no_more_pictures_in_progress_than_allowed(test: StoreUnderTest) {
    let first = test.create(job_at(&[("slow", 6), ("fast", 2)])).await;
    let second = test.create(job_at(&[("slow", 4)])).await;
    // Pictures of a full host are passed over.
    let claims = claim(&test, &at_most(3, 20)).await;
    assert_eq!((claims.len(), of(&claims, &first) + of(&claims, &second)), (5, 5));
    assert!(claim(&test, &at_most(3, 20)).await.is_empty());
    // Each picture that ends, however it does, makes place for one.
    let slow: Vec<_> = claims.iter().filter(|claim| claim.lease.number < 6).collect();
    assert_eq!(slow.len(), 3);
    settle(&test, slow[0]).await;
    assert_eq!(claim(&test, &at_most(3, 20)).await.len(), 1);
    test.settle(&slow[1].lease, retry(9)).await;
    assert_eq!(claim(&test, &at_most(3, 20)).await.len(), 1);
    test.store.give_back(&[slow[2].lease.clone()]).await.unwrap();
    assert_eq!(claim(&test, &at_most(3, 20)).await.len(), 1);
    assert!(claim(&test, &at_most(3, 20)).await.is_empty());
    test.check_counters().await;
}

async fn jobs_that_wait_for_a_host_come_back_after_a_while(test: StoreUnderTest) {
    let job = test.create(job_at(&[("slow", 9)])).await;
    assert_eq!(claim(&test, &at_most(2, 5)).await.len(), 2);
    let waiting = test.store.claim(&at_most(2, 5)).await.unwrap();
    assert!(waiting.items.is_empty() && waiting.next.is_some());
    // The host has more places for a process with another limit, but the job waits.
    assert!(claim(&test, &at_most(4, 5)).await.is_empty());
    let mut connection = AnyConnection::connect(&test.url()).await.unwrap();
    sqlx::query("UPDATE jobs SET blocked_until = 1 WHERE blocked_until > 0")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(claim(&test, &at_most(4, 5)).await.len(), 2);
    test.store.cancel(&job.id).await.unwrap();
    assert_eq!(test.store.claim(&at_most(4, 5)).await.unwrap().next, None);
    test.check_counters().await;
}

async fn excluded_hosts_are_left_alone(test: StoreUnderTest) {
    test.create(job_at(&[("slow", 2), ("fast", 2)])).await;
    let downloads = DownloadLimits { excluded: vec!["slow:443".into()], ..DownloadLimits::default() };
    let claims = claim(&test, &ClaimRequest { downloads, ..claim_request(9) }).await;
    assert_eq!(claims.iter().map(|claim| claim.lease.number).collect::<Vec<_>>(), [2, 3]);
}

async fn downloads_that_wait_delay_nobody(test: StoreUnderTest) {
    for _ in 0..40 {
        test.create(NewJob { caller: caller(1), ..job_at(&[("slow", 5)]) }).await;
    }
    let stored = test.create(NewJob { caller: caller(2), ..stored_job(30) }).await;
    let own = test.create(NewJob { caller: caller(1), ..stored_job(30) }).await;
    let mut claims = Vec::new();
    for _ in 0..40 {
        claims.extend(claim(&test, &at_most(4, 1)).await);
    }
    assert!(
        of(&claims, &stored) >= 15 && of(&claims, &own) >= 13,
        "{} {}",
        of(&claims, &stored),
        of(&claims, &own)
    );
    // Without a place for downloads, the rest is claimed.
    let downloads = DownloadLimits { free: 0, ..DownloadLimits::default() };
    let rest = claim(&test, &ClaimRequest { downloads, ..claim_request(50) }).await;
    assert_eq!(of(&rest, &stored) + of(&rest, &own), rest.len());
    assert_eq!(of(&claims, &stored) + of(&claims, &own) + rest.len(), 60);
    test.check_counters().await;
}

async fn a_caller_gets_its_share_of_the_downloads(test: StoreUnderTest) {
    test.create(NewJob { caller: caller(1), ..job_at(&[("a", 40)]) }).await;
    let free = |free, held| ClaimRequest {
        downloads: DownloadLimits { free, held, ..DownloadLimits::default() },
        ..claim_request(40)
    };
    assert_eq!(claim(&test, &free(90, vec![])).await.len(), 40);
    test.create(NewJob { caller: caller(1), ..job_at(&[("a", 40)]) }).await;
    assert_eq!(claim(&test, &free(9, vec![])).await.len(), 6);
    assert_eq!(claim(&test, &free(3, vec![(caller(1), 6)])).await.len(), 0);
    test.create(NewJob { caller: caller(2), ..job_at(&[("a", 40)]) }).await;
    let claims = claim(&test, &free(3, vec![(caller(1), 6)])).await;
    assert_eq!((claims.len(), claims[0].caller), (2, caller(2)));
}

async fn callers_take_turns_at_a_host(test: StoreUnderTest) {
    for _ in 0..30 {
        test.create(NewJob { caller: caller(1), ..job_at(&[("popular", 2)]) }).await;
    }
    let mut held = claim(&test, &at_most(1, 3)).await;
    // All the others get to know that the host is busy.
    for _ in 0..3 {
        assert!(claim(&test, &at_most(1, 3)).await.is_empty());
    }
    for number in 2..4 {
        test.create(NewJob { caller: caller(number), ..job_at(&[("popular", 5)]) }).await;
        assert!(claim(&test, &at_most(1, 3)).await.is_empty());
    }
    let mut shares: HashMap<Caller, u32> = HashMap::new();
    for _ in 0..15 {
        settle(&test, &held[0]).await;
        held = claim(&test, &at_most(1, 3)).await;
        assert_eq!(held.len(), 1);
        *shares.entry(held[0].caller).or_default() += 1;
    }
    for number in 1..4 {
        assert!((4..=6).contains(&shares[&caller(number)]), "{shares:?}");
    }
}

async fn claims_at_the_same_time_do_not_exceed_the_limit_of_a_host(test: StoreUnderTest) {
    for _ in 0..10 {
        test.create(job_at(&[("slow", 5)])).await;
    }
    let mut claimants = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = test.store.clone();
        claimants.spawn(async move {
            let mut request = at_most(3, 4);
            request.owner.0 = format!("claimant {number}");
            let mut claimed = 0;
            for _ in 0..3 {
                claimed += retry_while_away(|| store.claim(&request)).await.items.len();
            }
            claimed
        });
    }
    let claimed: usize = claimants.join_all().await.into_iter().sum();
    assert!((1..=3).contains(&claimed), "{claimed} pictures of one host were claimed");
}

on_all_stores!(
    a_host_has_no_more_pictures_in_progress_than_allowed,
    jobs_that_wait_for_a_host_come_back_after_a_while,
    excluded_hosts_are_left_alone,
    downloads_that_wait_delay_nobody,
    a_caller_gets_its_share_of_the_downloads,
    callers_take_turns_at_a_host,
    claims_at_the_same_time_do_not_exceed_the_limit_of_a_host,
);
