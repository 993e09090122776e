//! Callers share downloads and webhooks: one whose servers hang delays only itself, and a server with many names is one
//! server.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix::{Addr, System};
use futures_util::future::join_all;
use huemill_actors::clock::Clock;
use huemill_actors::delivery::{DeliveryDue, DeliverySettings};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::fetcher::{Fetch, Fetcher, FetcherSettings};
use huemill_actors::line_sampler::LineSampler;
use huemill_actors::outbound::AddressPolicy;
use huemill_actors::supervise::{ask, start};
use huemill_observability::trace::Scope;
use huemill_store::job::{ItemSource, JobId, JobKind, NewItem, NewJob, Priority};
use huemill_store::store::CallerLimits;
use huemill_store::{Caller, Spool, SpoolRoom, SpoolSettings};
use tokio::net::{TcpListener, TcpStream};

use super::dns_server::DnsServer;
use super::harness::policy;
use crate::support::test_actors::TestActors;
use crate::support::test_supervision::TestSupervision;
use crate::support::{AGES, outbound_dependencies, until};

/// Longer than any test.
const HANGS: Duration = Duration::from_secs(3_600);

/// A response that starts like a picture; the Fetcher looks no further.
const A_PICTURE: &[u8] = b"HTTP/1.1 200 x\r\ncontent-length: 10\r\n\r\nGIF89a\x01\0\x01\0";

/// A server on all addresses of this machine that answers each request at once, or never.
struct Server {
    port: u16,
    /// The connections that are open.
    open: Rc<Cell<usize>>,
    /// The requests that were answered.
    answered: Rc<Cell<usize>>,
}

impl Server {
    async fn start(answer: Option<&'static [u8]>) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, open: Rc::default(), answered: Rc::default() };
        let (open, answered) = (Rc::clone(&server.open), Rc::clone(&server.answered));
        actix_rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (open, answered) = (Rc::clone(&open), Rc::clone(&answered));
                open.set(open.get() + 1);
                actix_rt::spawn(async move {
                    converse(stream, answer, &answered).await;
                    open.set(open.get() - 1);
                });
            }
        });
        server
    }

    /// A URL at the address of this number: one host each.
    fn url(&self, number: usize) -> String {
        format!("http://127.1.{}.{}:{}/a.png", number / 250, number % 250 + 1, self.port)
    }
}

