//! `huemill backup` and `restore`: a backup of a running service contains everything, and only its owner can read it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::service::Service;
use crate::workspace::{Workspace, client, is_card, job_status, wait_for_end};

#[test]
fn a_service_on_a_restored_backup_has_all_jobs_of_the_running_service() {
    let (workspace, service) = Workspace::with_service(&[("HUEMILL__WORKERS__COUNT", "1")]);
    workspace.write_picture("a.png", 50);
    workspace.write_picture("b.png", 60);
    let done = workspace.run_ok(&["submit", "a.png", "b.png"]).line().to_owned();
    wait_for_end(&service, &done);
    workspace.write_large_album("album");
    let running = workspace.run_ok(&["submit", "album"]).line().to_owned();
    workspace.run_ok(&["backup", "copies/first"]);
    assert_ne!(job_status(&service, &running)["status"], "completed", "the job ended before the backup");
    assert_eq!(workspace.names("copies"), ["first"], "other files are left over");
    assert_eq!(workspace.names("copies/first"), ["blobs", "huemill.db"]);
    let mode = fs::metadata(workspace.path("copies/first")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "others can read the backup, which contains secrets");
    let before = job_status(&service, &done);
    service.kill();
    fs::remove_dir_all(workspace.path("data")).unwrap();

    workspace.run_ok(&["restore", "copies/first"]);
    let service = Service::start(&workspace.path("data"), &[]);
    let after = job_status(&service, &done);
    for member in ["status", "created_at", "expires_at", "request_id"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["results"].as_array().unwrap().len(), 2);
    assert_eq!(after["results"], before["results"], "the cards are missing");
    let path = format!("/jobs/{done}/results.zip");
    assert_eq!(client().get(service.url(&path)).send().unwrap().status(), 200);
    let running = wait_for_end(&service, &running);
    assert_eq!(
        (&running["status"], &running["results_count"]),
        (&"completed".into(), &30.into()),
        "{running}"
    );
}

/// The files and folders, at this path and below, that users other than the owner may access.
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

/// The number of files below a folder.
fn blobs(folder: &Path) -> usize {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { blobs(&path) } else { 1 }).sum()
}

#[test]
fn only_the_owner_can_access_the_data_and_backups() {
    let (workspace, service) = Workspace::with_service(&[]);
    workspace.write_picture("a.png", 50);
    wait_for_end(&service, workspace.run_ok(&["submit", "a.png"]).line());
    assert!(blobs(&workspace.path("data/blobs")) > 0);
    service.kill();
    assert_eq!(open_to_others(&workspace.path("data")), [""; 0]);
    workspace.run_ok(&["backup", "copy"]);
    assert_eq!(open_to_others(&workspace.path("copy")), [""; 0]);
    let output =
        workspace.command(&["restore", "copy"]).env("DATA_DIR", workspace.path("other")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(open_to_others(&workspace.path("other")), [""; 0]);
}

#[test]
fn an_existing_data_directory_keeps_its_mode() {
    let workspace = Workspace::new();
    let data = workspace.path("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).unwrap();
    drop(Service::start(&data, &[]));
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(open_to_others(&data), [format!("{} 40750", data.display())], "its content is open to others");
}

#[test]
fn a_backup_contains_the_secrets_and_the_idempotency_keys() {
    let (workspace, service) = Workspace::with_service(&[]);
    workspace.write_picture("a.png", 50);
    let id = workspace.run_ok(&["submit", "a.png", "--key", "mine"]).line().to_owned();
    wait_for_end(&service, &id);
    let token = workspace.run_ok(&["secret", "operator"]).line().to_owned();
    workspace.run_ok(&["backup", "copy"]);
    drop(service);
    let other = workspace.path("other");
    let output = workspace.command(&["restore", "copy"]).env("DATA_DIR", &other).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let service = Service::start(&other, &[]);
    let server = format!("http://{}", service.address);
    assert_eq!(workspace.run_ok(&["submit", "a.png", "--key", "mine", "--server", &server]).line(), id);
    workspace.run_ok(&["jobs", "list", "--token", &token, "--server", &server]);
    let card = client().get(service.url(&format!("/jobs/{id}/results/0/card"))).send().unwrap();
    fs::write(workspace.path("card.png"), card.bytes().unwrap()).unwrap();
    assert!(is_card(&workspace.path("card.png")));
}

#[test]
fn backup_and_restore_overwrite_nothing() {
    let (workspace, service) = Workspace::with_service(&[]);
    workspace.run_ok(&["backup", "copy"]);
    let run = workspace.run(&["restore", "copy"]);
    assert!(run.code == Some(1) && run.err.contains("in use"), "{run:?}");
    assert_eq!(client().get(service.url("/health")).send().unwrap().status(), 200);
    drop(service);
    let run = workspace.run(&["restore", "copy"]);
    assert!(run.code == Some(1) && run.err.contains("not empty"), "{run:?}");
    let run = workspace.run(&["backup", "copy"]);
    assert!(run.code == Some(1) && run.err.contains("already exists"), "{run:?}");
}

#[test]
fn a_directory_without_a_store_is_neither_backed_up_nor_restored() {
    let workspace = Workspace::new();
    let run = workspace.run(&["backup", "copy"]);
    assert!(run.code == Some(1) && run.err.contains("no store"), "{run:?}");
    assert!(!workspace.path("copy").exists() && !workspace.path("data").exists());
    fs::create_dir(workspace.path("nothing")).unwrap();
    let run = workspace.run(&["restore", "nothing"]);
    assert!(run.code == Some(1) && run.err.contains("not a backup"), "{run:?}");
    fs::write(workspace.path("nothing/huemill.db"), b"SQLite format 3\0 and then nonsense").unwrap();
    let run = workspace.run(&["restore", "nothing"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let left = workspace.names("data");
    assert!(left.iter().all(|name| name == "huemill.lock"), "{left:?}");
    let output = workspace
        .command(&["backup", "copy"])
        .env("DATABASE_URL", "postgres://u@127.0.0.1:1/x")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("own tools"), "{output:?}");
}
