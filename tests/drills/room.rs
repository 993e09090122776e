//! A disk that fills up, blobs that cannot be removed from it, and a process that takes more memory than it should.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use super::permissions::{Mode, bound_by_permissions};
use super::report::alarm;
use super::service::Service;
use super::town::Town;
use super::{clients, drill, ready, scale, until};

/// A service whose data directory is a small disk of its own, which it alone sees; and that folder seen from here.
fn on_a_small_disk(data: &std::path::Path) -> (Service, PathBuf) {
    let mount = format!("mount -t tmpfs -o size=40m tmpfs '{}' && exec \"$0\" \"$@\"", data.display());
    // As root the mount needs a namespace alone; else one in which this user is root.
    let root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let around = ["unshare", if root { "-m" } else { "-rm" }, "sh", "-c", &mount];
    let settings =
        [("HUEMILL__HEALTH__DISK_FREE_BYTES", "10000000"), ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let service = Service::start_within(&around, data, &settings);
    until("it is ready", || clients::Customer::of(&service).is_ready());
    let seen = format!("/proc/{}/root{}", service.id(), data.display());
    (service, PathBuf::from(seen))
}

#[test]
fn disk_space_low() {
    let (town, data) = (Town::start(scale::HOURS), tempfile::tempdir().unwrap());
    let (service, disk) = on_a_small_disk(data.path());
    town.watch(&[service.address]);
    let other = disk.join("others.log");
    let begin = || std::fs::write(&other, vec![1; 32_000_000]).unwrap();
    let alarms = [alarm("DiskSpaceLow", "P1", "somebody else fills the disk of the data")];
    drill(&town, &alarms, begin, |()| std::fs::remove_file(&other).unwrap());
}

/// One removal for each job that ended; more than three are an alarm.
const UNDELETABLE: u8 = 5;

#[test]
#[ignore = "takes a minute: `make drills`"]
fn blob_removals_failing() {
    // The end of a P3 is told after six hours.
    let (town, data) = (Town::start(scale::DAYS), tempfile::tempdir().unwrap());
    let operator = "the-operator-of-a-drill";
    let settings = [("OPERATOR_TOKEN", operator), ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let service = Service::start_within(&bound_by_permissions(), data.path(), &settings);
    let customer = clients::Customer::of(&service);
    until("it is ready", || customer.is_ready());
    town.watch(&[service.address]);
    let queue = |order: &str| {
        let path = service.url(&format!("/queue/{order}"));
        let request = reqwest::blocking::Client::new().post(path).bearer_auth(operator);
        assert_eq!(request.send().unwrap().status(), 200);
    };
    let begin = || {
        queue("pause");
        let jobs = (0..UNDELETABLE).map(|shade| clients::id(customer.submit(shade, None, None).unwrap()));
        let inputs = |job: String| data.path().join(format!("blobs/{}/jobs/{job}/in", &job[job.len() - 2..]));
        let kept: Vec<_> = jobs.map(|job| Mode::read_only(&inputs(job)).unwrap()).collect();
        queue("resume");
        kept
    };
    let alarms = [alarm("BlobRemovalsFailing", "P3", "files of ended jobs may not be deleted")];
    drill(&town, &alarms, begin, drop);
}

/// Uploads that stay in memory, and how many it takes for more than 1 GB.
const UPLOAD: usize = 45_000_000;
const UPLOADS: usize = 25;

/// Sends all but the end of an upload.
fn unfinished_upload(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /process HTTP/1.1\r\nhost: drill\r\ncontent-type: image/png\r\ncontent-length: {UPLOAD}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let piece = vec![7; 1 << 20];
    for start in (0..UPLOAD - 1).step_by(piece.len()) {
        socket.write_all(&piece[..piece.len().min(UPLOAD - 1 - start)]).unwrap();
    }
    socket
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn high_memory_usage() {
    let (town, data) = (Town::start(scale::HOURS), tempfile::tempdir().unwrap());
    let settings = [
        ("HUEMILL__UPLOADS__MEMORY_EACH_BYTES", "50000000".to_owned()),
        ("HUEMILL__UPLOADS__MEMORY_TOTAL_BYTES", "2000000000".to_owned()),
        ("HUEMILL__UPLOADS__IDLE_SECONDS", "600".to_owned()),
        ("HUEMILL__UPLOADS__PACE_GRACE_SECONDS", "600".to_owned()),
    ];
    let service = ready(data.path(), &settings);
    town.watch(&[service.address]);
    let begin = || (0..UPLOADS).map(|_| unfinished_upload(service.address)).collect::<Vec<_>>();
    let alarms =
        [alarm("HighMemoryUsage", "P2", "1.1 GB of uploads without an end, which settings keep in memory")];
    drill(&town, &alarms, begin, drop);
}
