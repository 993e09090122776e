//! The card of a job's picture in the blob store: stores it, and removes it again if no row will ever name it. An
//! attempt calls it. A card that cannot be removed stays until the blobs of its job are removed.
//!
//! A job may be canceled or deleted at any moment while a card is being written. Whichever comes last removes it: the
//! write, if it ends after the attempt was stopped, or else the attempt.

use std::sync::Arc;

use huemill_store::blobs::card_key;
use huemill_store::job::{Card, ItemState, JobState};
use huemill_store::store::{Claim, Lease};
use tokio_util::sync::CancellationToken;

use super::dependencies::DispatcherDependencies;
use super::item_failure::ItemFailure;
use crate::fault::Fault;
use crate::job_options;

/// Stores the card of this attempt.
pub(super) async fn store(
    dependencies: &Arc<DispatcherDependencies>,
    claim: &Claim,
    cancel: &CancellationToken,
    card: huemill_imaging::Card,
) -> Result<Card, ItemFailure> {
    let Lease { job, number, .. } = &claim.lease;
    let stored = Card {
        key: card_key(job, *number, card.format.extension()),
        media_type: card.format.media_type().to_owned(),
        length: card.bytes.len() as u64,
        crc32: crc32fast::hash(&card.bytes),
    };
    let (on_io, claim, cancel) = (Arc::clone(dependencies), claim.clone(), cancel.clone());
    let key = stored.key.clone();
    // Continues even if the attempt is stopped and this future is dropped.
    let put = async move {
        let put = on_io.repository.blobs.put(&key, card.bytes.into()).await;
        if cancel.is_cancelled() {
            remove_unneeded(&on_io, &claim).await;
        }
        Ok(put)
    };
    let put = dependencies.repository.on_io(put).await?;
    put.map_err(|error| ItemFailure::Blob { doing: "storing the card", error })?;
    Ok(stored)
}

/// Removes the card of this attempt if its job was deleted or canceled before the picture was settled.
pub(super) async fn remove_unneeded(dependencies: &DispatcherDependencies, claim: &Claim) {
    // If this fails, the scan for orphans finds what is left of a deleted job.
    let _ = try_to_remove(dependencies, claim).await;
}

async fn try_to_remove(dependencies: &DispatcherDependencies, claim: &Claim) -> Result<(), Fault> {
    let Lease { job, number, .. } = claim.lease.clone();
    let (store, blobs) = (&dependencies.repository.store, dependencies.repository.blobs.clone());
    match store.job(&job).await?.map(|job| job.state) {
        None | Some(JobState::Expired) => {
            dependencies.repository.on_io(async move { Ok(blobs.remove_job(&job, true).await?) }).await?;
        }
        Some(JobState::Canceled) => {
            let items = store.items(&job, number, 1).await?;
            // A picture that was settled before that keeps its card.
            if items.first().is_some_and(|item| item.state == ItemState::Canceled) {
                let key = card_key(&job, number, job_options::read(&claim.options)?.card.extension());
                dependencies.repository.on_io(async move { Ok(blobs.remove(&key).await?) }).await?;
            }
        }
        Some(_) => {}
    }
    Ok(())
}
