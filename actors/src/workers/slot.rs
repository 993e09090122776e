//! A slot: the right to process one picture at a time, and the named thread that does it.
//!
//! The thread is reused from attempt to attempt and replaced only when an attempt on it is abandoned. It ends when
//! its slot is dropped, after its current attempt. Only the end of the process can stop it earlier.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread;

use actix::SpawnHandle;
use huemill_store::Caller;
use tokio::sync::{mpsc, oneshot};

use super::attempt_state::{AttemptPhase, AttemptState};
use super::slot_attempt::{SlotAttempt, SlotResources, SlotThread};

/// What a thread is asked to do.
enum SlotCommand {
    Process(Box<SlotAttempt>),
    Ping(oneshot::Sender<()>),
}

/// What a thread reports to its actor, with the thread's own number.
#[derive(Debug, Clone, Copy)]
pub(super) enum SlotReport {
    /// It has finished its attempt.
    Free { thread: u64 },
    /// It has ended.
    Gone { thread: u64 },
}

/// Number of abandoned threads that still run; outlives the actor.
#[derive(Debug, Clone, Default)]
pub(super) struct AbandonedCount(Arc<AtomicUsize>);

impl AbandonedCount {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// The attempt that a slot processes.
pub(super) struct CurrentWork {
    pub(super) state: Arc<AttemptState>,
    /// Whose it is.
    pub(super) caller: Caller,
    /// Whether it belongs to a job.
    pub(super) batch: bool,
    /// The timer that abandons it.
    pub(super) overdue: SpawnHandle,
}

/// A slot and the channel to its thread.
pub(super) struct Slot {
    /// The number of its thread.
    pub(super) thread: u64,
    pub(super) work: Option<CurrentWork>,
    commands: std_mpsc::Sender<SlotCommand>,
    abandoned: Arc<AtomicBool>,
    abandoned_count: AbandonedCount,
}

impl Slot {
    /// Starts the thread of slot number `index`.
    pub(super) fn start(
        index: usize,
        thread: u64,
        resources: SlotResources,
        reports: mpsc::UnboundedSender<SlotReport>,
        abandoned_count: &AbandonedCount,
    ) -> io::Result<Self> {
        let (commands, receiver) = std_mpsc::channel();
        let abandoned = Arc::new(AtomicBool::new(false));
        let guard = ThreadGuard {
            thread,
            reports,
            abandoned: Arc::clone(&abandoned),
            abandoned_count: abandoned_count.clone(),
        };
        thread::Builder::new()
            .name(format!("slot-{index}"))
            .spawn(move || run_thread(&receiver, SlotThread::new(index, resources), &guard))?;
        Ok(Self { thread, work: None, commands, abandoned, abandoned_count: abandoned_count.clone() })
    }

    /// Sends an attempt to the thread; returns it if the thread has ended.
    pub(super) fn begin(&self, attempt: Box<SlotAttempt>) -> Result<(), Box<SlotAttempt>> {
        attempt.state.enter(AttemptPhase::Preparing);
        self.commands.send(SlotCommand::Process(attempt)).map_err(|refused| match refused.0 {
            SlotCommand::Process(attempt) => attempt,
            SlotCommand::Ping(_) => unreachable!("an attempt was sent"),
        })
    }

    /// Pings an idle thread.
    pub(super) fn ping(&self) -> oneshot::Receiver<()> {
        let (reply, answer) = oneshot::channel();
        // A thread that has ended drops the sender, and that is an answer too.
        let _ = self.commands.send(SlotCommand::Ping(reply));
        answer
    }
}

impl Drop for Slot {
    /// Releases the thread. If it processes an attempt, it finishes and answers it, and counts as abandoned until
    /// it ends.
    fn drop(&mut self) {
        if self.work.is_some() {
            self.abandoned.store(true, Ordering::Release);
            self.abandoned_count.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Reports the end of a thread, however it ends.
struct ThreadGuard {
    thread: u64,
    reports: mpsc::UnboundedSender<SlotReport>,
    abandoned: Arc<AtomicBool>,
    abandoned_count: AbandonedCount,
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        if self.abandoned.load(Ordering::Acquire) {
            self.abandoned_count.0.fetch_sub(1, Ordering::AcqRel);
        }
        // If the actor has restarted since, no one receives this, and the actor has new slots.
        let _ = self.reports.send(SlotReport::Gone { thread: self.thread });
    }
}

/// What a thread runs from its start to its end.
fn run_thread(commands: &std_mpsc::Receiver<SlotCommand>, mut thread: SlotThread, guard: &ThreadGuard) {
    for command in commands {
        match command {
            SlotCommand::Process(attempt) => {
                let result = thread.perform(&attempt);
                let _ = guard.reports.send(SlotReport::Free { thread: guard.thread });
                // The input is dropped before the answer, so that the caller finds all of it released.
                let SlotAttempt { input, reply, .. } = *attempt;
                drop(input);
                let _ = reply.send(result);
            }
            SlotCommand::Ping(reply) => {
                let _ = reply.send(());
            }
        }
    }
}
