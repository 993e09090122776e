//! Idempotency: one request per key at a time.

use crate::support::on_actix;
use crate::support::panic_now::PanicNow;
use crate::support::test_supervision::TestSupervision;
use actix::{Addr, System};
use huemill_actors::fault::Code;
use huemill_actors::idempotency::{Idempotency, Reserve};
use huemill_actors::supervise::{RestartPolicy, ask, start};

fn start_actor() -> Addr<Idempotency> {
    let harness = TestSupervision::with(RestartPolicy {
        first_backoff: std::time::Duration::from_millis(1),
        ..RestartPolicy::default()
    });
    start(System::current().arbiter(), "idempotency", &harness.supervision, |_| Idempotency::default())
}

fn key(scope: &str, key: &str) -> Reserve {
    Reserve { scope: scope.to_owned(), key: key.to_owned() }
}

#[test]
fn a_key_belongs_to_one_request_until_it_releases_it() {
    on_actix(async {
        let keys = start_actor();
        let first = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap();
        let second = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap_err();
        assert_eq!(second.code, Code::IdempotencyInProgress);
        assert!(second.retry_after.is_some());
        drop(first);
        assert!(ask(&keys, key("POST /jobs", "a")).await.unwrap().is_ok());
    });
}

#[test]
fn another_key_or_scope_is_independent() {
    on_actix(async {
        let keys = start_actor();
        let _first = ask(&keys, key("POST /jobs", "a")).await.unwrap().unwrap();
        let _other = ask(&keys, key("POST /jobs", "b")).await.unwrap().unwrap();
        let _scope = ask(&keys, key("POST /jobs of another client", "a")).await.unwrap().unwrap();
    });
}

#[test]
fn a_restart_keeps_all_reservations() {
    on_actix(async {
        let keys = start_actor();
        let first = ask(&keys, key("s", "a")).await.unwrap().unwrap();
        keys.do_send(PanicNow);
        let refused = ask(&keys, key("s", "a")).await.unwrap();
        assert_eq!(refused.unwrap_err().code, Code::IdempotencyInProgress);
        drop(first);
        assert!(ask(&keys, key("s", "a")).await.unwrap().is_ok());
    });
}
