//! The nouns of the job system, as the store keeps them: plain data, no rules. What an item's result or a job's
//! options say is the actors' business; here they are text.

mod id;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use id::JobId;

use crate::archive::Entry;

/// Defines an enum whose members are stored and shown as fixed words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$member_doc])* #[serde(rename = $word)] $member),+ }

        impl $name {
            /// Every member.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// The word by which it is stored and shown.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$member => $word),+ }
            }

            /// The member of this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.as_str() == word)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What a job was made of.
    JobKind {
        /// The pictures of a ZIP.
        Zip = "zip_batch",
        /// Pictures at URLs.
        Url = "url_batch",
        /// Pictures sent one by one.
        Image = "image_batch",
    }
}

words! {
    /// Where a job stands. It moves down this list only, and never from one ending to another but to `Expired`.
    JobState {
        /// No picture of it has been begun.
        Queued = "queued",
        /// Begun and not ended.
        Processing = "processing",
        /// Every picture is settled, one of them at least with a result.
        Completed = "completed",
        /// Every picture is settled, none with a result.
        Failed = "failed",
        /// Ended by its owner.
        Canceled = "canceled",
        /// Past its time: results and items are gone, the row is a tombstone.
        Expired = "expired",
    }
}

impl JobState {
    /// Whether nothing more is done for the job.
    #[must_use]
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Processing)
    }
}

words! {
    /// Which jobs go first.
    Priority {
        /// After all others.
        Low = "low",
        /// The default.
        Normal = "normal",
        /// Before all others.
        High = "high",
    }
}

/// Where one picture's bytes are. Stored as JSON with its item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum ItemSource {
    /// A blob that is the picture.
    Blob {
        /// The blob's key.
        key: String,
        /// Its length in bytes.
        length: u64,
    },
    /// An entry of the ZIP in a blob.
    Entry {
        /// The ZIP's key.
        key: String,
        /// Where in it, and how to read it.
        entry: Entry,
    },
    /// To be downloaded.
    Url {
        /// An http(s) URL.
        url: String,
    },
}

/// A picture of a job that is being created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Its name for the job's owner.
    pub name: String,
    /// Where its bytes are.
    pub source: ItemSource,
}

/// The idempotency key of a job that is being created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Within which the key is unique: method, route and caller.
    pub scope: String,
    /// The client's word.
    pub key: String,
    /// Digest of what was asked for.
    pub fingerprint: String,
    /// How long the key lives at least; it lives as long as its job, too.
    pub keep: Duration,
}

/// A job that is being created. Its blobs are stored already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it was made of.
    pub kind: JobKind,
    /// Which jobs go first.
    pub priority: Priority,
    /// The options of its pictures, as JSON.
    pub options: String,
    /// The id of the request that created it.
    pub request_id: String,
    /// The W3C trace context of that request.
    pub traceparent: Option<String>,
    /// Scheme and host that URLs in bodies begin with.
    pub base_url: String,
    /// Where its end is told.
    pub callback_url: Option<String>,
    /// How long it is kept, from now on.
    pub ttl: Duration,
    /// Seconds until its end, as estimated now.
    pub eta_s: u32,
    /// Its pictures, one at least.
    pub items: Vec<NewItem>,
    /// Bytes of its inputs' blobs.
    pub input_bytes: u64,
    /// Its idempotency key.
    pub key: Option<NewKey>,
}

/// A job's row. Times are whole Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in `NewJob`, or the contract's own words")]
pub struct Job {
    pub id: JobId,
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
    /// Grows when what clients see of the job changes, and at no other time.
    pub version: i64,
    /// Seconds until its end, as estimated when the version last changed.
    pub eta_s: u32,
    /// Pictures in all.
    pub total: u32,
    /// Pictures with a result.
    pub succeeded: u32,
    /// Pictures without one that will never have one.
    pub failed: u32,
    /// Whether results were fetched.
    pub fetched: bool,
}

impl Job {
    /// Whole per cent of the pictures that are settled.
    #[must_use]
    pub fn progress(&self) -> u32 {
        percent(self.succeeded + self.failed, self.total)
    }
}

/// Whole per cent, rounded down.
#[must_use]
pub fn percent(part: u32, whole: u32) -> u32 {
    (u64::from(part) * 100 / u64::from(whole.max(1))) as u32
}

words! {
    /// Where an item stands.
    ItemState {
        /// Waits for a slot.
        Queued = "queued",
        /// Leased to a process.
        Claimed = "claimed",
        /// Has a result.
        Done = "done",
        /// Will never have one.
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
    /// CRC-32 of its bytes, which the results' ZIP needs.
    pub crc32: u32,
}

/// An item's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its place in the job, from 0.
    pub number: u32,
    /// Its name for the job's owner.
    pub name: String,
    /// Where it stands.
    pub state: ItemState,
    /// How often it was claimed.
    pub attempt: u32,
    /// Its result, where it has one.
    pub result: Option<ItemResult>,
    /// Why it has none, where it never will.
    pub error: Option<ItemError>,
}

/// What a picture gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemResult {
    /// The members that clients see, as a JSON object.
    pub members: String,
    /// Its card.
    pub card: Card,
}

/// Why a picture gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// The wire's code.
    pub code: String,
    /// What its owner is told.
    pub message: String,
}
