//! Idempotency: one request a key at a time.

#![allow(clippy::unwrap_used)]

mod support;

use actix::{Addr, System};
use huemill_actors::fault::Code;
use huemill_actors::idempotency::{Idempotency, Reserve};
use huemill_actors::supervise::{RestartPolicy, ask, start};
use support::breaking::Break;
use support::on_actix;
use support::stage::Stage;

fn open() -> Addr<Idempotency> {
    let stage = Stage::with(RestartPolicy {
        first_backoff: std::time::Duration::from_millis(1),
        ..RestartPolicy::default()
    });
    start(System::current().arbiter(), "idempotency", &stage.supervision, |_| Idempotency::default())
}

fn key(scope: &str, key: &str) -> Reserve {
    Reserve { scope: scope.to_owned(), key: key.to_owned() }
}

#[test]
fn a_key_is_one_requests_until_it_lets_go() {
    on_actix(async {
        let keys = open();
        let first = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap();
        let second = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap_err();
        assert_eq!(second.code, Code::IdempotencyInProgress);
        assert!(second.retry_after.is_some());
        drop(first);
        assert!(ask(&keys, key("POST /jobs", "a")).await.unwrap().is_ok());
    });
}

#[test]
fn another_key_or_scope_is_no_concern() {
    on_actix(async {
        let keys = open();
        let _first = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap();
        let _other = ask(&keys, key("POST /jobs", "b")).await.unwrap().unwrap();
        let _scope = ask(&keys, key("POST /jobs of somebody else", "a")).await.unwrap().unwrap();
    });
}

#[test]
fn a_restart_forgets_no_reservation() {
    on_actix(async {
        let keys = open();
        let first = ask(&keys, key("s", "a")).await.unwrap().unwrap();
        keys.do_send(Break);
        let refused = ask(&keys, key("s", "a")).await.unwrap();
        assert_eq!(refused.unwrap_err().code, Code::IdempotencyInProgress);
        drop(first);
        assert!(ask(&keys, key("s", "a")).await.unwrap().is_ok());
    });
}
