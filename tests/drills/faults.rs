//! Faults that nothing outside the process can cause: a build with the feature `faults` injects them on request, and no
//! other build does.

use super::monitoring_stack::MonitoringStack;
use super::report::alarm;
use super::{drill, scale, start_ready};
use crate::support::http::client;
use crate::support::servers::require;
use crate::support::service::Service;

/// The operator token of these services.
const TOKEN: &str = "the-operator-of-a-drill";

/// Requests that an actor panics. Returns the status of the answer.
fn request_panic(service: &Service) -> u16 {
    let request = client().post(service.url("/faults/panic")).bearer_auth(TOKEN);
    request.send().unwrap().status().as_u16()
}

#[test]
#[cfg(not(feature = "faults"))]
fn a_build_without_the_feature_injects_no_faults() {
    let data = tempfile::tempdir().unwrap();
    let service = start_ready(data.path(), &[("OPERATOR_TOKEN", TOKEN.to_owned())]);
    assert_eq!(request_panic(&service), 404);
    assert!(service.logged("actor_restarted").is_empty());
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn actor_restarting() {
    require!(Alertmanager, Prometheus);
    let (stack, data) = (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap());
    let service = start_ready(data.path(), &[("OPERATOR_TOKEN", TOKEN.to_owned())]);
    stack.watch(&[service.address]);
    let unknown = client().post(service.url("/faults/panic")).send().unwrap();
    assert_eq!(unknown.status(), 401);
    let begin = || assert_eq!(request_panic(&service), 202);
    drill(&stack, &[alarm("ActorRestarting", "P2", "an actor panics on request")], begin, |()| ());
    assert_eq!(service.logged("actor_restarted").len(), 1);
}
