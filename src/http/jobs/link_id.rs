//! The id of a link: a job's id, what the link gives, and when it expires, sealed with the service's link key. Whoever is
//! shown a link learns nothing of the job. Ids need no row in the store, and all processes that share one make the same.
//!
//! The construction is SIV (Rogaway and Shrimpton, "A Provable-Security Treatment of the Key-Wrap Problem", 2006) with
//! HMAC-SHA256 for both parts: the tag authenticates everything, and it is the nonce of the key stream. The same input
//! always gives the same id, which a job's body needs. Opening fails as [`BadLink`].

use hmac::{Hmac, Mac};
use huemill_store::job::{JOB_ID_BYTES, JobId};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Bytes of the time: seconds since 1970.
const TIME_BYTES: usize = 5;
/// The sealed bytes: the job's id and the time.
const SEALED_BYTES: usize = JOB_ID_BYTES + TIME_BYTES;
/// The tag has 144 bits. With the sealed bytes it fills whole characters, so that an id has one spelling.
const TAG_BYTES: usize = 18;
const BYTES: usize = TAG_BYTES + SEALED_BYTES;

/// What a link gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkedThing {
    /// All results of a job in one ZIP.
    Results,
    /// A job's changes as an event stream.
    Events,
    /// The card of the picture with this number.
    Card(u32),
}

impl LinkedThing {
    /// The thing in bytes. The length is always the same, so that no two inputs of the tag are.
    fn bytes(self) -> [u8; 5] {
        let (kind, number) = match self {
            Self::Results => (1, 0),
            Self::Events => (2, 0),
            Self::Card(number) => (3, number),
        };
        let [a, b, c, d] = u32::to_be_bytes(number);
        [kind, a, b, c, d]
    }
}

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadLink {
    /// The service made the link, but it has expired.
    Expired,
    /// The service did not make the link, or made it for something else.
    Forged,
}

/// Seals and opens ids.
#[derive(Clone)]
pub(super) struct LinkSealer {
    tag: Hmac<Sha256>,
    stream: Hmac<Sha256>,
}

impl LinkSealer {
    /// Derives the two keys from the service's link key. That key also signs links of the old form; the text of such a
    /// signature begins with a slash, so none is a key of these.
    pub(super) fn new(key: &SecretString) -> Self {
        let link_key = hmac(key.expose_secret().as_bytes());
        let derive = |purpose: &[u8]| hmac(&link_key.clone().chain_update(purpose).finalize().into_bytes());
        Self { tag: derive(b"huemill link tag"), stream: derive(b"huemill link stream") }
    }

