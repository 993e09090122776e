//! Workers: slots, queue, memory, deadlines, and what happens when a picture or the actor itself goes wrong.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Addr, Context, Handler, Message, System};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::metrics::Recorder;
use huemill_actors::supervise::{Bell, DoomReceiver, Policy, Roster, Supervision, ask, start};
use huemill_actors::workers::{Answer, Input, Ping, Pulse, Run, Workers, WorkersSettings, run};
use huemill_observability::Event;
use huemill_store::archive::{Entry, Method, Verdict};
use huemill_store::{Spool, SpoolRoom, SpoolSettings};
use support::{Begun, Mine, io, mills, on_actix, picture, request, until};
use tokio::sync::mpsc;
use tokio::time::Instant;

struct Shop {
    workers: Addr<Workers>,
    mine: Arc<Mine>,
    begun: mpsc::UnboundedReceiver<Begun>,
    events: mpsc::Receiver<Event>,
    doom: DoomReceiver,
}

/// One slot, a queue of two, ample times: each test shortens what it is about.
fn settings() -> WorkersSettings {
    WorkersSettings {
        slots: 1,
        queue: 2,
        queue_wait: support::AGES,
        memory: 100 << 10,
        longest_input: 50 << 10,
        grace: support::AGES,
        most_abandoned: 1,
        ..WorkersSettings::default()
    }
}

impl Shop {
    fn open(settings: WorkersSettings) -> Self {
        let (recorder, events) = Recorder::channel(10_000);
        let (bell, doom) = Bell::new();
        let (mills, mine, begun) = mills();
        let policy = Policy { first_backoff: Duration::from_millis(1), ..Policy::default() };
        let supervision =
            Supervision { policy, recorder: recorder.clone(), bell: bell.clone(), roster: Roster::default() };
        let actor = Workers::new(settings, mills, io(), recorder, bell);
        let workers = start(System::current().arbiter(), "workers", &supervision, |_| actor);
        Self { workers, mine, begun, events, doom }
    }

    /// Sends a picture without waiting for its answer.
    fn send(&self, run: Run) -> actix_rt::task::JoinHandle<Answer> {
        let workers = self.workers.clone();
        actix_rt::spawn(async move { huemill_actors::workers::run(&workers, run).await })
    }

    async fn fault(&self, run: Run) -> Fault {
        huemill_actors::workers::run(&self.workers, run).await.unwrap_err()
    }

    async fn begun(&mut self) -> String {
        self.begun.recv().await.unwrap().0
    }

    async fn pulse(&self) -> Pulse {
        ask(&self.workers, Ping).await.unwrap()
    }

    /// Waits until the figures are these.
    async fn comes_to(&self, busy: usize, queued: usize, abandoned: usize) {
        let deadline = Instant::now() + support::AGES;
        loop {
            let pulse = self.pulse().await;
            if (pulse.busy, pulse.queued, pulse.abandoned) == (busy, queued, abandoned) {
                return;
            }
            assert!(Instant::now() < deadline, "it stays {pulse:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn outcomes(&mut self) -> Vec<(&'static str, &'static str)> {
        let ended = |event| match event {
            Event::AttemptEnded { format, outcome } => Some((format, outcome)),
            _ => None,
        };
        std::iter::from_fn(|| self.events.try_recv().ok()).filter_map(ended).collect()
    }
}

fn in_file(text: &str) -> Spool {
    let room = SpoolRoom::open(SpoolSettings { memory_each: 0, ..SpoolSettings::default() }).unwrap();
    Spool::from_bytes(&room, text.into()).unwrap()
}

/// Time enough to begin.
fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

#[test]
fn a_picture_is_worked_on_and_counted() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let done = run(&shop.workers, picture("ok")).await.unwrap();
        assert_eq!(done.outcome.source.format, "png");
        assert_eq!(shop.outcomes(), [("text", "ok")]);
    });
}

