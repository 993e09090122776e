//! The data types of jobs as the store saves them: plain data, no rules. The store treats a job's options and an item's
//! result as text; the actors interpret them.

mod id;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use id::{JOB_ID_BYTES, JobId};

use crate::archive::Entry;
use crate::caller::Caller;
use crate::store::CallerLimits;

/// Defines an enum whose variants are stored and displayed as fixed words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$member_doc])* #[serde(rename = $word)] $member),+ }

        impl $name {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// The word for this variant, as it is stored and displayed.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$member => $word),+ }
            }

            /// The variant for this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.as_str() == word)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What a job was created from.
    JobKind {
        /// The pictures of a ZIP.
        Zip = "zip_batch",
        /// Pictures at URLs.
        Url = "url_batch",
        /// Pictures that were uploaded one by one.
        Image = "image_batch",
    }
}

words! {
    /// The state of a job. A job moves down this list. An ended job changes only to `Expired`, or back to `Processing`
    /// when an operator retries it.
    JobState {
        /// None of its pictures was claimed yet.
        Queued = "queued",
        /// Started and not ended.
        Processing = "processing",
        /// All pictures are settled, and at least one has a result.
        Completed = "completed",
        /// All pictures are settled, and none has a result.
        Failed = "failed",
        /// Canceled by its owner.
        Canceled = "canceled",
        /// Expired or deleted: results and items are gone, and the row is a tombstone.
        Expired = "expired",
    }
}

impl JobState {
    /// Whether the job has ended.
    #[must_use]
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Processing)
    }
}

words! {
    /// The priority of a job: its weight among the jobs of its caller. It changes nothing for other callers.
    Priority {
        /// Half as many pictures at a time as a normal job.
        Low = "low",
        /// The default.
        Normal = "normal",
        /// Twice as many pictures as a normal job.
        High = "high",
    }
}

/// Where the bytes of a picture are. Stored as JSON with its item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum ItemSource {
    /// The picture is a blob.
    Blob {
        /// The blob's key.
        key: String,
        /// Its length in bytes.
        length: u64,
    },
    /// The picture is an entry of a ZIP in a blob.
    Entry {
        /// The key of the ZIP's blob.
        key: String,
        /// The entry.
        entry: Entry,
    },
    /// The picture must be downloaded.
    Url {
        /// The URL as it was sent, checked when it is requested.
        url: String,
    },
}

/// A picture of a job that is being created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// The name that the job's owner sees.
    pub name: String,
    /// Where the bytes are.
    pub source: ItemSource,
    /// Host and port that they are downloaded from; empty if they need no download.
    pub host: String,
    /// The number of an earlier item that is the same picture. This one ends with it and as it does.
    pub same_as: Option<u32>,
}

/// The idempotency key of a job that is being created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The scope in which the key is unique: method, route and caller.
    pub scope: String,
    /// The key that the client sent.
    pub key: String,
    /// The digest of the request.
    pub fingerprint: String,
    /// The minimum lifetime of the key. It lives at least as long as its job.
    pub keep: Duration,
}

/// A job to create. Its blobs must be stored already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// Who it belongs to.
    pub caller: Caller,
    /// What it is created from.
    pub kind: JobKind,
    /// Its priority.
    pub priority: Priority,
    /// The options for its pictures, as JSON.
    pub options: String,
    /// The id of the request that creates it.
    pub request_id: String,
    /// The W3C trace context of that request.
    pub traceparent: Option<String>,
    /// Scheme and host of the URLs in bodies.
    pub base_url: String,
    /// The webhook URL to call when the job ends.
    pub callback_url: Option<String>,
    /// How long the job is kept, starting now.
    pub ttl: Duration,
    /// Estimated seconds until it ends.
    pub eta_s: u32,
    /// Its pictures, at least one.
    pub items: Vec<NewItem>,
    /// Total size of its input blobs in bytes.
    pub input_bytes: u64,
    /// Total size in bytes that its cards are expected to have. Reserved until it ends.
    pub expected_bytes: u64,
    /// What its caller may use, this job included.
    pub limits: CallerLimits,
    /// Its idempotency key.
    pub key: Option<NewKey>,
}

/// A job. Times are in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the other fields are as in `NewJob`, or named after a state")]
pub struct Job {
    pub id: JobId,
    pub caller: Caller,
    pub kind: JobKind,
    pub state: JobState,
    pub priority: Priority,
    pub options: String,
    pub request_id: String,
    pub traceparent: Option<String>,
    pub base_url: String,
    pub callback_url: Option<String>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub expires_at: i64,
    /// Increases when what clients see of the job changes, and at no other time.
    pub version: i64,
    /// Seconds until it ends, as estimated when the version last changed.
    pub eta_s: u32,
    /// Number of pictures.
    pub total: u32,
    /// Number of pictures with a result.
    pub succeeded: u32,
    /// Number of pictures that failed permanently.
    pub failed: u32,
    /// Whether its results were fetched.
    pub fetched: bool,
}

impl Job {
    /// The settled pictures in percent, rounded down.
    #[must_use]
    pub fn progress(&self) -> u32 {
        percent(self.succeeded + self.failed, self.total)
    }
}

/// A part of a whole in percent, rounded down.
#[must_use]
pub fn percent(part: u32, whole: u32) -> u32 {
    (u64::from(part) * 100 / u64::from(whole.max(1))) as u32
}

words! {
    /// The state of an item.
    ItemState {
        /// Waits to be claimed.
        Queued = "queued",
        /// A process has claimed it.
        Claimed = "claimed",
        /// Has a result.
        Done = "done",
        /// Failed permanently.
        Failed = "failed",
        /// Its job was canceled before it was settled.
        Canceled = "canceled",
    }
}

/// A card in the blob store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The blob's key.
    pub key: String,
    /// Its media type, such as `image/png`.
    pub media_type: String,
    /// Its length in bytes.
    pub length: u64,
    /// CRC-32 of its bytes, for the ZIP of the results.
    pub crc32: u32,
}

/// An item: one picture of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number in the job, from 0.
    pub number: u32,
    /// The name that the job's owner sees.
    pub name: String,
    /// Its state.
    pub state: ItemState,
    /// How often it was claimed.
    pub attempt: u32,
    /// The URL that it is downloaded from, as it was sent.
    pub url: Option<String>,
    /// Its result, if it is done.
    pub result: Option<ItemResult>,
    /// Its error, if it has failed.
    pub error: Option<ItemError>,
}

/// The result of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemResult {
    /// The fields that clients see, as a JSON object.
    pub members: String,
    /// Its card, unless the job wanted none.
    pub card: Option<Card>,
}

/// Why a picture failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// The error code of the API.
    pub code: String,
    /// The message for the job's owner.
    pub message: String,
}
