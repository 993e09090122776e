//! Tests access keys: they are found, listed, replaced and revoked, and what belongs to one is listed for it alone.

use std::time::Duration;

use huemill_store::access_key::{AccessKey, AccessKeys, KeyFilter, KeyLimits, NewAccessKey, Scope, Scopes};
use huemill_store::job::NewJob;
use huemill_store::store::{JobFilter, Store};
use huemill_store::{Caller, KeyId};

use crate::builders::new_job;
use crate::harness::{StoreUnderTest, on_all_stores};

const DAY: Duration = Duration::from_secs(86_400);

fn id(number: u32) -> KeyId {
    KeyId::parse(&format!("{number:012}")).unwrap()
}

fn new_key(number: u32) -> NewAccessKey {
    NewAccessKey {
        id: id(number),
        name: format!("key {number}\0"),
        digest: format!("digest {number}"),
        scopes: [Scope::Process, Scope::JobsRead].into_iter().collect::<Scopes>(),
        limits: KeyLimits { open_jobs: Some(7), ..KeyLimits::NONE },
        expires_at: None,
    }
}

async fn list(test: &StoreUnderTest, after: Option<u32>, limit: u32) -> Vec<AccessKey> {
    test.store.access_keys(&KeyFilter { after: after.map(id), limit }).await.unwrap()
}

async fn a_key_is_found_as_it_was_stored(test: StoreUnderTest) {
    assert_eq!(test.store.access_key(id(1)).await.unwrap(), None);
    let created = test.store.create_key(new_key(1)).await.unwrap();
    assert_eq!((created.owner, &*created.name, created.limits.open_jobs), (id(1), "key 1\u{fffd}", Some(7)));
    assert_eq!(test.store.access_key(id(1)).await.unwrap(), Some(created));
}

async fn keys_are_listed_newest_first_in_pages(test: StoreUnderTest) {
    for number in 1..=5 {
        test.store.create_key(new_key(number)).await.unwrap();
    }
    test.store.revoke_key(id(3)).await.unwrap();
    let mut seen = Vec::new();
    let mut page = list(&test, None, 2).await;
    while let Some(last) = page.last().map(|key| key.id) {
        seen.extend(page.iter().map(|key| key.id));
        page = test.store.access_keys(&KeyFilter { after: Some(last), limit: 2 }).await.unwrap();
    }
    seen.sort_unstable();
    assert_eq!(seen, [id(1), id(2), id(4), id(5)]);
}

async fn a_revoked_key_is_found_until_nobody_asks_any_more(test: StoreUnderTest) {
    test.store.create_key(new_key(1)).await.unwrap();
    assert!(test.store.revoke_key(id(1)).await.unwrap());
    assert!(!test.store.revoke_key(id(1)).await.unwrap());
    assert!(!test.store.revoke_key(id(2)).await.unwrap());
    assert!(test.store.access_key(id(1)).await.unwrap().unwrap().revoked_at.is_some());
    test.store.collect(10, DAY).await.unwrap();
    assert!(test.store.access_key(id(1)).await.unwrap().is_some());
    test.store.collect(10, Duration::ZERO).await.unwrap();
    assert_eq!(test.store.access_key(id(1)).await.unwrap(), None);
}

async fn a_rotated_key_ends_after_the_overlap(test: StoreUnderTest) {
    let old = test.store.create_key(new_key(1)).await.unwrap();
    let new = test.store.rotate_key(id(1), id(2), "another", DAY).await.unwrap().unwrap();
    assert_eq!((new.owner, new.id, &*new.digest, new.expires_at), (id(1), id(2), "another", None));
    assert_eq!((new.name, new.scopes, new.limits), (old.name, old.scopes, old.limits));
    let old = test.store.access_key(id(1)).await.unwrap().unwrap();
    let end = old.expires_at.unwrap();
    assert!((86_400..86_460).contains(&(end - new.created_at)), "{end}");
    // A second rotation does not make it live longer.
    test.store.rotate_key(id(1), id(3), "third", 2 * DAY).await.unwrap().unwrap();
    assert_eq!(test.store.access_key(id(1)).await.unwrap().unwrap().expires_at, Some(end));
    test.store.revoke_key(id(2)).await.unwrap();
    assert_eq!(test.store.rotate_key(id(2), id(4), "x", DAY).await.unwrap(), None);
    assert_eq!(test.store.rotate_key(id(9), id(4), "x", DAY).await.unwrap(), None);
    let expired = NewAccessKey { expires_at: Some(1), ..new_key(5) };
    test.store.create_key(expired).await.unwrap();
    assert_eq!(test.store.rotate_key(id(5), id(6), "x", DAY).await.unwrap(), None);
}

async fn uses_are_stored_and_never_go_back(test: StoreUnderTest) {
    test.store.create_key(new_key(1)).await.unwrap();
    for (used, expected) in [(120, 120), (60, 120), (180, 180)] {
        test.store.keys_used(&[(id(1), used), (id(8), used)]).await.unwrap();
        assert_eq!(test.store.access_key(id(1)).await.unwrap().unwrap().last_used_at, Some(expected));
    }
}

async fn jobs_are_listed_for_the_key_that_they_belong_to(test: StoreUnderTest) {
    let (own, other) = (Caller::Key(id(1)), Caller::Key(id(2)));
    let mut ids = Vec::new();
    for caller in [own, other, own, Caller::Service] {
        let job = NewJob { caller, ..new_job(1) };
        ids.push(job.id.clone());
        test.create(job).await;
    }
    let filter = |caller| JobFilter { caller, limit: 10, ..JobFilter::default() };
    let jobs = test.store.list(&filter(Some(own))).await.unwrap();
    assert!(jobs.len() == 2 && jobs.iter().all(|job| job.caller == own && ids.contains(&job.id)));
    assert_eq!(test.store.list(&filter(Some(other))).await.unwrap().len(), 1);
    assert_eq!(test.store.list(&filter(None)).await.unwrap().len(), 4);
    let version = test.store.job_version(&ids[1]).await.unwrap().unwrap();
    assert_eq!(version.caller, other);
}

on_all_stores!(
    a_key_is_found_as_it_was_stored,
    keys_are_listed_newest_first_in_pages,
    a_revoked_key_is_found_until_nobody_asks_any_more,
    a_rotated_key_ends_after_the_overlap,
    uses_are_stored_and_never_go_back,
    jobs_are_listed_for_the_key_that_they_belong_to,
);
