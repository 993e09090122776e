//! The card of a job's picture in the blob store: stores it, and removes it again where no row will ever name it. Used by
//! an attempt. What cannot be removed stays until its job's blobs go.
//!
//! A job may be canceled or deleted at any moment while a card is being written. Whoever comes last removes it: the
//! write, if it ends after the attempt was stopped, or else the attempt.

use std::sync::Arc;

use huemill_store::blobs::card_key;
use huemill_store::job::{Card, ItemState, JobState};
use huemill_store::store::{Claim, Lease};

use super::Tools;
use super::judgement::Failure;
use crate::fault::Fault;
use crate::orders;
use crate::workers::Cancel;

/// Stores the card of this attempt.
pub(super) async fn store(
    tools: &Arc<Tools>,
    claim: &Claim,
    cancel: &Cancel,
    card: huemill_imaging::Card,
) -> Result<Card, Failure> {
    let Lease { job, number, .. } = &claim.lease;
    let stored = Card {
        key: card_key(job, *number, card.format.extension()),
        media_type: card.format.media_type().to_owned(),
        length: card.bytes.len() as u64,
        crc32: crc32fast::hash(&card.bytes),
    };
    let (on_io, claim, cancel) = (Arc::clone(tools), claim.clone(), cancel.clone());
    let key = stored.key.clone();
    // Goes on when the attempt is stopped and this future dropped.
    let put = async move {
        let put = on_io.records.blobs.put(&key, card.bytes.into()).await;
        if cancel.is_cancelled() {
            remove_unneeded(&on_io, &claim).await;
        }
        Ok(put)
    };
    let put = tools.records.on_io(put).await?;
    put.map_err(|error| Failure::Blob { doing: "storing the card", error })?;
    Ok(stored)
}

/// Removes what this attempt stored, if its job was deleted or canceled before it was settled.
pub(super) async fn remove_unneeded(tools: &Tools, claim: &Claim) {
    // The walk for orphans finds what is left of a deleted job.
    let _ = try_to_remove(tools, claim).await;
}

async fn try_to_remove(tools: &Tools, claim: &Claim) -> Result<(), Fault> {
    let Lease { job, number, .. } = claim.lease.clone();
    let (store, blobs) = (&tools.records.store, tools.records.blobs.clone());
    match store.job(&job).await?.map(|job| job.state) {
        None | Some(JobState::Expired) => {
            tools.records.on_io(async move { Ok(blobs.remove_job(&job, true).await?) }).await?;
        }
        Some(JobState::Canceled) => {
            let items = store.items(&job, number, 1).await?;
            // One that was settled before keeps its card.
            if items.first().is_some_and(|item| item.state == ItemState::Canceled) {
                let key = card_key(&job, number, orders::read(&claim.options)?.card.extension());
                tools.records.on_io(async move { Ok(blobs.remove(&key).await?) }).await?;
            }
        }
        Some(_) => {}
    }
    Ok(())
}
