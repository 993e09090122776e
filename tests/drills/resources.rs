//! Alerts on resources: a disk that fills up, blobs that cannot be removed, and a process that uses too much memory.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use super::monitoring_stack::MonitoringStack;
use super::report::alarm;
use super::{clients, drill, scale, start_ready};
use crate::support::http::{client, is_ready};
use crate::support::permissions::{ChangedMode, bound_by_permissions};
use crate::support::servers::require;
use crate::support::service::Service;
use crate::support::{on_small_disk, variables, wait_until};

/// Starts a service whose data directory is a small disk that only the service sees. Returns also the path by which
/// the test sees that disk.
fn start_on_small_disk(data: &std::path::Path) -> (Service, PathBuf) {
    let settings =
        [("HUEMILL__HEALTH__DISK_FREE_BYTES", "10000000"), ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")];
    let service = Service::start_within(&on_small_disk(data, "40m"), data, &variables(&settings));
    wait_until("the service is ready", || is_ready(&service));
    let path = format!("/proc/{}/root{}", service.id(), data.display());
    (service, PathBuf::from(path))
}

#[test]
fn disk_space_low() {
    require!(Alertmanager, Prometheus);
    let (stack, data) = (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap());
    let (service, disk) = start_on_small_disk(data.path());
    stack.watch(&[service.address]);
    let other = disk.join("others.log");
    let begin = || std::fs::write(&other, vec![1; 32_000_000]).unwrap();
    let alarms = [alarm("DiskSpaceLow", "P1", "another program fills the disk of the data")];
    drill(&stack, &alarms, begin, |()| std::fs::remove_file(&other).unwrap());
}

/// The number of jobs, each with one removal that fails. More than three make the alert fire.
const UNDELETABLE: u8 = 5;

#[test]
#[ignore = "takes a minute: run `make drills`"]
fn blob_removals_failing() {
    require!(Alertmanager, Prometheus);
    // The resolution of a P3 is sent after six hours.
    let (stack, data) = (MonitoringStack::start(scale::DAYS), tempfile::tempdir().unwrap());
    let operator = "the-operator-of-a-drill";
    let settings = [("OPERATOR_TOKEN", operator), ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")];
    let service = Service::start_within(&bound_by_permissions(), data.path(), &variables(&settings));
    let test_client = clients::TestClient::of(&service);
    wait_until("the service is ready", || is_ready(&service));
    stack.watch(&[service.address]);
    let set_queue = |order: &str| {
        let path = service.url(&format!("/queue/{order}"));
        let request = client().post(path).bearer_auth(operator);
        assert_eq!(request.send().unwrap().status(), 200);
    };
    let begin = || {
        set_queue("pause");
        let jobs =
            (0..UNDELETABLE).map(|shade| clients::job_id(test_client.submit(shade, None, None).unwrap()));
        let inputs = |job: String| data.path().join(format!("blobs/{}/jobs/{job}/in", &job[job.len() - 2..]));
        let kept: Vec<_> = jobs.map(|job| ChangedMode::read_only(&inputs(job)).unwrap()).collect();
        set_queue("resume");
        kept
    };
    let alarms = [alarm("BlobRemovalsFailing", "P3", "files of ended jobs may not be deleted")];
    drill(&stack, &alarms, begin, drop);
}

/// The size of an upload that stays in memory, and how many it takes for more than 1 GB.
const UPLOAD: usize = 45_000_000;
const UPLOADS: usize = 25;

/// Sends an upload without its last byte.
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
#[ignore = "takes half a minute: run `make drills`"]
fn high_memory_usage() {
    require!(Alertmanager, Prometheus);
    let (stack, data) = (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap());
    let settings = [
        ("HUEMILL__UPLOADS__MEMORY_EACH_BYTES", "50000000".to_owned()),
        ("HUEMILL__UPLOADS__MEMORY_TOTAL_BYTES", "2000000000".to_owned()),
        ("HUEMILL__UPLOADS__IDLE_SECONDS", "600".to_owned()),
        ("HUEMILL__UPLOADS__PACE_GRACE_SECONDS", "600".to_owned()),
    ];
    let service = start_ready(data.path(), &settings);
    stack.watch(&[service.address]);
    let begin = || (0..UPLOADS).map(|_| unfinished_upload(service.address)).collect::<Vec<_>>();
    let alarms =
        [alarm("HighMemoryUsage", "P2", "1.1 GB of uploads without an end, which settings keep in memory")];
    drill(&stack, &alarms, begin, drop);
}
