//! Pins what actix itself does when an actor fails, which is why Huemill has its own supervision. If a test fails
//! here after an update of actix, that is probably good news; check whether supervision still needs to do it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Supervised};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Plain {
    starts: Arc<AtomicUsize>,
    stops_in_started: usize,
    log: Arc<Mutex<Vec<&'static str>>>,
}

struct Work;
struct Break;
struct Flood(usize);

impl Message for Work {
    type Result = ();
}

impl Message for Break {
    type Result = ();
}

impl Message for Flood {
    type Result = ();
}

impl Actor for Plain {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.starts.fetch_add(1, Ordering::SeqCst) < self.stops_in_started {
            ctx.stop();
        }
    }
}

impl Supervised for Plain {}

impl Handler<Work> for Plain {
    type Result = ();

    fn handle(&mut self, _: Work, _: &mut Self::Context) {
        self.log.lock().unwrap().push("work");
    }
}

impl Handler<Break> for Plain {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Self::Context) {
        panic!("broken")
    }
}

impl Handler<Flood> for Plain {
    type Result = ();

    fn handle(&mut self, Flood(left): Flood, ctx: &mut Self::Context) {
        if left == 1000 {
            ctx.run_later(Duration::ZERO, |plain, _| plain.log.lock().unwrap().push("timer"));
        }
        std::thread::sleep(Duration::from_micros(10));
        if left > 0 {
            ctx.address().do_send(Flood(left - 1));
        } else {
            self.log.lock().unwrap().push("last of the flood");
        }
    }
}

#[actix_rt::test]
async fn a_panic_under_the_actix_supervisor_kills_the_address_and_loses_the_queue() {
    let plain = actix::Supervisor::start(|_| Plain::default());
    let (broken, behind) = tokio::join!(plain.send(Break), plain.send(Work));
    assert!(broken.is_err() && behind.is_err());
    assert!(!plain.connected());
}

#[actix_rt::test]
async fn a_message_to_a_dead_actor_is_lost_silently() {
    let log = Arc::default();
    let plain = Plain { log: Arc::clone(&log), ..Plain::default() }.start();
    assert!(plain.send(Break).await.is_err());
    plain.do_send(Work);
    assert!(plain.send(Work).await.is_err());
    assert!(log.lock().unwrap().is_empty());
}

#[actix_rt::test]
async fn a_stop_in_started_spins_and_blocks_all_other_tasks() {
    let starts = Arc::new(AtomicUsize::new(0));
    let subject = Plain { starts: starts.clone(), stops_in_started: 1000, ..Plain::default() };
    let _address = actix::Supervisor::start(|_| subject);
    tokio::task::yield_now().await;
    assert_eq!(starts.load(Ordering::SeqCst), 1001);
}

#[actix_rt::test]
async fn the_bound_of_a_mailbox_is_per_clone_of_the_address() {
    let plain = Plain::default().start();
    let from_one_clone = (0..1000).take_while(|_| plain.try_send(Work).is_ok()).count();
    assert!(from_one_clone <= 17, "{from_one_clone}");
    assert!((0..1000).all(|_| plain.clone().try_send(Work).is_ok()));
}

#[actix_rt::test]
async fn a_send_to_a_full_mailbox_is_still_accepted() {
    let plain = Plain::default().start();
    while plain.try_send(Work).is_ok() {}
    let waiting: Vec<_> = (0..1000).map(|_| plain.send(Work)).collect();
    assert!(futures_util::future::join_all(waiting).await.iter().all(Result::is_ok));
}

#[actix_rt::test]
async fn a_flood_of_messages_starves_the_actors_own_timers() {
    let log = Arc::default();
    let plain = Plain { log: Arc::clone(&log), ..Plain::default() }.start();
    plain.do_send(Flood(1000));
    timeout(SOON, async {
        while log.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(*log.lock().unwrap(), ["last of the flood", "timer"]);
}

struct OnThread;

impl Actor for OnThread {
    type Context = actix::SyncContext<Self>;
}

impl Handler<Break> for OnThread {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Self::Context) {
        panic!("broken")
    }
}

impl Handler<Work> for OnThread {
    type Result = ();

    fn handle(&mut self, _: Work, _: &mut Self::Context) {}
}

#[actix_rt::test]
async fn a_sync_arbiter_never_replaces_a_thread_that_panicked() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = starts.clone();
    let threads = actix::SyncArbiter::start(1, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        OnThread
    });
    assert!(threads.send(Break).await.is_err());
    let next = timeout(Duration::from_millis(200), threads.clone().send(Work)).await;
    assert!(!matches!(next, Ok(Ok(()))), "no thread is left to handle it");
    assert_eq!(starts.load(Ordering::SeqCst), 1);
}