async fn converse(stream: TcpStream, answer: Option<&[u8]>, answered: &Cell<usize>) {
    let mut buffer = [0; 4_096];
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {
                let Some(answer) = answer else { continue };
                stream.try_write(answer).unwrap();
                answered.set(answered.get() + 1);
                return;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

fn caller(number: u8) -> Caller {
    Caller::of_address([192, 0, 2, number].into())
}

/// A policy for all addresses of this machine, without time limits.
fn patient(servers: &[&Server]) -> AddressPolicy {
    let ports: Vec<_> = servers.iter().map(|server| server.port).collect();
    AddressPolicy { head: HANGS, total: HANGS, ..policy(&["127.0.0.0/8"], &ports) }
}

/// The same with a name server at which these names have the address 127.0.0.2.
async fn with_names(policy: AddressPolicy, names: &[&'static str]) -> AddressPolicy {
    const ADDRESSES: &[&[&str]] = &[&["127.0.0.2"]];
    let zones: Vec<_> = names.iter().map(|name| (*name, ADDRESSES)).collect();
    let dns = DnsServer::start(&zones).await;
    AddressPolicy { nameservers: vec![dns.address], ..policy }
}

fn fetcher(settings: FetcherSettings, policy: AddressPolicy) -> Addr<Fetcher> {
    let harness = TestSupervision::quick();
    let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
    let recorder = harness.supervision.recorder.clone();
    let sampler = LineSampler::new(0, Clock::system(), recorder.clone());
    let actor = Fetcher::new(settings, outbound_dependencies(policy).outbound, room, recorder, sampler);
    start(System::current().arbiter(), "fetcher", &harness.supervision, |_| actor)
}

/// Begins a download, and tells how it ended, once it has.
fn download(
    actor: &Addr<Fetcher>,
    caller: Caller,
    url: String,
    wait: Option<Duration>,
) -> tokio::sync::oneshot::Receiver<Result<Spool, Fault>> {
    let request_id = "a-request".to_owned();
    let fetch = Fetch { url, caller, wait, request_id, job_id: None, scope: Scope::default() };
    let (actor, (send, outcome)) = (actor.clone(), tokio::sync::oneshot::channel());
    actix_rt::spawn(async move {
        let _ = send.send(ask(&actor, fetch).await.unwrap());
    });
    outcome
}

/// Downloads of both kinds: for a client that waits, and for a job.
const KINDS: [Option<Duration>; 2] = [Some(AGES), None];

#[actix_rt::test]
async fn o8_downloads_that_hang_leave_other_callers_theirs() {
    for wait in KINDS {
        let (silent, quick) = (Server::start(None).await, Server::start(Some(A_PICTURE)).await);
        let actor = fetcher(FetcherSettings::default(), patient(&[&silent, &quick]));
        let hanging: Vec<_> =
            (0..64).map(|number| download(&actor, caller(1), silent.url(number), wait)).collect();
        // Two thirds of 64.
        until(|| silent.open.get() == 42).await;
        let others = (0..30).map(|number| download(&actor, caller(2), quick.url(number), wait));
        for outcome in join_all(others.collect::<Vec<_>>()).await {
            match outcome.unwrap() {
                Ok(spool) => assert_eq!(spool.len(), 10),
                // Thirty at a time are more than the other's share, too.
                Err(fault) => assert_eq!((fault.code, wait.is_some()), (Code::RateLimited, true)),
            }
        }
        assert!(quick.answered.get() >= 14, "{} were answered", quick.answered.get());
        assert_eq!(quick.answered.get() == 30, wait.is_none());
        assert_eq!(silent.open.get(), 42);
        drop(hanging);
    }
}

#[actix_rt::test]
async fn o8_an_interactive_download_beyond_the_share_is_refused_at_once() {
    let silent = Server::start(None).await;
    let settings = FetcherSettings { at_once: 3, ..FetcherSettings::default() };
    let actor = fetcher(settings, patient(&[&silent]));
    let _hanging: Vec<_> =
        (0..2).map(|number| download(&actor, caller(1), silent.url(number), Some(HANGS))).collect();
    until(|| silent.open.get() == 2).await;
    let fault = download(&actor, caller(1), silent.url(2), Some(HANGS)).await.unwrap().unwrap_err();
    assert_eq!((fault.code, fault.limit.map(|limit| limit.policy)), (Code::RateLimited, Some("downloads")));
    assert!(fault.retry_after.is_some());
    let _other = download(&actor, caller(2), silent.url(3), Some(HANGS));
    until(|| silent.open.get() == 3).await;
}

#[actix_rt::test]
async fn o8_a_download_that_waits_for_a_server_holds_nothing() {
    let (silent, quick) = (Server::start(None).await, Server::start(Some(A_PICTURE)).await);
    let settings = FetcherSettings { at_once: 3, each: 1, ..FetcherSettings::default() };
    let actor = fetcher(settings, patient(&[&silent, &quick]));
    // One caller's place at the server, and the one that is left to others.
    let _hanging = [1, 2, 3, 4, 5].map(|number| download(&actor, caller(number), silent.url(0), None));
    until(|| silent.open.get() == 2).await;
    for number in [3, 4, 5, 6] {
        let outcome = download(&actor, caller(number), quick.url(0), None).await.unwrap();
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    assert_eq!(silent.open.get(), 2);
}

#[actix_rt::test]
async fn o8_names_that_point_to_one_server_are_one_server() {
    let names = ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "g.test", "h.test"];
    let (silent, quick) = (Server::start(None).await, Server::start(Some(A_PICTURE)).await);
    let policy = with_names(patient(&[&silent, &quick]), &names).await;
    let actor = fetcher(FetcherSettings::default(), policy);
    let _hanging =
        names.map(|name| download(&actor, caller(1), format!("http://{name}:{}/", silent.port), None));
    until(|| silent.open.get() == 4).await;
    for _ in 0..3 {
        let url = format!("http://a.test:{}/", quick.port);
        assert!(download(&actor, caller(2), url, None).await.unwrap().is_ok());
    }
    assert_eq!(silent.open.get(), 4);
}

#[actix_rt::test]
async fn o8_a_redirect_counts_at_the_server_to_which_it_leads() {
    let silent = Server::start(None).await;
    let location = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", silent.url(0));
    let redirecting = Server::start(Some(Box::leak(location.into_boxed_str()).as_bytes())).await;
    let actor = fetcher(FetcherSettings::default(), patient(&[&silent, &redirecting]));
    let _hanging: Vec<_> =
        (0..8).map(|number| download(&actor, caller(1), redirecting.url(number), None)).collect();
    until(|| redirecting.answered.get() == 8 && silent.open.get() == 4).await;
    let _other = download(&actor, caller(2), silent.url(0), None);
    until(|| silent.open.get() == 5).await;
}

/// A job that ends at once, with a webhook to this URL.
async fn ended_job(actors: &TestActors, caller: Caller, url: String) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let source = ItemSource::Url { url: "http://127.0.0.1/".to_owned() };
    let job = NewJob {
        id: JobId::generate(now, &mut rand::rng()),
        caller,
        kind: JobKind::Url,
        priority: Priority::Normal,
        options: "{}".to_owned(),
        request_id: "c298c805".to_owned(),
        traceparent: None,
        base_url: "http://huemill.test".to_owned(),
        callback_url: Some(url),
        ttl: HANGS,
        eta_s: 1,
        items: vec![NewItem { name: "a.png".to_owned(), host: String::new(), source, same_as: None }],
        input_bytes: 0,
        expected_bytes: 0,
        limits: CallerLimits::default(),
        key: None,
    };
    let (store, id) = (&actors.repository.store, job.id.clone());
    store.create(job).await.unwrap();
    store.cancel(&id).await.unwrap();
}

/// Actors whose attempts at webhooks have no time limit.
fn patient_actors(policy: AddressPolicy) -> TestActors {
    TestActors::with_delivery(policy, DeliverySettings { limit: HANGS, ..DeliverySettings::default() })
}

#[actix_rt::test]
async fn o8_webhooks_that_hang_leave_other_callers_theirs() {
    let silent = Server::start(None).await;
    let quick = Server::start(Some(b"HTTP/1.1 204 x\r\n\r\n")).await;
    let actors = patient_actors(patient(&[&silent, &quick]));
    join_all((0..1_500).map(|number| ended_job(&actors, caller(1), silent.url(number)))).await;
    actors.jobs.delivery.do_send(DeliveryDue);
    // Two thirds of 256.
    until(|| silent.open.get() == 170).await;
    for number in 0..100 {
        ended_job(&actors, caller(2), quick.url(number)).await;
    }
    actors.jobs.delivery.do_send(DeliveryDue);
    until(|| quick.answered.get() == 100).await;
    assert_eq!(silent.open.get(), 170);
}

#[actix_rt::test]
async fn o8_webhooks_to_names_of_one_server_are_webhooks_to_one_server() {
    let names = ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "g.test", "h.test"];
    let silent = Server::start(None).await;
    let quick = Server::start(Some(b"HTTP/1.1 204 x\r\n\r\n")).await;
    let policy = with_names(patient(&[&silent, &quick]), &names).await;
    let actors = patient_actors(policy);
    for name in names {
        ended_job(&actors, caller(1), format!("http://{name}:{}/", silent.port)).await;
    }
    actors.jobs.delivery.do_send(DeliveryDue);
    until(|| silent.open.get() == 4).await;
    // The names that found no place at the server do not hold one of all attempts.
    ended_job(&actors, caller(1), quick.url(0)).await;
    actors.jobs.delivery.do_send(DeliveryDue);
    until(|| quick.answered.get() == 1).await;
    ended_job(&actors, caller(2), format!("http://a.test:{}/", silent.port)).await;
    actors.jobs.delivery.do_send(DeliveryDue);
    until(|| silent.open.get() == 5).await;
}
