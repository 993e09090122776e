//! The service behind nginx and Caddy, over TLS and below a path, with the configurations that the project ships: clients
//! notice nothing of what is in front, and processes are replaced without a failed request.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, Response};
use serde_json::Value;

use crate::archives::{Member, zip};
use crate::load::Load;
use crate::servers::{free_ports, require};
use crate::source::is_long_form;
use crate::support::deployment::{Deployment, Kind as StoreKind};
use crate::support::http::{HeldServer, images_form, is_ready, metric};
use crate::support::pictures::{noise_png, small_png, small_pngs};
use crate::support::service::Service;
use crate::support::{wait_for, wait_until};

use front::{Front, Kind};

mod front;

/// A deployment of one process behind a front.
struct Site {
    front: Front,
    service: Service,
    _deployment: Deployment,
}

impl Site {
    fn start(kind: Kind) -> Self {
        Self::of(kind, Deployment::new(StoreKind::Embedded))
    }

    fn of(kind: Kind, deployment: Deployment) -> Self {
        let [port] = free_ports();
        let deployment = behind(port, deployment);
        let service = deployment.start();
        let front = Front::start(kind, port, &[service.address]);
        wait_until("the front reaches the service", || {
            front.client().get(front.url("/ready")).send().is_ok_and(|answer| answer.status() == 200)
        });
        Self { front, service, _deployment: deployment }
    }

    fn get(&self, path: &str) -> Response {
        self.front.client().get(self.front.url(path)).send().unwrap()
    }
}

/// A deployment whose processes are behind a front at this port.
fn behind(port: u16, deployment: Deployment) -> Deployment {
    let settings = Front::settings(port);
    let settings: Vec<_> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
    deployment.with(&settings)
}

fn picture_form(bytes: Vec<u8>) -> Form {
    Form::new().part("image", Part::bytes(bytes).file_name("a.png"))
}

/// Sends a job of these pictures, and returns its address.
fn submit(front: &Front, client: &Client, pictures: &[Vec<u8>]) -> String {
    let answer = client.post(front.url("/jobs")).multipart(images_form(pictures)).send().unwrap();
    assert_eq!(answer.status(), 202);
    answer.url().join(answer.headers()["location"].to_str().unwrap()).unwrap().into()
}

/// Waits for the end of a job at the address that the service gave, as clients do.
fn ended(client: &Client, job: &str) -> Value {
    wait_for("the job ends", || {
        let body: Value = client.get(job).send().unwrap().json().unwrap();
        (body["status"] == "completed").then_some(body)
    })
}

#[test]
fn everything_works_behind_nginx() {
    require!(Nginx);
    check(Kind::Nginx);
}

#[test]
fn everything_works_behind_caddy() {
    require!(Caddy);
    check(Kind::Caddy);
}

/// Tests one after the other, each with a service and a front of its own.
fn check(kind: Kind) {
    check_flows(kind);
    check_addresses(kind);
    check_events(kind);
    check_uploads(kind);
}

/// What clients of the first day do: pictures, archives, jobs by their links, and requests of other origins.
fn check_flows(kind: Kind) {
    let site = Site::start(kind);
    let (front, client) = (&site.front, site.front.client());
    let answer = client.post(front.url("/process")).multipart(picture_form(small_png())).send().unwrap();
    assert_eq!(answer.status(), 200);
    let archive = zip(&[Member::stored("a.png", &small_png()), Member::stored("b.png", &small_png())]);
    let form = Form::new().part("zip_file", Part::bytes(archive).file_name("a.zip"));
    let answer = client.post(front.url("/process_zip")).multipart(form).send().unwrap();
    let body: Value = answer.json().unwrap();
    assert_eq!(body["results"].as_array().map(Vec::len), Some(2), "{body}");

    let job = submit(front, &client, &small_pngs(2, 1));
    assert!(job.starts_with(&front.url("/jobs/")), "{job}");
    let done = ended(&client, &job);
    let download = client.get(done["download_url"].as_str().unwrap()).send().unwrap();
    assert_eq!((download.status().as_u16(), &download.bytes().unwrap()[..2]), (200, &b"PK"[..]));

    let origin = "https://shop.example";
    let asked = client.request(reqwest::Method::OPTIONS, front.url("/process"));
    let asked =
        asked.header("Origin", origin).header("Access-Control-Request-Method", "POST").send().unwrap();
    assert!(
        asked.status().is_success() && asked.headers().contains_key("access-control-allow-methods"),
        "{asked:?}"
    );
    let answer = client.get(&job).header("Origin", origin).send().unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(!answer.headers().contains_key("set-cookie"));
    let tag = answer.headers()["etag"].clone();
    assert_eq!(client.get(&job).header("If-None-Match", tag).send().unwrap().status(), 304);

    let page = site.get("/").text().unwrap();
    let (_, script) = page.split_once("<script type=\"module\" src=\"").expect("the page has a script");
    let script = script.split('"').next().unwrap();
    assert!(!script.starts_with('/'), "{script} is not below the path");
    assert_eq!(site.get(&format!("/{script}")).status(), 200);
}

