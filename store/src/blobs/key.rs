//! The keys of blobs.

use crate::job::JobId;

/// The key of a job's input `number`: the ZIP, or one of its pictures.
#[must_use]
pub fn input_key(job: &JobId, number: u32) -> String {
    format!("jobs/{job}/in/{number}")
}

/// The key of the card of a job's picture `number`.
#[must_use]
pub fn card_key(job: &JobId, number: u32, extension: &str) -> String {
    format!("jobs/{job}/out/{number}.{extension}")
}
