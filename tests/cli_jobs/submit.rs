//! `huemill submit`: submitting pictures, watching the job, saving its results.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::archives::{Member, zip};
use crate::workspace::{Run, Workspace, client, is_card, job_status};

#[test]
fn a_folder_is_submitted_and_watched_and_its_cards_are_saved() {
    let (workspace, service) = Workspace::with_service(&[]);
    workspace.write_picture("album/b.png", 60);
    workspace.write_picture("album/trip/a.png", 40);
    fs::write(workspace.path("album/notes.txt"), "no picture").unwrap();
    let run = workspace.run_ok(&["submit", "album", "--watch", "--colors", "4", "--ttl", "5"]);
    let id = run.line();
    let folder = format!("huemill-results/{id}");
    assert_eq!(workspace.names(&folder), ["a.png", "b.png", "manifest.json"]);
    assert!(
        is_card(&workspace.path(&folder).join("a.png")) && is_card(&workspace.path(&folder).join("b.png"))
    );
    let manifest = fs::read(workspace.path(&folder).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let names: Vec<_> = manifest["results"].as_array().unwrap().iter().map(|row| &row["filename"]).collect();
    assert_eq!(names, ["b.png", "trip/a.png"], "the results are not sorted by their paths");
    let job = job_status(&service, id);
    assert_eq!(job["results"][0]["palette"].as_array().unwrap().len(), 4);
    assert_eq!(job["expires_at"].as_i64().unwrap() - job["created_at"].as_i64().unwrap(), 5 * 3_600);
    assert!(run.err.contains("completed: 2 with a result, 0 failed"), "{run:?}");
}

#[test]
fn a_zip_is_submitted_as_it_is_and_its_results_are_saved_in_the_given_folder() {
    let (workspace, _service) = Workspace::with_service(&[]);
    workspace.write_picture("a.png", 50);
    let bytes = fs::read(workspace.path("a.png")).unwrap();
    let members = [Member::stored("x/one.png", &bytes), Member::stored("two.png", &bytes)];
    fs::write(workspace.path("album.zip"), zip(&members)).unwrap();
    let run = workspace.run_ok(&[
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
    assert_eq!(workspace.names("there"), ["manifest.json", "one.jpg", "two.jpg"]);
    let card = fs::read(workspace.path("there/one.jpg")).unwrap();
    assert_eq!(image::guess_format(&card).unwrap(), image::ImageFormat::Jpeg);
}

#[test]
fn a_bad_picture_is_reported_and_the_others_are_saved() {
    let (workspace, _service) = Workspace::with_service(&[]);
    workspace.write_picture("good.png", 50);
    workspace.write_broken("bad.png");
    let run = workspace.run(&["submit", "bad.png", "good.png", "--watch", "--out", "there"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.lines().any(|line| line.starts_with("huemill: bad.png: ")), "{run:?}");
    assert_eq!(workspace.names("there"), ["good.png", "manifest.json"]);
    let run = workspace.run(&["submit", "bad.png", "--watch", "--out", "nothing"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.lines().any(|line| line.starts_with("huemill: bad.png: ")), "{run:?}");
    assert!(!workspace.path("nothing").exists());
}

#[test]
fn a_key_leads_to_the_same_job_and_a_different_request_with_it_is_refused() {
    let (workspace, _service) = Workspace::with_service(&[]);
    workspace.write_picture("a.png", 50);
    workspace.write_picture("b.png", 60);
    let first = workspace.run_ok(&["submit", "a.png", "--key", "mine"]).line().to_owned();
    assert_eq!(workspace.run_ok(&["submit", "a.png", "--key", "mine"]).line(), first);
    assert_ne!(workspace.run_ok(&["submit", "a.png"]).line(), first);
    let other = workspace.run(&["submit", "b.png", "--key", "mine"]);
    assert_eq!(other.code, Some(1));
    assert!(other.err.contains("IDEMPOTENCY_VIOLATION"), "{other:?}");
}

#[test]
fn invalid_arguments_are_usage_errors_and_send_nothing() {
    let workspace = Workspace::new();
    workspace.write_picture("a.png", 50);
    fs::write(workspace.path("a.zip"), zip(&[])).unwrap();
    for args in [
        &["submit"][..],
        &["submit", "a.png", "--ttl", "0"],
        &["submit", "a.png", "--priority", "urgent"],
        &["submit", "a.png", "--quality", "5"],
        &["submit", "a.png", "--key", "two words"],
        &["submit", "a.png", "--out", "there"],
        &["submit", "a.png", "a.zip"],
    ] {
        let run = workspace.run(args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}: {run:?}");
    }
    let run = workspace.run(&["submit", "missing.png"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.starts_with("huemill: missing.png: "), "{run:?}");
    let run = workspace.run(&["submit", "a.png", "--server", "https://huemill.example"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("https://huemill.example"), "{run:?}");
}

#[test]
fn signed_requests_are_accepted_by_a_service_that_requires_them() {
    let secret = "a-secret-of-both-sides";
    let (workspace, _service) =
        Workspace::with_service(&[("REQUIRE_SIGNATURE", "true"), ("WEBHOOK_SECRET", secret)]);
    workspace.write_picture("a.png", 300);
    let run = workspace.run(&["submit", "a.png"]);
    assert!(run.code == Some(1) && run.err.contains("MISSING_SIGNATURE"), "{run:?}");
    let run = workspace.run(&["submit", "a.png", "--sign"]);
    assert!(run.code == Some(1) && run.err.contains("WEBHOOK_SECRET"), "{run:?}");
    let signed = |args: &[&str]| {
        let output = workspace.command(args).env("WEBHOOK_SECRET", secret).output().unwrap();
        Run::from(output)
    };
    let run = signed(&["submit", "a.png", "--sign", "--watch", "--out", "there"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = signed(&["jobs", "cancel", run.line()]);
    assert!(run.code == Some(1) && run.err.contains("JOB_NOT_CANCELABLE"), "{run:?}");
    fs::write(workspace.path("secret"), format!("{secret}\n")).unwrap();
    let mut command = workspace.command(&["submit", "a.png"]);
    let output = command.env("WEBHOOK_SECRET_FILE", workspace.path("secret")).output().unwrap();
    assert!(output.status.success(), "{:?}", Run::from(output));
}

/// Answers one request after the other. Returns the head and the body of each.
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
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "the head is incomplete: {head}");
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    connection.write_all(answer.as_bytes()).unwrap();
    (head, body)
}

#[test]
fn a_request_is_repeated_until_it_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let workspace = Workspace::new().using_server(listener.local_addr().unwrap());
    workspace.write_picture("a.png", 300);
    let server = scripted(
        listener,
        vec![
            // Closes the connection without an answer.
            String::new(),
            answer("503 Service Unavailable", ""),
            answer("409 Conflict", r#"{"error_code": "IDEMPOTENCY_IN_PROGRESS"}"#),
            answer("202 Accepted", r#"{"job_id": "job_1", "status": "queued"}"#),
        ],
    );
    let run = workspace.run_ok(&["submit", "a.png"]);
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
fn a_service_that_does_not_answer_is_reported_with_the_key_to_continue() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let workspace = Workspace::new().using_server(listener.local_addr().unwrap());
    let server = scripted(listener, vec![String::new()]);
    workspace.write_picture("a.png", 50);
    // The second attempt finds no listener, but the first one may have arrived.
    let run = workspace.run(&["submit", "a.png", "--tries", "2", "--key", "mine"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
    assert!(run.err.contains("--key mine") && run.err.contains("cannot be reached"), "{run:?}");
    server.join().unwrap();
}

#[test]
fn where_nothing_listens_no_job_was_created_and_the_wait_is_explained() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let workspace = Workspace::new().using_server(address);
    drop(listener);
    workspace.write_picture("a.png", 50);
    let run = workspace.run(&["submit", "a.png", "--tries", "2", "--key", "mine"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
    let lines: Vec<&str> = run.err.lines().collect();
    assert!(lines[0].starts_with(&format!("huemill: http://{address} cannot be reached: ")), "{run:?}");
    assert!(lines[0].ends_with("; trying once more in 1 s"), "{run:?}");
    assert!(lines.contains(&"huemill: nothing was sent, so no job was created"), "{run:?}");
    assert!(!run.err.contains("--key"), "{run:?}");
}

#[test]
fn a_job_outlasts_a_restart_and_what_only_reads_gives_up_soon() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let workspace = Workspace::new().using_server(listener.local_addr().unwrap());
    drop(listener);
    workspace.write_picture("a.png", 50);
    // The first line says how long it tries; there is no need to wait for the end.
    let first_line = |args: &[&str]| {
        let mut child = workspace.command(args).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        line
    };
    let patient = "; trying up to 5 more times in the next 31 s\n";
    let reading = "; trying up to 2 more times in the next 3 s\n";
    for (args, expected) in [
        (&["submit", "a.png"][..], patient),
        (&["jobs", "cancel", "job_01a20f00ff969f3cf1f7b0601e6a9348525b6ba2ace3"], patient),
        (&["queue", "pause", "--token", "x"], patient),
        (&["queue", "status", "--token", "x"], reading),
        (&["jobs", "list", "--token", "x"], reading),
        (&["processes", "--token", "x"], reading),
        (&["processes", "--token", "x", "--tries", "6"], patient),
    ] {
        let line = first_line(args);
        assert!(line.contains(" cannot be reached: ") && line.ends_with(expected), "{args:?}: {line}");
    }
}

#[test]
fn what_is_no_picture_and_no_zip_is_refused_before_anything_is_sent() {
    // No one would answer.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let workspace = Workspace::new().using_server(listener.local_addr().unwrap());
    workspace.write_picture("a.png", 50);
    fs::write(workspace.path("notes.txt"), "text").unwrap();
    let run = workspace.run(&["submit", "a.png", "notes.txt"]);
    assert_eq!((run.code, run.out.as_str(), run.err.lines().count()), (Some(1), "", 1), "{run:?}");
    assert!(run.err.starts_with("huemill: notes.txt: this is neither a picture nor a ZIP; "), "{run:?}");
}

#[test]
fn the_default_server_is_where_the_settings_say_that_it_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let workspace = Workspace::new();
    workspace.write_picture("a.png", 50);
    let answers = vec![answer("202 Accepted", r#"{"job_id": "job_1", "status": "queued"}"#)];
    let server = scripted(listener, answers);
    let output = workspace.command(&["submit", "a.png", "--tries", "1"]).env("PORT", port).output().unwrap();
    let run = Run::from(output);
    assert_eq!((run.code, run.line()), (Some(0), "job_1"), "{run:?}");
    assert_eq!(server.join().unwrap().len(), 1);
}

#[test]
fn an_interrupted_watch_says_how_to_continue_and_does_not_cancel_the_job() {
    let (workspace, service) = Workspace::with_service(&[("HUEMILL__WORKERS__COUNT", "1")]);
    workspace.write_large_album("album");
    let mut child = workspace
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
