//! Tests nonces, the collection of idempotency keys, secrets and the probe.

use std::time::Duration;

use huemill_store::job::{NewJob, NewKey};
use huemill_store::store::Store;
use secrecy::ExposeSecret;

use crate::builders::{HOUR, new_job, owner};
use crate::harness::{StoreUnderTest, on_all_stores, once_connected};

fn nonces(nonces: &[&str]) -> Vec<String> {
    nonces.iter().map(|nonce| (*nonce).to_owned()).collect()
}

async fn nonces_are_consumed_once_and_all_or_none(test: StoreUnderTest) {
    assert!(test.store.consume_nonces(&nonces(&["nonce", "signature"]), HOUR).await.unwrap());
    assert!(!test.store.consume_nonces(&nonces(&["nonce"]), HOUR).await.unwrap());
    assert!(!test.store.consume_nonces(&nonces(&["another", "signature"]), HOUR).await.unwrap());
    assert!(test.store.consume_nonces(&nonces(&["another"]), HOUR).await.unwrap());
}

async fn only_one_of_a_hundred_concurrent_callers_consumes_a_nonce(test: StoreUnderTest) {
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..100 {
        let store = test.store.clone();
        let nonces = nonces(&["nonce", &format!("signature {number}")]);
        callers.spawn(once_connected(move || {
            let (store, nonces) = (store.clone(), nonces.clone());
            async move { store.consume_nonces(&nonces, HOUR).await }
        }));
    }
    let fresh = callers.join_all().await.into_iter().filter(|fresh| *fresh).count();
    assert_eq!(fresh, 1);
}

async fn an_expired_nonce_can_be_used_again_and_is_collected(test: StoreUnderTest) {
    assert!(test.store.consume_nonces(&nonces(&["a", "b", "c"]), Duration::ZERO).await.unwrap());
    assert!(test.store.consume_nonces(&nonces(&["a"]), HOUR).await.unwrap());
    assert_eq!(test.store.collect(9, HOUR).await.unwrap().nonces, 2);
    assert!(!test.store.consume_nonces(&nonces(&["a"]), HOUR).await.unwrap());
}

async fn keys_are_collected_once_their_job_is_a_tombstone(test: StoreUnderTest) {
    let key = NewKey { scope: "s".into(), key: "k".into(), fingerprint: "f".into(), keep: Duration::ZERO };
    let job = test.create(NewJob { key: Some(key), ttl: Duration::ZERO, ..new_job(1) }).await;
    assert_eq!(test.store.collect(9, HOUR).await.unwrap().keys, 0);
    assert_eq!(test.store.expire(9, HOUR).await.unwrap().jobs, [job.id]);
    assert_eq!(test.store.collect(9, HOUR).await.unwrap().keys, 1);
}

async fn the_first_secret_of_a_name_is_kept(test: StoreUnderTest) {
    let first = test.store.secret("webhook", "one".into()).await.unwrap();
    assert_eq!(first.expose_secret(), "one");
    let other = test.reopen().await;
    assert_eq!(other.secret("webhook", "two".into()).await.unwrap().expose_secret(), "one");
    assert_eq!(other.secret("links", "three".into()).await.unwrap().expose_secret(), "three");
}

async fn a_probe_can_be_repeated(test: StoreUnderTest) {
    test.store.probe(&owner()).await.unwrap();
    test.store.probe(&owner()).await.unwrap();
}

on_all_stores!(
    nonces_are_consumed_once_and_all_or_none,
    only_one_of_a_hundred_concurrent_callers_consumes_a_nonce,
    an_expired_nonce_can_be_used_again_and_is_collected,
    keys_are_collected_once_their_job_is_a_tombstone,
    the_first_secret_of_a_name_is_kept,
    a_probe_can_be_repeated,
);