#[test]
fn the_canary_is_not_counted() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        run(&shop.workers, Run { counted: false, ..picture("ok") }).await.unwrap();
        let told: Vec<_> = std::iter::from_fn(|| shop.events.try_recv().ok()).collect();
        let customers = |event: &Event| {
            matches!(event, Event::AttemptEnded { .. } | Event::QueueWaited(_) | Event::StageTimed { .. })
        };
        assert!(!told.is_empty() && !told.iter().any(customers));
    });
}

#[test]
fn one_thread_serves_picture_after_picture() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let mut threads = std::collections::HashSet::new();
        for _ in 0..20 {
            run(&shop.workers, picture("ok")).await.unwrap();
            threads.insert(shop.begun.recv().await.unwrap().1);
        }
        assert_eq!((threads.len(), shop.mine.made.load(Ordering::SeqCst)), (1, 1));
    });
}

#[test]
fn who_waits_is_served_in_order() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let sent = ["gate 1", "2", "3"].map(|text| shop.send(picture(text)));
        shop.comes_to(1, 2, 0).await;
        shop.mine.gate.open();
        for answer in sent {
            answer.await.unwrap().unwrap();
        }
        let order = [shop.begun().await, shop.begun().await, shop.begun().await];
        assert_eq!(order, ["gate 1", "2", "3"]);
    });
}

#[test]
fn a_full_queue_refuses_at_once() {
    on_actix(async {
        let shop = Shop::open(settings());
        let _sent = ["gate 1", "2", "3"].map(|text| shop.send(picture(text)));
        shop.comes_to(1, 2, 0).await;
        let fault = shop.fault(picture("4")).await;
        assert_eq!((fault.code, fault.cause.as_deref()), (Code::Overloaded, Some("the queue is full")));
        assert!(fault.retry_after.is_some());
        shop.mine.gate.open();
    });
}

#[test]
fn who_waits_too_long_for_a_slot_is_told_and_leaves_nothing_behind() {
    on_actix(async {
        let shop = Shop::open(WorkersSettings { queue_wait: Duration::from_millis(30), ..settings() });
        let first = shop.send(picture("gate 1"));
        shop.comes_to(1, 0, 0).await;
        let input: Arc<[u8]> = b"2".as_slice().into();
        let fault = shop.fault(request(Input::Bytes(input.clone()))).await;
        assert_eq!((fault.code, fault.cause.unwrap()), (Code::Overloaded, "no slot was free in time".into()));
        until(|| Arc::strong_count(&input) == 1).await;
        shop.comes_to(1, 0, 0).await;
        shop.mine.gate.open();
        first.await.unwrap().unwrap();
    });
}

#[test]
fn a_requester_that_leaves_the_queue_frees_its_input_at_once() {
    on_actix(async {
        let shop = Shop::open(settings());
        let _first = shop.send(picture("gate 1"));
        shop.comes_to(1, 0, 0).await;
        let input: Arc<[u8]> = b"2".as_slice().into();
        let second = shop.send(request(Input::Bytes(input.clone())));
        shop.comes_to(1, 1, 0).await;
        second.abort();
        until(|| Arc::strong_count(&input) == 1).await;
        shop.comes_to(1, 0, 0).await;
        shop.mine.gate.open();
    });
}

#[test]
fn a_requester_that_leaves_stops_its_picture() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let sent = shop.send(picture("heed"));
        assert_eq!(shop.begun().await, "heed");
        sent.abort();
        shop.comes_to(0, 0, 0).await;
        assert_eq!(shop.outcomes(), [("text", "canceled")]);
    });
}

#[test]
fn a_canceled_token_stops_its_picture_and_spares_those_of_others() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let wanted = picture("heed");
        let token = wanted.cancel.clone();
        let sent = shop.send(wanted);
        shop.begun().await;
        token.cancel();
        assert!(sent.await.unwrap().is_err());
        run(&shop.workers, picture("ok")).await.unwrap();
    });
}

