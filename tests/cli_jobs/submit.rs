//! Sending pictures, watching the job, saving what comes of it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::archives::{Member, zip};
use crate::desk::{Desk, Run, client, is_card, job};

#[test]
fn a_folder_is_sent_watched_and_its_cards_are_saved() {
    let (desk, service) = Desk::with_service(&[]);
    desk.picture("album/b.png", 60);
    desk.picture("album/trip/a.png", 40);
    fs::write(desk.path("album/notes.txt"), "no picture").unwrap();
    let run = desk.ok(&["submit", "album", "--watch", "--colors", "4", "--ttl", "5"]);
    let id = run.line();
    let folder = format!("huemill-results/{id}");
    assert_eq!(desk.names(&folder), ["a.png", "b.png", "manifest.json"]);
    assert!(is_card(&desk.path(&folder).join("a.png")) && is_card(&desk.path(&folder).join("b.png")));
    let manifest = fs::read(desk.path(&folder).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let names: Vec<_> = manifest["results"].as_array().unwrap().iter().map(|row| &row["filename"]).collect();
    assert_eq!(names, ["b.png", "trip/a.png"], "sorted, and told by their paths");
    let job = job(&service, id);
    assert_eq!(job["results"][0]["palette"].as_array().unwrap().len(), 4);
    assert_eq!(job["expires_at"].as_i64().unwrap() - job["created_at"].as_i64().unwrap(), 5 * 3_600);
    assert!(run.err.contains("completed: 2 with a result, 0 failed"), "{run:?}");
}

#[test]
fn a_zip_is_sent_as_one_and_its_results_go_where_they_are_wanted() {
    let (desk, _service) = Desk::with_service(&[]);
    desk.picture("a.png", 50);
    let bytes = fs::read(desk.path("a.png")).unwrap();
    let members = [Member::stored("x/one.png", &bytes), Member::stored("two.png", &bytes)];
    fs::write(desk.path("album.zip"), zip(&members)).unwrap();
    let run = desk.ok(&[
        "submit",
        "album.zip",
        "--watch",
        "--json",
        "--out",
        "there",
        "--format",
        "jpeg",
        "--quality",
        "60",
    ]);
    let job = run.json();
    assert_eq!((&job["type"], &job["status"]), (&"zip_batch".into(), &"completed".into()));
    assert_eq!(desk.names("there"), ["manifest.json", "one.jpg", "two.jpg"]);
    let card = fs::read(desk.path("there/one.jpg")).unwrap();
    assert_eq!(image::guess_format(&card).unwrap(), image::ImageFormat::Jpeg);
}

#[test]
fn a_bad_picture_is_named_and_the_others_are_saved() {
    let (desk, _service) = Desk::with_service(&[]);
    desk.picture("good.png", 50);
    desk.broken("bad.png");
    let run = desk.run(&["submit", "bad.png", "good.png", "--watch", "--out", "there"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.lines().any(|line| line.starts_with("huemill: bad.png: ")), "{run:?}");
    assert_eq!(desk.names("there"), ["good.png", "manifest.json"]);
    let run = desk.run(&["submit", "bad.png", "--watch", "--out", "nothing"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.lines().any(|line| line.starts_with("huemill: bad.png: ")), "{run:?}");
    assert!(!desk.path("nothing").exists());
}

#[test]
fn the_same_key_is_the_same_job_and_another_request_with_it_is_refused() {
    let (desk, _service) = Desk::with_service(&[]);
    desk.picture("a.png", 50);
    desk.picture("b.png", 60);
    let first = desk.ok(&["submit", "a.png", "--key", "mine"]).line().to_owned();
    assert_eq!(desk.ok(&["submit", "a.png", "--key", "mine"]).line(), first);
    assert_ne!(desk.ok(&["submit", "a.png"]).line(), first);
    let other = desk.run(&["submit", "b.png", "--key", "mine"]);
    assert_eq!(other.code, Some(1));
    assert!(other.err.contains("IDEMPOTENCY_VIOLATION"), "{other:?}");
}

#[test]
fn what_makes_no_sense_is_bad_usage_and_sends_nothing() {
    let desk = Desk::new();
    desk.picture("a.png", 50);
    fs::write(desk.path("a.zip"), zip(&[])).unwrap();
    for args in [
        &["submit"][..],
        &["submit", "a.png", "--ttl", "0"],
        &["submit", "a.png", "--priority", "urgent"],
        &["submit", "a.png", "--quality", "5"],
        &["submit", "a.png", "--key", "two words"],
        &["submit", "a.png", "--out", "there"],
        &["submit", "a.png", "a.zip"],
    ] {
        let run = desk.run(args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}: {run:?}");
    }
    let run = desk.run(&["submit", "missing.png"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.starts_with("huemill: missing.png: "), "{run:?}");
    let run = desk.run(&["submit", "a.png", "--server", "https://huemill.example"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("https://huemill.example"), "{run:?}");
}

#[test]
fn signed_requests_are_taken_by_a_service_that_wants_them() {
    let secret = "a-secret-of-both-sides";
    let (desk, _service) = Desk::with_service(&[("REQUIRE_SIGNATURE", "true"), ("WEBHOOK_SECRET", secret)]);
    desk.picture("a.png", 300);
    let run = desk.run(&["submit", "a.png"]);
    assert!(run.code == Some(1) && run.err.contains("MISSING_SIGNATURE"), "{run:?}");
    let run = desk.run(&["submit", "a.png", "--sign"]);
    assert!(run.code == Some(1) && run.err.contains("WEBHOOK_SECRET"), "{run:?}");
    let signed = |args: &[&str]| {
        let output = desk.command(args).env("WEBHOOK_SECRET", secret).output().unwrap();
        Run::from(output)
    };
    let run = signed(&["submit", "a.png", "--sign", "--watch", "--out", "there"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = signed(&["jobs", "cancel", run.line()]);
    assert!(run.code == Some(1) && run.err.contains("JOB_NOT_CANCELABLE"), "{run:?}");
    fs::write(desk.path("secret"), format!("{secret}\n")).unwrap();
    let mut command = desk.command(&["submit", "a.png"]);
    let output = command.env("WEBHOOK_SECRET_FILE", desk.path("secret")).output().unwrap();
    assert!(output.status.success(), "{:?}", Run::from(output));
}

/// Answers one request after the other; keeps what came of the head and the body.
fn scripted(listener: TcpListener, answers: Vec<String>) -> thread::JoinHandle<Vec<(String, Vec<u8>)>> {
    thread::spawn(move || {
        answers.into_iter().map(|answer| serve(listener.accept().unwrap().0, &answer)).collect()
    })
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn serve(mut connection: TcpStream, answer: &str) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "the head is cut off: {head}");
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    connection.write_all(answer.as_bytes()).unwrap();
    (head, body)
}

#[test]
fn the_same_request_is_sent_again_until_it_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let desk = Desk::new().speaking_to(listener.local_addr().unwrap());
    desk.picture("a.png", 300);
    let server = scripted(
        listener,
        vec![
            // The connection breaks off.
            String::new(),
            answer("503 Service Unavailable", ""),
            answer("409 Conflict", r#"{"error_code": "IDEMPOTENCY_IN_PROGRESS"}"#),
            answer("202 Accepted", r#"{"job_id": "job_1", "status": "queued"}"#),
        ],
    );
    let run = desk.ok(&["submit", "a.png"]);
    assert_eq!(run.line(), "job_1");
    let requests = server.join().unwrap();
    let key =
        |head: &str| head.split("idempotency-key: ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned();
    for (head, body) in &requests {
        assert_eq!((key(head), body), (key(&requests[0].0), &requests[0].1));
    }
    assert!(key(&requests[0].0).len() > 16);
}

#[test]
fn a_service_that_stays_away_is_told_with_the_key_to_go_on_with() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let desk = Desk::new().speaking_to(listener.local_addr().unwrap());
    drop(listener);
    desk.picture("a.png", 50);
    let run = desk.run(&["submit", "a.png", "--tries", "1", "--key", "mine"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
    assert!(run.err.contains("--key mine") && run.err.contains("cannot be reached"), "{run:?}");
}

#[test]
fn an_interrupted_watch_says_how_to_go_on_and_leaves_the_job_alone() {
    let (desk, service) = Desk::with_service(&[("HUEMILL__WORKERS__COUNT", "1")]);
    desk.long_work("album");
    let mut child = desk
        .command(&["submit", "album", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert!(line.starts_with("huemill: queued") || line.starts_with("huemill: processing"), "{line}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{run:?} {rest}");
    assert!(rest.contains(&format!("huemill jobs show {} --server", run.line())), "{rest}");
    let status = client().get(service.url(&format!("/jobs/{}", run.line()))).send().unwrap();
    assert_ne!(status.json::<Value>().unwrap()["status"], "canceled");
}
