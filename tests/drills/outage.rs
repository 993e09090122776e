//! A process that dies, a store that is cut off, a disk that is full.

use std::time::Duration;

use super::clients::{Customer, Load};
use super::postgres::Cluster;
use super::proxy::{Mode, Proxy};
use super::service::Service;
use super::town::Town;
use super::{drill, until};

fn quick(list: &[(&str, String)]) -> Vec<(String, String)> {
    let health = [("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"), ("HUEMILL__HEALTH__STORE_SECONDS", "1")];
    let health = health.map(|(key, value)| (key.to_owned(), value.to_owned()));
    health.into_iter().chain(list.iter().map(|(key, value)| ((*key).to_owned(), value.clone()))).collect()
}

#[test]
fn service_down() {
    let (town, data) = (Town::start(), tempfile::tempdir().unwrap());
    let service = Service::start(data.path(), &[]);
    town.watch(&[service.address]);
    // It comes back where it was, as a process manager would bring it back.
    let environment = [("PORT".to_owned(), service.address.port().to_string())];
    drill(
        &town,
        "ServiceDown",
        "P0",
        "kill -9",
        || service.kill(),
        |()| {
            let service = Service::start(data.path(), &environment);
            until("it is back", || Customer::of(&service).is_ready());
            // Watched until the page resolves.
            std::mem::forget(service);
        },
    );
}

/// A service whose database lies behind a proxy.
fn cut_off() -> (Service, Proxy, tempfile::TempDir) {
    let url = Cluster::shared().database();
    let (server, name) = url.rsplit_once('/').unwrap();
    let (user, address) = server.rsplit_once('@').unwrap();
    let proxy = Proxy::start(address.parse().unwrap());
    let data = tempfile::tempdir().unwrap();
    let environment = quick(&[
        ("DATABASE_URL", format!("{user}@{}/{name}", proxy.address())),
        ("BLOB_URL", format!("file://{}", data.path().join("blobs").display())),
    ]);
    let service = Service::start(data.path(), &environment);
    until("it is ready", || Customer::of(&service).is_ready());
    (service, proxy, data)
}

#[test]
fn not_ready() {
    let town = Town::start();
    let (service, proxy, _data) = cut_off();
    town.watch(&[service.address]);
    let cut = || proxy.set(Mode::Cut);
    drill(&town, "NotReady", "P0", "the network to PostgreSQL is cut", cut, |()| proxy.set(Mode::Pass));
}

#[test]
fn high_error_rate() {
    let town = Town::start();
    let (service, proxy, _data) = cut_off();
    town.watch(&[service.address]);
    let customer = Customer::of(&service);
    let begin = || {
        proxy.set(Mode::Cut);
        Load::start(Duration::from_millis(20), move |number| drop(customer.submit(number as u8, None, None)))
    };
    drill(&town, "HighErrorRate", "P0", "the network to PostgreSQL is cut, clients go on", begin, |load| {
        proxy.set(Mode::Pass);
        drop(load);
    });
}
