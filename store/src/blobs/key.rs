//! The keys of blobs: `{xx}/jobs/{job id}/in/{n}` and `{xx}/jobs/{job id}/out/{n}.{extension}`.
//!
//! `xx` is the job's shard: the last two hex digits of its id, which are random. A bucket spreads its load by how keys
//! begin, and no directory of a folder gets too long to be listed. Before there were shards, keys began with `jobs/`;
//! blobs of that layout are read by their keys, listed and removed as the others are.

use crate::job::JobId;

/// The directory of all jobs of a shard, and of all jobs of the layout without shards.
const JOBS: &str = "jobs";
/// The directory of the blobs that only prove that blobs can be written.
pub(super) const PROBES: &str = "probes";

/// The key of a job's input `number`: the ZIP, or one of its pictures.
#[must_use]
pub fn input_key(job: &JobId, number: u32) -> String {
    format!("{}/{JOBS}/{job}/in/{number}", shard_of(job))
}

/// The key of the card of a job's picture `number`.
#[must_use]
pub fn card_key(job: &JobId, number: u32, extension: &str) -> String {
    format!("{}/{JOBS}/{job}/out/{number}.{extension}", shard_of(job))
}

fn shard_of(job: &JobId) -> &str {
    let id = job.as_str();
    &id[id.len() - 2..]
}

/// The directory of a shard's jobs; without a shard, that of the layout before.
pub(super) fn jobs(shard: Option<u8>) -> String {
    shard.map_or_else(|| JOBS.to_owned(), |shard| format!("{shard:02x}/{JOBS}"))
}

/// The prefixes of a job's blobs, all of them or its inputs alone: in this layout and in the one before.
pub(super) fn prefixes(job: &JobId, everything: bool) -> [String; 2] {
    let below = if everything { "" } else { "/in" };
    [format!("{}/{JOBS}/{job}{below}", shard_of(job)), format!("{JOBS}/{job}{below}")]
}

/// Whether a directory at the top holds blobs of jobs.
pub(super) fn holds_jobs(name: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name == JOBS || (name.len() == 2 && name.bytes().all(is_hex))
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_begin_with_the_shard_of_their_job() {
        let job = JobId::parse("job_0123456789ab00000000000000000000000000000abc").unwrap();
        assert_eq!(input_key(&job, 7), format!("bc/jobs/{job}/in/7"));
        assert_eq!(card_key(&job, 49, "png"), format!("bc/jobs/{job}/out/49.png"));
        assert_eq!(prefixes(&job, true), [format!("bc/jobs/{job}"), format!("jobs/{job}")]);
        assert_eq!(prefixes(&job, false), [format!("bc/jobs/{job}/in"), format!("jobs/{job}/in")]);
        assert_eq!((jobs(Some(0x0b)).as_str(), jobs(None).as_str()), ("0b/jobs", "jobs"));
    }

    #[test]
    fn directories_of_jobs_are_told_from_others() {
        assert!(["jobs", "00", "bc"].into_iter().all(holds_jobs));
        assert!(!["probes", "staging", "", "0", "BC", "0g", "000", ".."].into_iter().any(holds_jobs));
    }

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
