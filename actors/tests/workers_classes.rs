//! Workers: clients and jobs share the slots.

#![allow(clippy::unwrap_used)]

mod support;

use huemill_actors::workers::{Class, Run, WorkersSettings};
use support::shop::{Shop, settings};
use support::{AGES, on_actix, picture};
use tokio::time::Instant;

fn of_job(text: &str) -> Run {
    Run { class: Class::Batch { start_by: Instant::now() + AGES }, ..picture(text) }
}

#[test]
fn a_job_has_one_slot_however_many_clients_wait() {
    on_actix(async {
        let settings = WorkersSettings { slots: 2, queue: 100, ..settings() };
        let mut shop = Shop::open(settings);
        let _held = [shop.send(picture("gate 1")), shop.send(picture("gate 2"))];
        shop.comes_to(2, 0, 0).await;
        let _clients: Vec<_> = (0..20).map(|n| shop.send(picture(&format!("client {n}")))).collect();
        shop.comes_to(2, 20, 0).await;
        let _job = [shop.send(of_job("job 1")), shop.send(of_job("job 2"))];
        shop.comes_to(2, 22, 0).await;
        shop.mine.gate.open();
        let mut order = Vec::new();
        for _ in 0..24 {
            order.push(shop.begun().await);
        }
        let first = order.iter().position(|text| text == "job 1").unwrap();
        assert!(first <= 3, "the job's first picture came as number {first}: {order:?}");
    });
}

#[test]
fn on_one_slot_jobs_and_clients_take_turns() {
    on_actix(async {
        let mut shop = Shop::open(WorkersSettings { queue: 100, ..settings() });
        let _held = shop.send(picture("gate"));
        shop.comes_to(1, 0, 0).await;
        let _all = ["c1", "c2", "c3"].map(|text| shop.send(picture(text)));
        let _jobs = ["j1", "j2", "j3"].map(|text| shop.send(of_job(text)));
        shop.comes_to(1, 6, 0).await;
        shop.mine.gate.open();
        let mut order = Vec::new();
        for _ in 0..7 {
            order.push(shop.begun().await);
        }
        assert_eq!(order, ["gate", "j1", "c1", "j2", "c2", "j3", "c3"]);
    });
}

#[test]
fn a_job_does_not_count_in_the_clients_queue() {
    on_actix(async {
        let shop = Shop::open(settings());
        let _held = shop.send(picture("gate"));
        shop.comes_to(1, 0, 0).await;
        let _jobs = [1, 2, 3, 4].map(|n| shop.send(of_job(&format!("job {n}"))));
        shop.comes_to(1, 4, 0).await;
        let _clients = ["c1", "c2"].map(|text| shop.send(picture(text)));
        shop.comes_to(1, 6, 0).await;
        shop.mine.gate.open();
    });
}
