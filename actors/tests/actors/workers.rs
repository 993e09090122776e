//! Workers: slots and their queue, callers that cancel, and how clients and jobs share the slots.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

use crate::support::test_workers::{TestWorkers, settings};
use crate::support::{AGES, picture, request, until};
use huemill_actors::fault::Code;
use huemill_actors::workers::{Class, Input, Run, SlotFigures, WorkersSettings, run};
use huemill_observability::Event;
use huemill_store::Caller;

#[actix_rt::test]
async fn a_picture_is_processed_and_counted() {
    let mut workers = TestWorkers::start(settings());
    let done = run(&workers.address, picture("ok")).await.unwrap();
    assert_eq!(done.outcome.source.format, "png");
    assert_eq!(workers.outcomes(), [("text", "ok")]);
}

#[actix_rt::test]
async fn the_canary_is_not_counted() {
    let mut workers = TestWorkers::start(settings());
    run(&workers.address, Run { counted: false, ..picture("ok") }).await.unwrap();
    let recorded: Vec<_> = std::iter::from_fn(|| workers.events.try_recv().ok()).collect();
    let counts_pictures = |event: &Event| {
        matches!(
            event,
            Event::AttemptEnded { .. }
                | Event::PictureShaped(_)
                | Event::QueueWaited(_)
                | Event::StageTimed { .. }
        )
    };
    assert!(!recorded.is_empty() && !recorded.iter().any(counts_pictures));
}

#[actix_rt::test]
async fn one_thread_processes_all_pictures() {
    let mut workers = TestWorkers::start(settings());
    let mut threads = std::collections::HashSet::new();
    for _ in 0..20 {
        run(&workers.address, picture("ok")).await.unwrap();
        threads.insert(workers.started.recv().await.unwrap().1);
    }
    assert_eq!((threads.len(), workers.engine.made.load(Ordering::SeqCst)), (1, 1));
}

#[actix_rt::test]
async fn waiting_pictures_are_processed_in_order() {
    let mut workers = TestWorkers::start(settings());
    let sent = ["gate 1", "2", "3"].map(|text| workers.send(picture(text)));
    workers.wait_for_slots(1, 2, 0).await;
    workers.engine.gate.open();
    for answer in sent {
        answer.await.unwrap().unwrap();
    }
    let order = [workers.next_started().await, workers.next_started().await, workers.next_started().await];
    assert_eq!(order, ["gate 1", "2", "3"]);
}

fn of(number: u8, text: &str) -> Run {
    Run { caller: Caller::of_address([192, 0, 2, number].into()), ..picture(text) }
}

#[actix_rt::test]
async fn a_full_queue_refuses_at_once_and_nobody_fills_it_alone() {
    let workers = TestWorkers::start(settings());
    let _sent = ["gate 1", "2", "3"].map(|text| workers.send(of(1, text)));
    workers.wait_for_slots(1, 2, 0).await;
    let fault = workers.fault(of(1, "4")).await;
    assert_eq!((fault.code, fault.limit.map(|limit| limit.policy)), (Code::RateLimited, Some("pictures")));
    let _guest = workers.send(of(2, "gate 5"));
    workers.wait_for_guests(1).await;
    let _other = workers.send(of(3, "6"));
    workers.wait_for_slots(1, 3, 0).await;
    let fault = workers.fault(of(4, "7")).await;
    assert_eq!((fault.code, fault.cause.as_deref()), (Code::Overloaded, Some("the queue is full")));
    assert!(fault.retry_after.is_some());
    workers.engine.gate.open();
}

