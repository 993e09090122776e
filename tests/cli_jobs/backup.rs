//! A backup of a service at work, and another service on what was restored.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::desk::{Desk, client, ended, is_card, job};
use crate::service::Service;

#[test]
fn a_backup_of_a_service_at_work_starts_elsewhere_with_all_its_jobs() {
    let (desk, service) = Desk::with_service(&[("HUEMILL__WORKERS__COUNT", "1")]);
    desk.picture("a.png", 50);
    desk.picture("b.png", 60);
    let done = desk.ok(&["submit", "a.png", "b.png"]).line().to_owned();
    ended(&service, &done);
    desk.long_work("album");
    let running = desk.ok(&["submit", "album"]).line().to_owned();
    desk.ok(&["backup", "copies/first"]);
    assert_ne!(job(&service, &running)["status"], "completed", "it was at work");
    assert_eq!(desk.names("copies"), ["first"], "nothing else is left");
    assert_eq!(desk.names("copies/first"), ["blobs", "huemill.db"]);
    let mode = fs::metadata(desk.path("copies/first")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "there are secrets in it");
    let before = job(&service, &done);
    service.kill();
    fs::remove_dir_all(desk.path("data")).unwrap();

    desk.ok(&["restore", "copies/first"]);
    let service = Service::start(&desk.path("data"), &[]);
    let after = job(&service, &done);
    for member in ["status", "created_at", "expires_at", "request_id"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["results"].as_array().unwrap().len(), 2);
    assert_eq!(after["results"], before["results"], "the cards are in it");
    let path = format!("/jobs/{done}/results.zip");
    assert_eq!(client().get(service.url(&path)).send().unwrap().status(), 200);
    let running = ended(&service, &running);
    assert_eq!(
        (&running["status"], &running["results_count"]),
        (&"completed".into(), &30.into()),
        "{running}"
    );
}

/// What lies in a folder and in those below, the folder too, that others than its owner may do something with.
fn open_to_others(path: &Path) -> Vec<String> {
    let meta = fs::symlink_metadata(path).unwrap();
    let mode = meta.permissions().mode();
    let mut open = Vec::new();
    if mode & 0o077 != 0 {
        open.push(format!("{} {mode:o}", path.display()));
    }
    if meta.is_dir() {
        open.extend(fs::read_dir(path).unwrap().flat_map(|entry| open_to_others(&entry.unwrap().path())));
    }
    open
}

/// How many files lie below a folder.
fn blobs(folder: &Path) -> usize {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { blobs(&path) } else { 1 }).sum()
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    let (desk, service) = Desk::with_service(&[]);
    desk.picture("a.png", 50);
    ended(&service, desk.ok(&["submit", "a.png"]).line());
    assert!(blobs(&desk.path("data/blobs")) > 0);
    service.kill();
    assert_eq!(open_to_others(&desk.path("data")), [""; 0]);
    desk.ok(&["backup", "copy"]);
    assert_eq!(open_to_others(&desk.path("copy")), [""; 0]);
    let output = desk.command(&["restore", "copy"]).env("DATA_DIR", desk.path("other")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(open_to_others(&desk.path("other")), [""; 0]);
}

#[test]
fn a_directory_that_is_there_keeps_its_mode() {
    let desk = Desk::new();
    let data = desk.path("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).unwrap();
    drop(Service::start(&data, &[]));
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(open_to_others(&data), [format!("{} 40750", data.display())], "what is in it is closed");
}

#[test]
fn a_backup_holds_the_secrets_and_the_keys() {
    let (desk, service) = Desk::with_service(&[]);
    desk.picture("a.png", 50);
    let id = desk.ok(&["submit", "a.png", "--key", "mine"]).line().to_owned();
    ended(&service, &id);
    let token = desk.ok(&["secret", "operator"]).line().to_owned();
    desk.ok(&["backup", "copy"]);
    drop(service);
    let other = desk.path("other");
    let output = desk.command(&["restore", "copy"]).env("DATA_DIR", &other).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let service = Service::start(&other, &[]);
    let server = format!("http://{}", service.address);
    assert_eq!(desk.ok(&["submit", "a.png", "--key", "mine", "--server", &server]).line(), id);
    desk.ok(&["jobs", "list", "--token", &token, "--server", &server]);
    let card = client().get(service.url(&format!("/jobs/{id}/results/0/card"))).send().unwrap();
    fs::write(desk.path("card.png"), card.bytes().unwrap()).unwrap();
    assert!(is_card(&desk.path("card.png")));
}

#[test]
fn nothing_is_restored_over_something() {
    let (desk, service) = Desk::with_service(&[]);
    desk.ok(&["backup", "copy"]);
    let run = desk.run(&["restore", "copy"]);
    assert!(run.code == Some(1) && run.err.contains("in use"), "{run:?}");
    assert_eq!(client().get(service.url("/health")).send().unwrap().status(), 200);
    drop(service);
    let run = desk.run(&["restore", "copy"]);
    assert!(run.code == Some(1) && run.err.contains("not empty"), "{run:?}");
    let run = desk.run(&["backup", "copy"]);
    assert!(run.code == Some(1) && run.err.contains("already exists"), "{run:?}");
}

#[test]
fn what_is_no_store_is_neither_copied_nor_restored() {
    let desk = Desk::new();
    let run = desk.run(&["backup", "copy"]);
    assert!(run.code == Some(1) && run.err.contains("no store"), "{run:?}");
    assert!(!desk.path("copy").exists() && !desk.path("data").exists());
    fs::create_dir(desk.path("nothing")).unwrap();
    let run = desk.run(&["restore", "nothing"]);
    assert!(run.code == Some(1) && run.err.contains("not a backup"), "{run:?}");
    fs::write(desk.path("nothing/huemill.db"), b"SQLite format 3\0 and then nonsense").unwrap();
    let run = desk.run(&["restore", "nothing"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let left = desk.names("data");
    assert!(left.iter().all(|name| name == "huemill.lock"), "{left:?}");
    let output =
        desk.command(&["backup", "copy"]).env("DATABASE_URL", "postgres://u@127.0.0.1:1/x").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("own tools"), "{output:?}");
}