#[test]
fn the_answer_does_not_cancel_the_requesters_other_pictures() {
    on_actix(async {
        let shop = Shop::open(settings());
        let first = picture("ok");
        let token = first.cancel.clone();
        run(&shop.workers, first).await.unwrap();
        assert!(!token.is_cancelled());
    });
}

#[test]
fn a_picture_past_its_deadline_took_too_long_and_its_thread_stays() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let fault = shop.fault(Run { deadline: soon(), ..picture("heed") }).await;
        assert_eq!(fault.code, Code::ProcessingError);
        assert!(fault.message.contains("too long"), "{}", fault.message);
        shop.comes_to(0, 0, 0).await;
        run(&shop.workers, picture("ok")).await.unwrap();
        let (first, second) = (shop.begun.recv().await.unwrap(), shop.begun.recv().await.unwrap());
        assert_eq!(first.1, second.1);
        assert_eq!(shop.outcomes(), [("text", "processing_error"), ("text", "ok")]);
    });
}

#[test]
fn a_picture_that_hears_nothing_is_abandoned_with_its_memory() {
    on_actix(async {
        let mut shop = Shop::open(WorkersSettings { grace: Duration::from_millis(10), ..settings() });
        let fault = shop.fault(Run { deadline: soon(), ..picture("gate KIB=60") }).await;
        assert_eq!(fault.code, Code::ProcessingError);
        shop.comes_to(0, 0, 1).await;
        run(&shop.workers, picture("ok")).await.unwrap();
        let (first, second) = (shop.begun.recv().await.unwrap(), shop.begun.recv().await.unwrap());
        assert_ne!(first.1, second.1, "the slot has a new thread");
        let starved = shop.fault(Run { deadline: soon(), ..picture("KIB=60") }).await;
        assert_eq!(starved.cause.as_deref(), Some("no memory was free in time"));
        assert!(shop.doom.borrow().is_none());
        shop.mine.gate.open();
        shop.comes_to(0, 0, 0).await;
        run(&shop.workers, picture("KIB=100")).await.unwrap();
    });
}

#[test]
fn too_many_abandoned_are_a_doom() {
    on_actix(async {
        let mut shop = Shop::open(WorkersSettings { grace: Duration::ZERO, ..settings() });
        for _ in 0..2 {
            assert!(shop.doom.borrow().is_none());
            shop.fault(Run { deadline: soon(), ..picture("gate") }).await;
        }
        let doom = shop.doom.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        assert_eq!(
            (doom.actor, doom.reason.as_str()),
            ("workers", "2 attempts were abandoned and still run")
        );
        shop.mine.gate.open();
    });
}

#[test]
fn a_picture_that_panics_is_unreadable_and_the_mill_is_made_anew() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        for (bytes, made) in [("panic", 2), ("panic-early", 3)] {
            let fault = shop.fault(picture(bytes)).await;
            assert_eq!(
                (fault.code, &*fault.message),
                (Code::ProcessingError, Code::ProcessingError.message())
            );
            assert!(fault.cause.unwrap().starts_with("panic: as planned"));
            run(&shop.workers, picture("ok")).await.unwrap();
            assert_eq!(shop.mine.made.load(Ordering::SeqCst), made);
            assert_eq!(shop.mine.alive.load(Ordering::SeqCst), 1);
        }
        let outcomes = shop.outcomes();
        assert_eq!(outcomes[0], ("text", "processing_error"));
        assert_eq!(outcomes[2], ("unknown", "processing_error"));
        run(&shop.workers, picture("KIB=100")).await.unwrap();
    });
}

#[test]
fn a_mill_that_cannot_be_made_is_our_fault_and_tried_again() {
    on_actix(async {
        let shop = Shop::open(settings());
        shop.mine.unable.store(1, Ordering::SeqCst);
        assert_eq!(shop.fault(picture("ok")).await.code, Code::InternalError);
        run(&shop.workers, picture("ok")).await.unwrap();
    });
}