/// The log has the client's address, whatever the client writes in the headers that fronts use.
fn check_addresses(kind: Kind) {
    let site = Site::start(kind);
    let client = site.front.client_from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));
    let forged = "203.0.113.9";
    let asked =
        client.get(site.front.url("/queue")).header("X-Forwarded-For", forged).header("Forwarded", forged);
    assert_eq!(asked.send().unwrap().status(), 401);
    let line = wait_for("the request is logged", || {
        site.service.logged("http_request").into_iter().find(|line| line["endpoint"] == "/queue")
    });
    assert_eq!(line["client"], "127.0.0.2", "{line}");
}

/// An event arrives while its job goes on.
fn check_events(kind: Kind) {
    let held = HeldServer::start();
    let site = Site::of(kind, held.reached_from(Deployment::new(StoreKind::Embedded)));
    let job = held.hold_job(&site.service);
    let events = site.get(&format!("/jobs/{job}/events"));
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut lines = BufReader::new(events).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "event: progress"), "the stream ended");
    held.release();
    assert!(lines.any(|line| line == "event: completed"), "the stream ended");
}

/// Bytes of the archive that is uploaded: what the service allows, where everything is tested.
fn upload_bytes() -> u64 {
    if is_long_form() { 524_288_000 } else { 64 << 20 }
}

/// A large archive arrives, and one that is too large gets the service's own answer.
fn check_uploads(kind: Kind) {
    let site = Site::start(kind);
    let picture = Member::stored("a.png", &noise_png(60, 1));
    let rest = zip(std::slice::from_ref(&picture)).len() as u64 + 200;
    let archive = zip(&[picture, stored_zeros("padding.txt", upload_bytes() - rest)]);
    assert!(archive.len() as u64 <= upload_bytes());
    let client = site.front.client();
    let asked = client.post(site.front.url("/process_zip")).header("Content-Type", "application/zip");
    let answer: Value = asked.body(archive).send().unwrap().json().unwrap();
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(1), "{answer}");
    // Refused by its length, before it has come.
    let head = "POST /colours/process_zip HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/zip\r\n\
                Content-Length: 600000000\r\n\r\n";
    let answer = site.front.answer_while_sending(head, "PAYLOAD_TOO_LARGE");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

/// A member of an archive that takes this many bytes there.
fn stored_zeros(name: &str, bytes: u64) -> Member {
    Member::stored(name, &vec![0; usize::try_from(bytes).unwrap()])
}

/// Whether a process has answered a request for a picture.
fn has_answered(service: &Service) -> bool {
    let series = "images_processed_total{endpoint=\"/process\"}";
    metric(service, series).is_some_and(|answers| answers > 0.0)
}

#[test]
fn processes_are_replaced_behind_caddy_without_a_failed_request() {
    require!(Caddy, PostgreSql);
    let [port, ports @ ..] = free_ports::<4>();
    // As long as the front needs to notice.
    let patience = [("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "5000")];
    let deployment = behind(port, Deployment::new(StoreKind::Postgres)).with(&patience);
    // While one is replaced and another is slow to say that it is ready, as on a busy machine, there is a third.
    let start = |port: u16| {
        let service = deployment.start_at(port);
        wait_until("the process is ready", || is_ready(&service));
        service
    };
    let mut processes = ports.map(|port| Some(start(port)));
    let addresses = ports.map(|port| ([127, 0, 0, 1], port).into());
    let front = Front::start(Kind::Caddy, port, &addresses);
    Load::run(&front.client(), &|path| front.url(path), |load| {
        load.wait_for(20);
        for (process, port) in processes.iter_mut().zip(ports) {
            assert_eq!(process.take().unwrap().stop(), Some(0));
            load.wait_for(20);
            let replacement = start(port);
            wait_until("the front takes the new process", || has_answered(&replacement));
            *process = Some(replacement);
            load.wait_for(20);
        }
    });
}
