//! What no fault from outside brings about, ordered of a build with the feature `faults`; and that no other build takes
//! such an order.

use super::ready;

/// The operator's token of these services.
const TOKEN: &str = "the-operator-of-a-drill";

/// Orders a panic of an actor; the status of the answer.
fn order(service: &super::service::Service) -> u16 {
    let request = reqwest::blocking::Client::new().post(service.url("/faults/panic")).bearer_auth(TOKEN);
    request.send().unwrap().status().as_u16()
}

#[cfg(not(feature = "faults"))]
#[test]
fn a_build_without_the_feature_has_no_faults_to_order() {
    let data = tempfile::tempdir().unwrap();
    let service = ready(data.path(), &[("OPERATOR_TOKEN", TOKEN.to_owned())]);
    assert_eq!(order(&service), 404);
    assert!(service.logged("actor_restarted").is_empty());
}

#[cfg(feature = "faults")]
#[test]
#[ignore = "takes half a minute: `make drills`"]
fn actor_restarting() {
    use super::report::alarm;
    use super::town::Town;
    use super::{drill, scale};

    let (town, data) = (Town::start(scale::HOURS), tempfile::tempdir().unwrap());
    let service = ready(data.path(), &[("OPERATOR_TOKEN", TOKEN.to_owned())]);
    town.watch(&[service.address]);
    let unknown = reqwest::blocking::Client::new().post(service.url("/faults/panic")).send().unwrap();
    assert_eq!(unknown.status(), 401);
    let begin = || assert_eq!(order(&service), 202);
    drill(&town, &[alarm("ActorRestarting", "P2", "an actor panics on order")], begin, |()| ());
    assert_eq!(service.logged("actor_restarted").len(), 1);
}
