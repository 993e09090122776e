//! The keys of blobs.

use crate::job::JobId;

/// The folder of all jobs.
pub(super) const JOBS: &str = "jobs";
/// The folder of the blobs that only prove that blobs can be written.
pub(super) const PROBES: &str = "probes";

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

/// The prefix of a job's blobs: all of them, or its inputs alone.
pub(super) fn prefix(job: &JobId, everything: bool) -> String {
    if everything { format!("{JOBS}/{job}") } else { format!("{JOBS}/{job}/in") }
}

/// The key of a blob that is written to be removed.
pub(super) fn probe_key(number: u64) -> String {
    format!("{PROBES}/{number:016x}")
}

/// Whether a key is made of plain words alone, so that it means the same as a path and as an object's name.
pub(super) fn is_plain(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    key.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_lead_elsewhere_are_not_plain() {
        let job = JobId::generate(std::time::Duration::ZERO, &mut rand::rng());
        assert!(is_plain(&input_key(&job, 0)) && is_plain(&card_key(&job, 49, "png")));
        for key in
            ["", "/etc/passwd", "jobs/../x", "jobs//x", "jobs/x/", "jobs/x#1", "jobs/a b", "jobs/\0", "."]
        {
            assert!(!is_plain(key), "{key:?}");
        }
    }
}