    /// The id of a link that expires at this time (Unix seconds).
    pub(super) fn seal(&self, job: &JobId, thing: LinkedThing, expires: i64) -> String {
        let expires = expires.clamp(0, (1 << (8 * TIME_BYTES)) - 1);
        let mut sealed = [0; SEALED_BYTES];
        let (id, time) = sealed.split_at_mut(JOB_ID_BYTES);
        id.copy_from_slice(&job.to_bytes());
        time.copy_from_slice(&expires.to_be_bytes()[8 - TIME_BYTES..]);
        let tag = self.tag_of(thing, &sealed);
        self.apply_stream(tag, &mut sealed);
        let mut bytes = [0; BYTES];
        bytes[..TAG_BYTES].copy_from_slice(&tag);
        bytes[TAG_BYTES..].copy_from_slice(&sealed);
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    /// The job of a link to `thing`, and when the link expires.
    ///
    /// # Errors
    /// The id was not made for this thing, or has expired at the time `now`.
    pub(super) fn open(&self, id: &str, thing: LinkedThing, now: i64) -> Result<(JobId, i64), BadLink> {
        let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(id).map_err(|_| BadLink::Forged)?;
        let (tag, sealed) = bytes.split_first_chunk::<TAG_BYTES>().ok_or(BadLink::Forged)?;
        let mut sealed: [u8; SEALED_BYTES] = sealed.try_into().map_err(|_| BadLink::Forged)?;
        self.apply_stream(*tag, &mut sealed);
        if !bool::from(self.tag_of(thing, &sealed).ct_eq(tag)) {
            return Err(BadLink::Forged);
        }
        let (mut job, mut time) = ([0; JOB_ID_BYTES], [0; 8]);
        job.copy_from_slice(&sealed[..JOB_ID_BYTES]);
        time[8 - TIME_BYTES..].copy_from_slice(&sealed[JOB_ID_BYTES..]);
        let expires = i64::from_be_bytes(time);
        if expires <= now { Err(BadLink::Expired) } else { Ok((JobId::from_bytes(job), expires)) }
    }

    fn tag_of(&self, thing: LinkedThing, sealed: &[u8; SEALED_BYTES]) -> [u8; TAG_BYTES] {
        let whole = self.tag.clone().chain_update(thing.bytes()).chain_update(sealed).finalize().into_bytes();
        std::array::from_fn(|at| whole[at])
    }

    /// Encrypts or decrypts. One block of the stream is enough.
    fn apply_stream(&self, tag: [u8; TAG_BYTES], sealed: &mut [u8; SEALED_BYTES]) {
        let stream = self.stream.clone().chain_update(tag).finalize().into_bytes();
        for (byte, mask) in sealed.iter_mut().zip(stream) {
            *byte ^= mask;
        }
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC accepts keys of any length")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const THINGS: [LinkedThing; 4] =
        [LinkedThing::Results, LinkedThing::Events, LinkedThing::Card(0), LinkedThing::Card(7)];

    fn sealer(key: &str) -> LinkSealer {
        LinkSealer::new(&key.into())
    }

    fn job() -> JobId {
        JobId::parse("job_018c0000000000112233445566778899aabbccddeeff").unwrap()
    }

    #[test]
    fn an_id_matches_another_implementation() {
        // Computed with another program.
        for (thing, id) in [
            (LinkedThing::Results, "etwP_lKn0bPzFz5OKna8fN5Hn7ZSr_e1foEQlm66fzGut6napQA79f5wgymH"),
            (LinkedThing::Events, "vODJ0ZcAOvNyusRr81YGsAi4HSlXuxmdv4znCoeUeS_U-Omj32BUCwMut52M"),
            (LinkedThing::Card(7), "mBliQAYMZoeSlcXioYtDA4QRQwaTAfVxNLquDu8ypuff4Aj0PZL6qul-J9YE"),
        ] {
            assert_eq!(sealer("a key").seal(&job(), thing, 1_700_086_400), id);
        }
    }

    #[test]
    fn an_id_opens_what_it_was_made_for_until_it_expires() {
        let sealer = sealer("a key");
        for thing in THINGS {
            let id = sealer.seal(&job(), thing, 1_000);
            assert_eq!(sealer.open(&id, thing, 999), Ok((job(), 1_000)));
            assert_eq!(sealer.open(&id, thing, 1_000), Err(BadLink::Expired));
            for other in THINGS.into_iter().filter(|other| *other != thing) {
                assert_eq!(sealer.open(&id, other, 999), Err(BadLink::Forged), "{thing:?} as {other:?}");
            }
            assert_eq!(self::sealer("another key").open(&id, thing, 999), Err(BadLink::Forged));
        }
    }

    #[test]
    fn ids_of_one_job_have_nothing_in_common() {
        let sealer = sealer("a key");
        let id = |number| sealer.seal(&job(), LinkedThing::Card(number), 1_000);
        let (one, two) = (id(1), id(2));
        let equal = one.bytes().zip(two.bytes()).filter(|(one, two)| one == two).count();
        assert!(one.len() == 60 && equal < 8, "{one} {two}");
    }

    proptest! {
        #[test]
        fn every_id_opens_again(seconds in 0u64..1 << 48, expires in 1i64..1 << 40, number in any::<u32>()) {
            let job = JobId::generate(Duration::from_millis(seconds), &mut rand::rng());
            let thing = LinkedThing::Card(number);
            let id = sealer("k").seal(&job, thing, expires);
            prop_assert_eq!(sealer("k").open(&id, thing, expires - 1), Ok((job, expires)));
        }

        #[test]
        fn any_change_makes_an_id_forged(at in 0usize..60, with in "[0-9A-Za-z_=/-]") {
            let good = sealer("k").seal(&job(), LinkedThing::Results, 1_000);
            let bad = format!("{}{with}{}", &good[..at], &good[at + 1..]);
            prop_assume!(bad != good);
            prop_assert_eq!(sealer("k").open(&bad, LinkedThing::Results, 0), Err(BadLink::Forged));
        }

        #[test]
        fn any_text_is_refused(text in "\\PC{0,80}") {
            prop_assert_eq!(sealer("k").open(&text, LinkedThing::Results, 0), Err(BadLink::Forged));
        }
    }
}