#[test]
fn every_error_of_a_picture_has_its_code() {
    on_actix(async {
        let shop = Shop::open(settings());
        for (bytes, code, told) in [
            ("empty", Code::NoInput, "Nothing was sent"),
            ("heic", Code::UnsupportedMediaType, "HEIC is not supported"),
            ("nothing", Code::ProcessingError, "cannot be read"),
            ("damaged", Code::ProcessingError, "cannot be read"),
            (
                "large",
                Code::PayloadTooLarge,
                "20000 x 3 pixels. At most 50 megapixels and 16384 pixels a side",
            ),
        ] {
            let fault = shop.fault(picture(bytes)).await;
            assert_eq!(fault.code, code, "{bytes}");
            assert!(fault.message.contains(told), "{}", fault.message);
        }
    });
}

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
            verdict: Verdict::Readable,
            renamed: false,
        };
        let input = |entry| Input::Entry { archive: archive.clone(), entry };
        run(&shop.workers, request(input(entry.clone()))).await.unwrap();
        assert_eq!(shop.begun().await, "ok");
        for (entry, code, told) in [
            (Entry { crc32: 1, ..entry.clone() }, Code::ProcessingError, "damaged"),
            (Entry { verdict: Verdict::Encrypted, ..entry.clone() }, Code::ProcessingError, "encrypted"),
            (Entry { verdict: Verdict::Symlink, ..entry.clone() }, Code::ProcessingError, "not a file"),
            (Entry { size: 51 << 10, ..entry.clone() }, Code::PayloadTooLarge, "larger than"),
        ] {
            let fault = shop.fault(request(input(entry))).await;
            assert_eq!(fault.code, code);
            assert!(fault.message.contains(told), "{}", fault.message);
        }
    });
}

struct Break;

impl Message for Break {
    type Result = ();
}

impl Handler<Break> for Workers {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Context<Self>) {
        panic!("as planned")
    }
}

#[test]
fn when_the_actor_fails_nobody_waits_for_ever() {
    on_actix(async {
        let mut shop = Shop::open(settings());
        let (running, queued) = (shop.send(picture("gate 1")), shop.send(picture("2")));
        shop.comes_to(1, 1, 0).await;
        assert_eq!(ask(&shop.workers, Break).await.unwrap_err().code, Code::InternalError);
        assert_eq!(queued.await.unwrap().unwrap_err().code, Code::NotReady);
        shop.comes_to(0, 0, 1).await;
        run(&shop.workers, picture("ok")).await.unwrap();
        shop.mine.gate.open();
        running.await.unwrap().unwrap();
        shop.comes_to(0, 0, 0).await;
        let threads: Vec<_> = [shop.begun.recv().await.unwrap(), shop.begun.recv().await.unwrap()].into();
        assert_ne!(threads[0].1, threads[1].1);
        until(|| shop.mine.alive.load(Ordering::SeqCst) == 1).await;
    });
}

#[test]
fn a_pulse_tells_busy_from_dead() {
    on_actix(async {
        let mut shop = Shop::open(WorkersSettings { slots: 2, ..settings() });
        assert_eq!(shop.pulse().await, Pulse { slots: 2, busy: 0, queued: 0, abandoned: 0 });
        let first = shop.send(picture("gate"));
        shop.begun().await;
        assert_eq!(shop.pulse().await, Pulse { slots: 2, busy: 1, queued: 0, abandoned: 0 });
        shop.mine.gate.open();
        first.await.unwrap().unwrap();
    });
}

#[test]
fn threads_end_with_their_actor() {
    let mut mine = None;
    on_actix(async {
        let shop = Shop::open(WorkersSettings { slots: 3, queue: 9, ..settings() });
        let sent: Vec<_> = (0..9).map(|_| shop.send(picture("ok"))).collect();
        for answer in sent {
            answer.await.unwrap().unwrap();
        }
        mine = Some(Arc::clone(&shop.mine));
    });
    on_actix(until(move || mine.as_ref().unwrap().alive.load(Ordering::SeqCst) == 0));
}
