//! The actors that speak to servers of others: slow ones hold up nobody else, and a failure loses nothing.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Addr, System};
use huemill_actors::fault::Code;
use huemill_actors::fetcher::{Fetch, Fetcher, FetcherSettings};
use huemill_actors::outbound::AddressPolicy;
use huemill_actors::supervise::{RestartPolicy, ask, start};
use huemill_observability::trace::Scope;
use huemill_store::job::JobState;
use huemill_store::{SpoolRoom, SpoolSettings};
use support::breaking::Break;
use support::office::Office;
use support::stage::Stage;
use support::{on_actix, outbound_dependencies, until};

/// A server that answers nobody, and counts who is connected.
struct Silent {
    port: u16,
    connected: Arc<AtomicUsize>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = Self { port: listener.local_addr().unwrap().port(), connected: Arc::default() };
        let connected = silent.connected.clone();
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                connected.fetch_add(1, Ordering::SeqCst);
                let connected = connected.clone();
                std::thread::spawn(move || {
                    while socket.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
                    connected.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        silent
    }

    fn url(&self, n: usize) -> String {
        format!("http://127.0.0.1:{}/{n}.png", self.port)
    }
}

/// What begins like a picture, which is as far as the Fetcher looks.
const A_PICTURE: &str = "HTTP/1.1 200 x\r\ncontent-length: 10\r\n\r\nGIF89a\x01\0\x01\0";

/// A server that answers each request with this, once.
fn answers(text: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.write_all(text.as_bytes());
        }
    });
    (port, asked)
}

fn open(ports: &[u16]) -> AddressPolicy {
    AddressPolicy {
        allow_cidrs: vec![AddressPolicy::network("127.0.0.1").unwrap()],
        allow_ports: ports.to_vec(),
        total: Duration::from_secs(20),
        ..AddressPolicy::default()
    }
}

fn fetch(url: String, wait: Option<Duration>) -> Fetch {
    Fetch { url, wait, request_id: "a-request".to_owned(), job_id: None, scope: Scope::default() }
}

fn fetcher(policy: AddressPolicy) -> Addr<Fetcher> {
    let stage =
        Stage::with(RestartPolicy { first_backoff: Duration::from_millis(1), ..RestartPolicy::default() });
    let settings =
        FetcherSettings { at_once: 3, each: 2, pause: Duration::ZERO, ..FetcherSettings::default() };
    let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
    let recorder = stage.supervision.recorder.clone();
    let actor = Fetcher::new(settings, outbound_dependencies(policy).outbound, room, recorder);
    start(System::current().arbiter(), "fetcher", &stage.supervision, |_| actor)
}

#[test]
fn who_waits_for_a_slow_server_takes_no_place_from_others() {
    on_actix(async {
        let (silent, (port, _)) = (Silent::start(), answers(A_PICTURE));
        let actor = fetcher(open(&[silent.port, port]));
        for n in 0..5 {
            let (address, url) = (actor.clone(), silent.url(n));
            actix_rt::spawn(async move { ask(&address, fetch(url, None)).await });
        }
        until(|| silent.connected.load(Ordering::SeqCst) == 2).await;
        let url = format!("http://127.0.0.1:{port}/");
        let spool = ask(&actor, fetch(url, Some(support::AGES))).await.unwrap().unwrap();
        assert_eq!(spool.len(), 10);
        assert_eq!(silent.connected.load(Ordering::SeqCst), 2, "its own places, and no more");
        let late = ask(&actor, fetch(silent.url(9), Some(Duration::ZERO))).await.unwrap();
        assert_eq!(late.unwrap_err().code, Code::Overloaded);
    });
}

#[test]
fn what_may_pass_is_tried_once_more_where_nobody_waits() {
    on_actix(async {
        for (answer, tries) in [
            ("HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n", 2),
            ("HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n", 1),
        ] {
            let (port, asked) = answers(answer);
            let actor = fetcher(open(&[port]));
            let url = format!("http://127.0.0.1:{port}/");
            let fault = ask(&actor, fetch(url.clone(), None)).await.unwrap().unwrap_err();
            assert_eq!((fault.code, asked.load(Ordering::SeqCst)), (Code::UpstreamError, tries));
            let _ = ask(&actor, fetch(url, Some(support::AGES))).await.unwrap().unwrap_err();
            assert_eq!(asked.load(Ordering::SeqCst), tries + 1, "who waits is told at once");
        }
    });
}

#[test]
fn a_fetcher_that_fails_goes_on() {
    on_actix(async {
        let (port, _) = answers(A_PICTURE);
        let actor = fetcher(open(&[port]));
        assert!(ask(&actor, Break).await.is_err());
        let url = format!("http://127.0.0.1:{port}/");
        assert!(ask(&actor, fetch(url, None)).await.unwrap().is_ok());
    });
}

#[test]
fn pictures_on_their_way_take_no_slot() {
    on_actix(async {
        let silent = Silent::start();
        let office = Office::reaching(open(&[silent.port]));
        let urls = (0..8).map(|n| (format!("{n}.png"), silent.url(n))).collect();
        let slow = office.submit_urls(urls).await;
        until(|| silent.connected.load(Ordering::SeqCst) > 0).await;
        let quick = office.submit(&["one", "two", "three"]).await;
        assert_eq!(office.ends(&quick).await.state, JobState::Completed);
        assert_eq!(office.job(&slow).await.state, JobState::Processing);
    });
}

#[test]
fn a_delivery_that_fails_goes_on() {
    on_actix(async {
        let (port, asked) = answers("HTTP/1.1 204 x\r\n\r\n");
        let office = Office::reaching(open(&[port]));
        assert!(ask(&office.jobs.delivery, Break).await.is_err());
        let id = office.submit_told(&["one"], &format!("http://127.0.0.1:{port}/")).await;
        office.ends(&id).await;
        until(|| asked.load(Ordering::SeqCst) == 1).await;
    });
}
