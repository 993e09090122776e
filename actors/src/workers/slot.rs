//! A slot: the right to work on one picture at a time, and the named thread that does it. The thread is reused
//! from attempt to attempt and replaced only when an attempt on it is abandoned; it ends when its slot lets go
//! of it, after the attempt it is at. Nothing but the end of the process can stop it before.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc as job_options;
use std::thread;

use actix::SpawnHandle;
use tokio::sync::{mpsc, oneshot};

use super::attempt::{Attempt, SlotThread, Tools};
use super::attempt_state::{AttemptPhase, AttemptState};

/// What a thread is told to do.
enum SlotCommand {
    Attempt(Attempt),
    Ping(oneshot::Sender<()>),
}

/// What a thread tells its actor; `life` is the thread's own number.
#[derive(Debug, Clone, Copy)]
pub(super) enum SlotReport {
    /// It is done with its attempt.
    Free { life: u64 },
    /// It has ended.
    Gone { life: u64 },
}

/// Threads that were given up and still run; survives the actor.
#[derive(Debug, Clone, Default)]
pub(super) struct AbandonedCount(Arc<AtomicUsize>);

impl AbandonedCount {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

/// The attempt that a slot is at.
pub(super) struct Work {
    pub(super) state: Arc<AttemptState>,
    /// Whether it is a job's.
    pub(super) batch: bool,
    /// The timer that gives it up.
    pub(super) overdue: SpawnHandle,
}

/// A slot and the way to its thread.
pub(super) struct Slot {
    pub(super) life: u64,
    pub(super) work: Option<Work>,
    job_options: job_options::Sender<SlotCommand>,
    abandoned: Arc<AtomicBool>,
    tally: AbandonedCount,
}

impl Slot {
    /// Starts the thread of slot number `index`.
    pub(super) fn start(
        index: usize,
        life: u64,
        tools: Tools,
        notes: mpsc::UnboundedSender<SlotReport>,
        tally: &AbandonedCount,
    ) -> io::Result<Self> {
        let (job_options, taken) = job_options::channel();
        let abandoned = Arc::new(AtomicBool::new(false));
        let exit = Exit { life, notes, abandoned: Arc::clone(&abandoned), tally: tally.clone() };
        thread::Builder::new()
            .name(format!("slot-{index}"))
            .spawn(move || work_off(&taken, SlotThread::new(index, tools), &exit))?;
        Ok(Self { life, work: None, job_options, abandoned, tally: tally.clone() })
    }

    /// Gives an attempt to the thread; gives it back where the thread has ended.
    pub(super) fn begin(&self, attempt: Attempt) -> Result<(), Attempt> {
        attempt.state.enter(AttemptPhase::Preparing);
        self.job_options.send(SlotCommand::Attempt(attempt)).map_err(|refused| match refused.0 {
            SlotCommand::Attempt(attempt) => attempt,
            SlotCommand::Ping(_) => unreachable!("an attempt was sent"),
        })
    }

    /// Asks an idle thread for a sign of life.
    pub(super) fn ping(&self) -> oneshot::Receiver<()> {
        let (answer, sign) = oneshot::channel();
        // A thread that has ended drops the sender, and that is an answer too.
        let _ = self.job_options.send(SlotCommand::Ping(answer));
        sign
    }
}

impl Drop for Slot {
    /// Lets go of the thread. One that is at an attempt goes on with it, answers, and counts as abandoned until
    /// it ends.
    fn drop(&mut self) {
        if self.work.is_some() {
            self.abandoned.store(true, Ordering::Release);
            self.tally.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Told on the way out of a thread, however it ends.
struct Exit {
    life: u64,
    notes: mpsc::UnboundedSender<SlotReport>,
    abandoned: Arc<AtomicBool>,
    tally: AbandonedCount,
}

impl Drop for Exit {
    fn drop(&mut self) {
        if self.abandoned.load(Ordering::Acquire) {
            self.tally.0.fetch_sub(1, Ordering::AcqRel);
        }
        // The actor may have restarted since; it counts anew then.
        let _ = self.notes.send(SlotReport::Gone { life: self.life });
    }
}

/// A thread's life.
fn work_off(job_options: &job_options::Receiver<SlotCommand>, mut bench: SlotThread, exit: &Exit) {
    for order in job_options {
        match order {
            SlotCommand::Attempt(attempt) => {
                let answer = bench.perform(&attempt);
                let _ = exit.notes.send(SlotReport::Free { life: exit.life });
                // The input goes before the answer, so that whoever is answered finds nothing of it left.
                let Attempt { input, reply, .. } = attempt;
                drop(input);
                let _ = reply.send(answer);
            }
            SlotCommand::Ping(answer) => {
                let _ = answer.send(());
            }
        }
    }
}
