//! The keys of blobs: `{xx}/jobs/{job id}/in/{n}` and `{xx}/jobs/{job id}/out/{n}.{extension}`.
//!
//! `xx` is the job's shard: the last two hex digits of its id, which are random. Shards keep directories short enough
//! to list, and let a bucket spread its load, which it does by the beginning of keys. In the old layout, without
//! shards, keys began with `jobs/`. Such blobs are still read, listed and removed.

use crate::job::JobId;

/// The directory of all jobs in a shard, and of all jobs in the old layout.
const JOBS: &str = "jobs";
/// The directory of temporary blobs that prove that writing works.
pub(super) const PROBES: &str = "probes";

/// The key of input `number` of a job: the ZIP, or one of its pictures.
#[must_use]
pub fn input_key(job: &JobId, number: u32) -> String {
    format!("{}/{JOBS}/{job}/in/{number}", shard_of(job))
}

/// The key of the card of picture `number` of a job.
#[must_use]
pub fn card_key(job: &JobId, number: u32, extension: &str) -> String {
    format!("{}/{JOBS}/{job}/out/{number}.{extension}", shard_of(job))
}

fn shard_of(job: &JobId) -> &str {
    let id = job.as_str();
    &id[id.len() - 2..]
}

/// The directory of a shard's jobs, or of the old layout if there is no shard.
pub(super) fn jobs(shard: Option<u8>) -> String {
    shard.map_or_else(|| JOBS.to_owned(), |shard| format!("{shard:02x}/{JOBS}"))
}

/// The prefixes of a job's blobs, all of them or only its inputs, in this layout and in the old one.
pub(super) fn prefixes(job: &JobId, everything: bool) -> [String; 2] {
    let below = if everything { "" } else { "/in" };
    [format!("{}/{JOBS}/{job}{below}", shard_of(job)), format!("{JOBS}/{job}{below}")]
}

/// Whether a top-level directory contains blobs of jobs.
pub(super) fn contains_jobs(name: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name == JOBS || (name.len() == 2 && name.bytes().all(is_hex))
}

/// The key of a temporary blob.
pub(super) fn probe_key(number: u64) -> String {
    format!("{PROBES}/{number:016x}")
}

/// Whether a key consists of plain words only, so that it is safe as a path and as the name of an object.
pub(super) fn is_plain(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    key.split('/').all(|word| !word.is_empty() && !word.starts_with('.') && word.bytes().all(plain))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_start_with_the_shard_of_their_job() {
        let job = JobId::parse("job_0123456789ab00000000000000000000000000000abc").unwrap();
        assert_eq!(input_key(&job, 7), format!("bc/jobs/{job}/in/7"));
        assert_eq!(card_key(&job, 49, "png"), format!("bc/jobs/{job}/out/49.png"));
        assert_eq!(prefixes(&job, true), [format!("bc/jobs/{job}"), format!("jobs/{job}")]);
        assert_eq!(prefixes(&job, false), [format!("bc/jobs/{job}/in"), format!("jobs/{job}/in")]);
        assert_eq!((jobs(Some(0x0b)).as_str(), jobs(None).as_str()), ("0b/jobs", "jobs"));
    }

    #[test]
    fn directories_of_jobs_are_distinguished_from_others() {
        assert!(["jobs", "00", "bc"].into_iter().all(contains_jobs));
        assert!(!["probes", "staging", "", "0", "BC", "0g", "000", ".."].into_iter().any(contains_jobs));
    }

    #[test]
    fn keys_that_leave_the_folder_are_not_plain() {
        let job = JobId::generate(std::time::Duration::ZERO, &mut rand::rng());
        assert!(is_plain(&input_key(&job, 0)) && is_plain(&card_key(&job, 49, "png")));
        for key in
            ["", "/etc/passwd", "jobs/../x", "jobs//x", "jobs/x/", "jobs/x#1", "jobs/a b", "jobs/\0", "."]
        {
            assert!(!is_plain(key), "{key:?}");
        }
    }
}
