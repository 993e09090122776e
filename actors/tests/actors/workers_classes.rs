//! Workers: how clients and jobs share the slots.

use crate::support::test_workers::{TestWorkers, settings};
use crate::support::{AGES, on_actix, picture};
use huemill_actors::workers::{Class, Run, WorkersSettings};
use tokio::time::Instant;

fn of_job(text: &str) -> Run {
    Run { class: Class::Batch { start_by: Instant::now() + AGES }, ..picture(text) }
}

#[test]
fn a_job_gets_one_slot_however_many_clients_wait() {
    on_actix(async {
        let settings = WorkersSettings { slots: 2, queue: 100, ..settings() };
        let mut workers = TestWorkers::start(settings);
        let _held = [workers.send(picture("gate 1")), workers.send(picture("gate 2"))];
        workers.wait_for_slots(2, 0, 0).await;
        let _clients: Vec<_> = (0..20).map(|n| workers.send(picture(&format!("client {n}")))).collect();
        workers.wait_for_slots(2, 20, 0).await;
        let _job = [workers.send(of_job("job 1")), workers.send(of_job("job 2"))];
        workers.wait_for_slots(2, 22, 0).await;
        workers.engine.gate.open();
        let mut order = Vec::new();
        for _ in 0..24 {
            order.push(workers.next_started().await);
        }
        let first = order.iter().position(|text| text == "job 1").unwrap();
        assert!(first <= 3, "the job's first picture came as number {first}: {order:?}");
    });
}

#[test]
fn on_one_slot_jobs_and_clients_take_turns() {
    on_actix(async {
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
    });
}

#[test]
fn a_job_does_not_count_in_the_clients_queue() {
    on_actix(async {
        let workers = TestWorkers::start(settings());
        let _held = workers.send(picture("gate"));
        workers.wait_for_slots(1, 0, 0).await;
        let _jobs = [1, 2, 3, 4].map(|n| workers.send(of_job(&format!("job {n}"))));
        workers.wait_for_slots(1, 4, 0).await;
        let _clients = ["c1", "c2"].map(|text| workers.send(picture(text)));
        workers.wait_for_slots(1, 6, 0).await;
        workers.engine.gate.open();
    });
}
