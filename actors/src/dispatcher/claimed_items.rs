//! The items that this process has claimed, each with the token that stops its picture, and the numbers of its
//! claims. The actor inserts and releases items; the heartbeat compares them with the store.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use huemill_observability::log;
use huemill_store::Caller;
use huemill_store::job::JobId;
use huemill_store::store::{Lease, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Instant;

/// How long a drain that is over waits for the answer to a claim. The store answers in milliseconds unless it is away.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// The claimed items. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct ClaimedItems(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    leases: Mutex<HashMap<Lease, CancellationToken>>,
    /// Notified when an item is released or a claim is answered.
    changed: Notify,
    downloads: Mutex<HashMap<Caller, u32>>,
    /// The number of the last claim that was sent.
    sent: AtomicU64,
    /// The number of the last claim that was answered, or whose answer is lost.
    answered: AtomicU64,
}

/// Counts a picture as downloading until it is dropped; such a picture needs no slot yet.
#[derive(Debug)]
pub(super) struct DownloadGuard(ClaimedItems, Caller);

impl Drop for DownloadGuard {
    fn drop(&mut self) {
        let mut downloads = self.0.lock_downloads();
        if let Entry::Occupied(mut held) = downloads.entry(self.1) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

impl ClaimedItems {
    fn lock(&self) -> MutexGuard<'_, HashMap<Lease, CancellationToken>> {
        self.0.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_downloads(&self) -> MutexGuard<'_, HashMap<Caller, u32>> {
        self.0.downloads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// A number for the next claim.
    pub(super) fn next_claim(&self) -> u64 {
        self.0.sent.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Marks the claims up to this one as answered, after their items were inserted; or their answers as lost.
    pub(super) fn answered_up_to(&self, claim: u64) {
        self.0.answered.fetch_max(claim, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }

    /// The number of the last claim that was sent.
    pub(super) fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Acquire)
    }

    /// The number of the last claim that was answered. Read it before [`ClaimedItems::leases`]: then the items of
    /// that claim are included, unless they were released.
    pub(super) fn answered(&self) -> u64 {
        self.0.answered.load(Ordering::Acquire)
    }

    /// Counts one of the pictures as downloading.
    pub(super) fn start_download(&self, caller: Caller) -> DownloadGuard {
        *self.lock_downloads().entry(caller).or_default() += 1;
        DownloadGuard(self.clone(), caller)
    }

    /// Number of pictures that are downloading.
    pub(super) fn downloads(&self) -> usize {
        self.lock_downloads().values().map(|held| *held as usize).sum()
    }

    /// The same by caller.
    pub(super) fn downloads_by_caller(&self) -> Vec<(Caller, u32)> {
        self.lock_downloads().iter().map(|(caller, held)| (*caller, *held)).collect()
    }

    /// Adds a lease and returns the token that stops its picture.
    pub(super) fn insert(&self, lease: &Lease) -> CancellationToken {
        let cancel = CancellationToken::new();
        self.lock().insert(lease.clone(), cancel.clone());
        cancel
    }

    pub(super) fn release(&self, lease: &Lease) {
        self.lock().remove(lease);
        self.0.changed.notify_waiters();
    }

    /// Removes all leases and stops their pictures.
    pub(super) fn take_all(&self) -> Vec<Lease> {
        let leases = std::mem::take(&mut *self.lock());
        self.0.changed.notify_waiters();
        leases
            .into_iter()
            .map(|(lease, cancel)| {
                cancel.cancel();
                lease
            })
            .collect()
    }

    pub(super) fn leases(&self) -> Vec<Lease> {
        self.lock().keys().cloned().collect()
    }

    /// Stops the pictures of a job.
    pub(super) fn cancel(&self, job: &JobId) {
        self.lock().iter().filter(|(lease, _)| lease.job == *job).for_each(|(_, cancel)| cancel.cancel());
    }

    /// Stops a picture whose lease was lost. Returns whether it was still running.
    pub(super) fn cancel_lost(&self, lease: &Lease) -> bool {
        let cancel = self.lock().get(lease).cloned().filter(|cancel| !cancel.is_cancelled());
        cancel.inspect(CancellationToken::cancel).is_some()
    }

    /// Resolves when the condition holds; it is asked again at each release and each answer.
    async fn wait_until(&self, condition: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            if condition(self) {
                return;
            }
            changed.await;
        }
    }

    fn has_claim_in_flight(&self) -> bool {
        self.answered() < self.sent()
    }

    /// Waits until no item is held and no claim is in flight, at most until the deadline. A claim in flight is
    /// waited for beyond the deadline, because nobody would give back the items that it brings.
    async fn wait_until_drained(&self, until: Instant) {
        let is_drained = |items: &Self| items.len() == 0 && !items.has_claim_in_flight();
        let _ = tokio::time::timeout_at(until, self.wait_until(is_drained)).await;
        let answered = self.wait_until(|items| !items.has_claim_in_flight());
        let _ = tokio::time::timeout(ANSWER_WAIT, answered).await;
    }

    /// Waits until no item is held, at most until the deadline, and gives back the rest.
    pub(super) async fn drain(&self, store: &dyn Store, until: Instant) {
        self.wait_until_drained(until).await;
        let leases = self.take_all();
        if !leases.is_empty() {
            let given_back = store.give_back(&leases).await;
            log!(PICTURES_GIVEN_BACK, pictures = leases.len(), ok = given_back.is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huemill_store::store::{Lease, Owner};

    use super::{ClaimedItems, JobId};
    use crate::clock::Instant;

    #[tokio::test]
    async fn a_drain_waits_for_the_answer_to_a_claim_in_flight() {
        let items = ClaimedItems::default();
        let claim = items.next_claim();
        let drained = tokio::spawn({
            let items = items.clone();
            async move {
                items.wait_until_drained(Instant::now()).await;
                items.take_all()
            }
        });
        // The drain runs up to its wait for the answer.
        tokio::task::yield_now().await;
        let job = JobId::generate(Duration::ZERO, &mut rand::rng());
        let lease = Lease { job, number: 0, attempt: 1, owner: Owner("here".to_owned()) };
        items.insert(&lease);
        items.answered_up_to(claim);
        assert_eq!(drained.await.unwrap(), [lease]);
    }
}
