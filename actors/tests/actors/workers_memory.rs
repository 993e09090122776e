//! Workers: the memory that inputs and their pictures take.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::test_workers::{TestWorkers, in_file, settings};
use crate::support::{picture, request};
use huemill_actors::fault::Code;
use huemill_actors::workers::{Input, WorkersSettings, run};
use huemill_store::archive::{Entry, EntryKind, Method};

#[actix_rt::test]
async fn more_memory_than_the_budget_is_refused_at_once() {
    let mut workers = TestWorkers::start(settings());
    assert_eq!(workers.fault(picture("KIB=101")).await.code, Code::PayloadTooLarge);
    assert_eq!(workers.outcomes(), [("text", "payload_too_large")]);
}

#[actix_rt::test]
async fn pictures_that_do_not_fit_together_run_one_after_the_other() {
    let workers = TestWorkers::start(WorkersSettings { slots: 4, queue: 60, ..settings() });
    let sent: Vec<_> = (0..12).map(|n| workers.send(picture(&format!("KIB={}", 20 + 5 * n)))).collect();
    for answer in sent {
        answer.await.unwrap().unwrap();
    }
    assert!(workers.engine.peak.load(Ordering::SeqCst) <= 100 << 10);
}

#[actix_rt::test]
async fn a_picture_that_waits_too_long_for_memory_fails() {
    let mut workers =
        TestWorkers::start(WorkersSettings { slots: 2, queue_wait: Duration::from_millis(50), ..settings() });
    let first = workers.send(picture("gate KIB=60"));
    workers.next_started().await;
    let fault = workers.fault(picture("KIB=60")).await;
    assert_eq!(fault.code, Code::Overloaded);
    assert_eq!(fault.cause.as_deref(), Some("no memory was free in time"));
    workers.wait_for_slots(1, 0, 0).await;
    assert_eq!(workers.outcomes(), [("text", "overloaded")]);
    workers.engine.gate.open();
    first.await.unwrap().unwrap();
}

#[actix_rt::test]
async fn inputs_from_disk_take_memory_and_never_deadlock() {
    let workers = TestWorkers::start(WorkersSettings { slots: 2, queue: 60, ..settings() });
    // Two of these inputs fit, or one with its picture, but not two with a picture.
    let text = format!("meet KIB=55{}", "\0".repeat((40 << 10) - 11));
    let sent = [(); 2].map(|()| workers.send(request(Input::Spool(in_file(&text)))));
    for answer in sent {
        answer.await.unwrap().unwrap();
    }
    let too_much = format!("KIB=61{}", "\0".repeat((40 << 10) - 6));
    assert_eq!(workers.fault(request(Input::Spool(in_file(&too_much)))).await.code, Code::PayloadTooLarge);
}

#[actix_rt::test]
async fn an_input_beyond_the_limit_is_refused_without_reading_it() {
    let workers = TestWorkers::start(settings());
    let long = in_file(&"\0".repeat((50 << 10) + 1));
    assert_eq!(workers.fault(request(Input::Spool(long))).await.code, Code::PayloadTooLarge);
}

#[actix_rt::test]
async fn an_archive_entry_is_read_in_place() {
    let mut workers = TestWorkers::start(settings());
    let archive = in_file("....ok....");
    let entry = Entry {
        name: "a.png".to_owned(),
        offset: 4,
        compressed_size: 2,
        size: 2,
        method: Method::Stored,
        crc32: 0x79dc_dd47,
        verdict: EntryKind::Readable,
        renamed: false,
    };
    let input = |entry| Input::Entry { archive: archive.clone(), entry };
    run(&workers.address, request(input(entry.clone()))).await.unwrap();
    assert_eq!(workers.next_started().await, "ok");
    for (entry, code, expected) in [
        (Entry { crc32: 1, ..entry.clone() }, Code::ProcessingError, "damaged"),
        (Entry { verdict: EntryKind::Encrypted, ..entry.clone() }, Code::ProcessingError, "encrypted"),
        (Entry { verdict: EntryKind::Symlink, ..entry.clone() }, Code::ProcessingError, "not a file"),
        (Entry { size: 51 << 10, ..entry.clone() }, Code::PayloadTooLarge, "larger than"),
    ] {
        let fault = workers.fault(request(input(entry))).await;
        assert_eq!(fault.code, code);
        assert!(fault.message.contains(expected), "{}", fault.message);
    }
}
