//! Workers: inputs and the memory that they and their pictures take.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use huemill_actors::fault::Code;
use huemill_actors::workers::{Input, WorkersSettings, run};
use huemill_store::archive::{Entry, EntryKind, Method};
use support::shop::{Shop, in_file, settings};
use support::{on_actix, picture, request};

#[test]
fn more_memory_than_there_is_is_refused_at_once() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        assert_eq!(shop.fault(picture("KIB=101")).await.code, Code::PayloadTooLarge);
        assert_eq!(shop.outcomes(), [("text", "payload_too_large")]);
    });
}

#[test]
fn pictures_that_do_not_fit_together_follow_each_other() {
    on_actix(async {
        let shop = Shop::open(WorkersSettings { slots: 4, queue: 20, ..settings() });
        let sent: Vec<_> = (0..12).map(|n| shop.send(picture(&format!("KIB={}", 20 + 5 * n)))).collect();
        for answer in sent {
            answer.await.unwrap().unwrap();
        }
        assert!(shop.mine.peak.load(Ordering::SeqCst) <= 100 << 10);
    });
}

#[test]
fn who_waits_too_long_for_memory_is_told() {
    on_actix(async {
        let mut shop =
            Shop::open(WorkersSettings { slots: 2, queue_wait: Duration::from_millis(50), ..settings() });
        let first = shop.send(picture("gate KIB=60"));
        shop.begun().await;
        let fault = shop.fault(picture("KIB=60")).await;
        assert_eq!(fault.code, Code::Overloaded);
        assert_eq!(fault.cause.as_deref(), Some("no memory was free in time"));
        shop.comes_to(1, 0, 0).await;
        assert_eq!(shop.outcomes(), [("text", "overloaded")]);
        shop.mine.gate.open();
        first.await.unwrap().unwrap();
    });
}

#[test]
fn inputs_from_disk_take_memory_and_never_wait_for_each_other_in_a_circle() {
    on_actix(async {
        let shop = Shop::open(WorkersSettings { slots: 2, queue: 20, ..settings() });
        // Two of these inputs fit, and so does one with its picture; two inputs and a picture do not.
        let text = format!("meet KIB=55{}", "\0".repeat((40 << 10) - 11));
        let sent = [(); 2].map(|()| shop.send(request(Input::Spool(in_file(&text)))));
        for answer in sent {
            answer.await.unwrap().unwrap();
        }
        let too_much = format!("KIB=61{}", "\0".repeat((40 << 10) - 6));
        assert_eq!(shop.fault(request(Input::Spool(in_file(&too_much)))).await.code, Code::PayloadTooLarge);
    });
}

#[test]
fn an_input_longer_than_allowed_is_refused_unread() {
    on_actix(async {
        let shop = Shop::open(settings());
        let long = in_file(&"\0".repeat((50 << 10) + 1));
        assert_eq!(shop.fault(request(Input::Spool(long))).await.code, Code::PayloadTooLarge);
    });
}

#[test]
fn an_entry_of_an_archive_is_read_where_it_lies() {
    on_actix(async {
        let mut shop = Shop::open(settings());
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
        run(&shop.workers, request(input(entry.clone()))).await.unwrap();
        assert_eq!(shop.begun().await, "ok");
        for (entry, code, told) in [
            (Entry { crc32: 1, ..entry.clone() }, Code::ProcessingError, "damaged"),
            (Entry { verdict: EntryKind::Encrypted, ..entry.clone() }, Code::ProcessingError, "encrypted"),
            (Entry { verdict: EntryKind::Symlink, ..entry.clone() }, Code::ProcessingError, "not a file"),
            (Entry { size: 51 << 10, ..entry.clone() }, Code::PayloadTooLarge, "larger than"),
        ] {
            let fault = shop.fault(request(input(entry))).await;
            assert_eq!(fault.code, code);
            assert!(fault.message.contains(told), "{}", fault.message);
        }
    });
}
