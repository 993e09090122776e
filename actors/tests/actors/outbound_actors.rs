//! The actors that talk to other servers: slow servers do not block others, and a failure of an actor loses nothing.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::test_actors::{Surroundings, TestActors};
use crate::support::test_supervision::{PanicNow, TestSupervision};
use crate::support::{outbound_dependencies, until};
use actix::{Addr, System};
use huemill_actors::clock::Clock;
use huemill_actors::fault::Code;
use huemill_actors::fetcher::{Fetch, Fetcher, FetcherSettings};
use huemill_actors::line_sampler::LineSampler;
use huemill_actors::outbound::AddressPolicy;
use huemill_actors::supervise::{ask, start};
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::Caller;
use huemill_store::job::JobState;
use huemill_store::{SpoolRoom, SpoolSettings};

/// A server that never answers, and counts its connections.
struct SilentServer {
    port: u16,
    connected: Arc<AtomicUsize>,
}

impl SilentServer {
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

/// A response that starts like a picture; the Fetcher looks no further.
const A_PICTURE: &str = "HTTP/1.1 200 x\r\ncontent-length: 10\r\n\r\nGIF89a\x01\0\x01\0";

/// A server that sends this response to each request, and counts requests.
fn answering_server(text: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, requests) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = requests.clone();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.write_all(text.as_bytes());
        }
    });
    (port, requests)
}

fn allow_loopback(ports: &[u16]) -> AddressPolicy {
    AddressPolicy {
        allow_cidrs: vec![AddressPolicy::network("127.0.0.1").unwrap()],
        allow_ports: ports.to_vec(),
        total: Duration::from_secs(20),
        ..AddressPolicy::default()
    }
}

fn fetch(url: String, wait: Option<Duration>) -> Fetch {
    Fetch {
        url,
        caller: Caller::Service,
        wait,
        request_id: "a-request".to_owned(),
        job_id: None,
        scope: Scope::default(),
    }
}

fn fetcher(policy: AddressPolicy) -> Addr<Fetcher> {
    let harness = TestSupervision::quick();
    let settings =
        FetcherSettings { at_once: 3, each: 2, pause: Duration::ZERO, ..FetcherSettings::default() };
    let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
    let recorder = harness.supervision.recorder.clone();
    let sampler = LineSampler::new(0, Clock::system(), recorder.clone());
    let actor = Fetcher::new(settings, outbound_dependencies(policy).outbound, room, recorder, sampler);
    start(System::current().arbiter(), "fetcher", &harness.supervision, |_| actor)
}

#[actix_rt::test]
async fn downloads_from_a_slow_server_do_not_block_others() {
    let (silent, (port, _)) = (SilentServer::start(), answering_server(A_PICTURE));
    let actor = fetcher(allow_loopback(&[silent.port, port]));
    for n in 0..5 {
        let (address, url) = (actor.clone(), silent.url(n));
        actix_rt::spawn(async move { ask(&address, fetch(url, None)).await });
    }
    until(|| silent.connected.load(Ordering::SeqCst) == 2).await;
    let url = format!("http://127.0.0.1:{port}/");
    let spool = ask(&actor, fetch(url, Some(crate::support::AGES))).await.unwrap().unwrap();
    assert_eq!(spool.len(), 10);
    assert_eq!(silent.connected.load(Ordering::SeqCst), 2, "no more than the limit of its endpoint");
    let late = ask(&actor, fetch(silent.url(9), Some(Duration::ZERO))).await.unwrap();
    assert_eq!(late.unwrap_err().code, Code::Overloaded);
}

#[actix_rt::test]
async fn a_background_download_that_fails_temporarily_is_retried_once() {
    for (answer, attempts) in [
        ("HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n", 2),
        ("HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n", 1),
    ] {
        let (port, requests) = answering_server(answer);
        let actor = fetcher(allow_loopback(&[port]));
        let url = format!("http://127.0.0.1:{port}/");
        let fault = ask(&actor, fetch(url.clone(), None)).await.unwrap().unwrap_err();
        assert_eq!((fault.code, requests.load(Ordering::SeqCst)), (Code::UpstreamError, attempts));
        let _ = ask(&actor, fetch(url, Some(crate::support::AGES))).await.unwrap().unwrap_err();
        assert_eq!(requests.load(Ordering::SeqCst), attempts + 1, "an interactive download is not retried");
    }
}

#[actix_rt::test]
async fn a_fetcher_that_panics_continues() {
    let (port, _) = answering_server(A_PICTURE);
    let actor = fetcher(allow_loopback(&[port]));
    assert!(ask(&actor, PanicNow).await.is_err());
    let url = format!("http://127.0.0.1:{port}/");
    assert!(ask(&actor, fetch(url, None)).await.unwrap().is_ok());
}

#[actix_rt::test]
async fn downloading_pictures_take_no_slot() {
    let silent = SilentServer::start();
    let actors = TestActors::with_outbound(allow_loopback(&[silent.port]));
    let urls = (0..8).map(|n| (format!("{n}.png"), silent.url(n))).collect();
    let slow = actors.submit_urls(urls).await;
    until(|| silent.connected.load(Ordering::SeqCst) > 0).await;
    let quick = actors.submit(&["one", "two", "three"]).await;
    assert_eq!(actors.wait_for_end(&quick).await.state, JobState::Completed);
    assert_eq!(actors.job(&slow).await.state, JobState::Processing);
}

#[actix_rt::test]
async fn urls_and_webhooks_of_one_caller_that_are_blocked_are_logged_only_so_often() {
    let surroundings = Surroundings { lines_per_second: 1, ..Surroundings::default() };
    let mut actors = TestActors::among(surroundings);
    let pictures = (0..30).map(|n| (format!("{n}.png"), format!("http://10.0.0.{n}/"))).collect();
    actors.submit_urls(pictures).await;
    let (mut blocked, mut left_out) = (0, 0);
    until(|| {
        while let Ok(event) = actors.events.try_recv() {
            match event {
                Event::OutboundBlocked { .. } => blocked += 1,
                Event::LogLinesSampled(lines) => left_out += lines,
                _ => {}
            }
        }
        blocked == 30 && left_out == 20
    })
    .await;
    let job = actors.submit_with_callback(&["one"], "http://10.0.0.1/").await;
    actors.wait_for(&job, |job| job.state == JobState::Completed).await;
    // Two events: the guard's, and the attempt that failed, which may have been the last one.
    until(|| {
        while let Ok(event) = actors.events.try_recv() {
            if let Event::LogLinesSampled(lines) = event {
                left_out += lines;
            }
        }
        left_out >= 22
    })
    .await;
}

#[actix_rt::test]
async fn a_delivery_actor_that_panics_continues() {
    let (port, requests) = answering_server("HTTP/1.1 204 x\r\n\r\n");
    let actors = TestActors::with_outbound(allow_loopback(&[port]));
    assert!(ask(&actors.jobs.delivery, PanicNow).await.is_err());
    let id = actors.submit_with_callback(&["one"], &format!("http://127.0.0.1:{port}/")).await;
    actors.wait_for_end(&id).await;
    until(|| requests.load(Ordering::SeqCst) == 1).await;
}
