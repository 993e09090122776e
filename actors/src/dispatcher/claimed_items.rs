//! The items that this process has claimed, each with the token that stops its picture, and how far its claims have
//! come. Shared by the actor, which takes and lets go, and the heartbeat, which compares them with the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use huemill_store::job::JobId;
use huemill_store::store::Lease;
use tokio::sync::Notify;

use crate::workers::Cancel;

/// See the module. Clones share.
#[derive(Debug, Clone, Default)]
pub(super) struct ClaimedItems(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    leases: Mutex<HashMap<Lease, Cancel>>,
    let_go: Notify,
    downloads: AtomicUsize,
    /// The number of the last claim that was sent, and of the last that was answered or never will be.
    sent: AtomicU64,
    answered: AtomicU64,
}

/// A picture on its way here: it needs no slot yet.
#[derive(Debug)]
pub(super) struct Download(ClaimedItems);

impl Drop for Download {
    fn drop(&mut self) {
        self.0.0.downloads.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ClaimedItems {
    fn lock(&self) -> MutexGuard<'_, HashMap<Lease, Cancel>> {
        self.0.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The number of a claim that is about to be sent.
    pub(super) fn next_claim(&self) -> u64 {
        self.0.sent.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The claims up to this one are answered, and what they gave is held; or their answers are lost.
    pub(super) fn answered_up_to(&self, claim: u64) {
        self.0.answered.fetch_max(claim, Ordering::AcqRel);
    }

    /// The number of the last claim that was sent.
    pub(super) fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Acquire)
    }

    /// The number of the last claim that was answered. Read before [`ClaimedItems::all`]: what such a claim gave is in
    /// there, or has been let go.
    pub(super) fn answered(&self) -> u64 {
        self.0.answered.load(Ordering::Acquire)
    }

    /// One of the pictures begins with a download.
    pub(super) fn download(&self) -> Download {
        self.0.downloads.fetch_add(1, Ordering::Relaxed);
        Download(self.clone())
    }

    /// Pictures that are on their way here.
    pub(super) fn downloads(&self) -> usize {
        self.0.downloads.load(Ordering::Relaxed)
    }

    /// The token of a new lease.
    pub(super) fn hold(&self, lease: &Lease) -> Cancel {
        let cancel = Cancel::new();
        self.lock().insert(lease.clone(), cancel.clone());
        cancel
    }

    pub(super) fn let_go(&self, lease: &Lease) {
        self.lock().remove(lease);
        self.0.let_go.notify_waiters();
    }

    /// All leases, let go and their pictures stopped.
    pub(super) fn take_all(&self) -> Vec<Lease> {
        let leases = std::mem::take(&mut *self.lock());
        self.0.let_go.notify_waiters();
        leases
            .into_iter()
            .map(|(lease, cancel)| {
                cancel.cancel();
                lease
            })
            .collect()
    }

    pub(super) fn all(&self) -> Vec<Lease> {
        self.lock().keys().cloned().collect()
    }

    /// Stops the pictures of a job.
    pub(super) fn cancel(&self, job: &JobId) {
        self.lock().iter().filter(|(lease, _)| lease.job == *job).for_each(|(_, cancel)| cancel.cancel());
    }

    /// Stops a picture whose lease is another's by now; whether it was still at work.
    pub(super) fn lost(&self, lease: &Lease) -> bool {
        let cancel = self.lock().get(lease).cloned().filter(|cancel| !cancel.is_cancelled());
        cancel.inspect(Cancel::cancel).is_some()
    }

    /// Resolves when none is held.
    pub(super) async fn emptied(&self) {
        loop {
            let let_go = self.0.let_go.notified();
            if self.len() == 0 {
                return;
            }
            let_go.await;
        }
    }
}
