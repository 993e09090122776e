//! The leases that this process holds, each with the token that stops its picture. Shared by the actor, who takes
//! and lets go, and the pulse, who prolongs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use huemill_store::job::JobId;
use huemill_store::store::Lease;
use tokio::sync::Notify;

use crate::workers::Cancel;

/// See the module. Clones share.
#[derive(Debug, Clone, Default)]
pub(super) struct Held(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    leases: Mutex<HashMap<Lease, Cancel>>,
    let_go: Notify,
    downloads: AtomicUsize,
}

/// A picture on its way here: it needs no slot yet.
#[derive(Debug)]
pub(super) struct Download(Held);

impl Drop for Download {
    fn drop(&mut self) {
        self.0.0.downloads.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, HashMap<Lease, Cancel>> {
        self.0.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
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