#[actix_rt::test]
async fn callers_take_turns() {
    let mut workers = TestWorkers::start(WorkersSettings { queue: 100, ..settings() });
    let many = ["gate 1", "2", "3", "4", "5"].map(|text| workers.send(of(1, text)));
    workers.wait_for_slots(1, 4, 0).await;
    // A third caller holds the guest slot.
    let _guest = workers.send(of(3, "heed"));
    workers.wait_for_guests(1).await;
    let one = workers.send(of(2, "6"));
    workers.wait_for_slots(1, 5, 0).await;
    workers.engine.gate.open();
    for answer in many.into_iter().chain([one]) {
        answer.await.unwrap().unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..7 {
        order.push(workers.next_started().await);
    }
    order.retain(|text| text != "heed");
    assert_eq!(order, ["gate 1", "2", "6", "3", "4", "5"]);
}

#[actix_rt::test]
async fn a_guest_does_not_wait_behind_the_pictures_of_others() {
    let mut workers = TestWorkers::start(WorkersSettings { slots: 2, queue: 100, ..settings() });
    let _long = ["gate 1", "gate 2", "gate 3", "gate 4"].map(|text| workers.send(of(1, text)));
    workers.wait_for_slots(2, 2, 0).await;
    let started = [workers.next_started().await, workers.next_started().await];
    assert!(started.iter().all(|text| text.starts_with("gate")), "{started:?}");
    for _ in 0..3 {
        run(&workers.address, of(2, "quick")).await.unwrap();
        assert_eq!(workers.next_started().await, "quick");
    }
    assert_eq!(
        workers.figures().await,
        SlotFigures { slots: 2, busy: 2, guests: 0, queued: 2, abandoned: 0 }
    );
    workers.engine.gate.open();
}

#[actix_rt::test]
async fn there_is_one_guest_at_a_time_and_it_is_a_client_with_nothing_in_work() {
    let mut workers = TestWorkers::start(WorkersSettings { queue: 100, ..settings() });
    let _long = ["gate 1", "waiting 1"].map(|text| workers.send(of(1, text)));
    workers.wait_for_slots(1, 1, 0).await;
    assert_eq!(workers.next_started().await, "gate 1");
    let _job = workers.send(Run { caller: Caller::Service, ..of_job("job") });
    workers.wait_for_slots(1, 2, 0).await;
    let guests = ["heed guest", "second of the guest"].map(|text| workers.send(of(2, text)));
    workers.wait_for_slots(1, 3, 0).await;
    let next = workers.send(of(3, "next guest"));
    workers.wait_for_slots(1, 4, 0).await;
    assert_eq!(workers.figures().await.guests, 1, "saturation stays 1 of 1");
    assert_eq!(workers.next_started().await, "heed guest");
    for guest in guests {
        guest.abort();
    }
    next.await.unwrap().unwrap();
    assert_eq!(workers.next_started().await, "next guest");
    workers.wait_for_slots(1, 2, 0).await;
    workers.engine.gate.open();
}

#[actix_rt::test]
async fn a_picture_that_waits_too_long_for_a_slot_fails_and_leaves_nothing_behind() {
    let workers = TestWorkers::start(WorkersSettings { queue_wait: Duration::from_millis(30), ..settings() });
    let first = workers.send(picture("gate 1"));
    workers.wait_for_slots(1, 0, 0).await;
    let input: Arc<[u8]> = b"2".as_slice().into();
    let fault = workers.fault(request(Input::Bytes(input.clone()))).await;
    assert_eq!((fault.code, fault.cause.unwrap()), (Code::Overloaded, "no slot was free in time".into()));
    until(|| Arc::strong_count(&input) == 1).await;
    workers.wait_for_slots(1, 0, 0).await;
    workers.engine.gate.open();
    first.await.unwrap().unwrap();
}

#[actix_rt::test]
async fn canceling_a_queued_picture_releases_its_input_at_once() {
    let workers = TestWorkers::start(settings());
    let _first = workers.send(picture("gate 1"));
    workers.wait_for_slots(1, 0, 0).await;
    let input: Arc<[u8]> = b"2".as_slice().into();
    let second = workers.send(request(Input::Bytes(input.clone())));
    workers.wait_for_slots(1, 1, 0).await;
    second.abort();
    until(|| Arc::strong_count(&input) == 1).await;
    workers.wait_for_slots(1, 0, 0).await;
    workers.engine.gate.open();
}

#[actix_rt::test]
async fn dropping_a_request_stops_its_picture() {
    let mut workers = TestWorkers::start(settings());
    let sent = workers.send(picture("heed"));
    assert_eq!(workers.next_started().await, "heed");
    sent.abort();
    workers.wait_for_slots(0, 0, 0).await;
    assert_eq!(workers.outcomes(), [("text", "canceled")]);
}

#[actix_rt::test]
async fn canceling_a_token_stops_only_its_own_picture() {
    let mut workers = TestWorkers::start(settings());
    let run_request = picture("heed");
    let token = run_request.cancel.clone();
    let sent = workers.send(run_request);
    workers.next_started().await;
    token.cancel();
    assert!(sent.await.unwrap().is_err());
    run(&workers.address, picture("ok")).await.unwrap();
}

#[actix_rt::test]
async fn a_result_does_not_cancel_the_callers_other_pictures() {
    let workers = TestWorkers::start(settings());
    let first = picture("ok");
    let token = first.cancel.clone();
    run(&workers.address, first).await.unwrap();
    assert!(!token.is_cancelled());
}

#[actix_rt::test]
async fn the_figures_distinguish_busy_slots_from_dead_ones() {
    let mut workers = TestWorkers::start(WorkersSettings { slots: 2, ..settings() });
    assert_eq!(
        workers.figures().await,
        SlotFigures { slots: 2, busy: 0, guests: 0, queued: 0, abandoned: 0 }
    );
    let first = workers.send(picture("gate"));
    workers.next_started().await;
    assert_eq!(
        workers.figures().await,
        SlotFigures { slots: 2, busy: 1, guests: 0, queued: 0, abandoned: 0 }
    );
    workers.engine.gate.open();
    first.await.unwrap().unwrap();
}

fn of_job(text: &str) -> Run {
    Run { class: Class::Batch { start_by: Instant::now() + AGES }, ..picture(text) }
}

#[actix_rt::test]
async fn a_job_gets_one_slot_however_many_clients_wait() {
    let settings = WorkersSettings { slots: 2, queue: 100, ..settings() };
    let mut workers = TestWorkers::start(settings);
    let _held = [workers.send(picture("gate 1")), workers.send(picture("gate 2"))];
    workers.wait_for_slots(2, 0, 0).await;
    let _clients: Vec<_> = (0..20).map(|n| workers.send(picture(&format!("heed client {n}")))).collect();
    workers.wait_for_slots(2, 20, 0).await;
    let _job = [workers.send(of_job("heed job 1")), workers.send(of_job("heed job 2"))];
    workers.wait_for_slots(2, 22, 0).await;
    workers.engine.gate.open();
    let mut started = Vec::new();
    for _ in 0..4 {
        started.push(workers.next_started().await);
    }
    // The first two held the slots; the next two run until they are canceled, so no third can start.
    started.drain(..2);
    started.sort_unstable();
    assert_eq!(started, ["heed client 0", "heed job 1"]);
}

#[actix_rt::test]
async fn on_one_slot_jobs_and_clients_take_turns() {
    let mut workers = TestWorkers::start(WorkersSettings { queue: 100, ..settings() });
    let _held = workers.send(picture("gate"));
    workers.wait_for_slots(1, 0, 0).await;
    let _all = ["c1", "c2", "c3"].map(|text| workers.send(picture(text)));
    let _jobs = ["j1", "j2", "j3"].map(|text| workers.send(of_job(text)));
    workers.wait_for_slots(1, 6, 0).await;
    workers.engine.gate.open();
    let mut order = Vec::new();
    for _ in 0..7 {
        order.push(workers.next_started().await);
    }
    assert_eq!(order, ["gate", "j1", "c1", "j2", "c2", "j3", "c3"]);
}

#[actix_rt::test]
async fn a_job_does_not_count_in_the_clients_queue() {
    let workers = TestWorkers::start(settings());
    let _held = workers.send(picture("gate"));
    workers.wait_for_slots(1, 0, 0).await;
    let _jobs = [1, 2, 3, 4].map(|n| workers.send(of_job(&format!("job {n}"))));
    workers.wait_for_slots(1, 4, 0).await;
    let _clients = ["c1", "c2"].map(|text| workers.send(picture(text)));
    workers.wait_for_slots(1, 6, 0).await;
    workers.engine.gate.open();
}
