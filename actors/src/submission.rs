//! Submission: makes a received job durable. It stores the blobs, a few at a time, then key, job and items in one
//! transaction; the 202 follows.
//!
//! The cards that a job is expected to have are reserved with it: in the blob quota, on the disk, and for its caller. An
//! estimate that is too low fills the disk before claims pause; one that is too high refuses jobs that would fit.
//!
//! Intake calls it. Everything runs to its end on the io runtime, even if the client has gone: the job exists then,
//! and its key finds it. A request that loses the race for a key deletes its blobs at once. Blobs that a crash
//! leaves behind are orphans, which the Janitor removes.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use huemill_imaging::{CardFormat, Layout, Options};
use huemill_observability::{Event, log};
use huemill_store::access_key::KeyLimits;
use huemill_store::archive::Entry;
use huemill_store::blobs::input_key;
use huemill_store::job::{ItemSource, JobId, JobKind, NewItem, NewJob, NewKey, Priority};
use huemill_store::store::{CallerLimits, Created};
use huemill_store::{Caller, Spool};

use crate::blob_quota::{BlobQuota, FreeDisk, JobBytes};
use crate::estimate::Estimate;
use crate::fault::Fault;
use crate::job_options;
use crate::outbound::endpoint_of;
use crate::over_quota::over_quota;
use crate::repository::Repository;
use crate::telemetry::{Recorder, traced};

/// How many blobs of one job are stored at a time.
const CONCURRENT_UPLOADS: usize = 4;

/// The size of a card of 1096 × 736 pixels, in bytes. Measured: photographs take 0.7 to 1 MB as PNG, as much as lossless
/// WebP, and 0.1 to 0.2 MB as JPEG of quality 85; noise takes 2.3, 1.7 and 0.8 MB.
/// Other cards take as much a pixel.
fn expected_card(options: &Options) -> u64 {
    const PIXELS: u64 = 1096 * 736;
    let bytes = match options.card {
        CardFormat::Png => 1_200_000,
        CardFormat::WebP => 1_100_000,
        CardFormat::Jpeg { quality: ..=90 } => 250_000,
        CardFormat::Jpeg { .. } => 800_000,
    };
    Layout::of(options).map_or(0, |layout| bytes * layout.pixels() / PIXELS)
}

/// A received job that is not durable yet.
#[derive(Debug)]
pub struct Submission {
    /// Its id.
    pub id: JobId,
    /// Who it belongs to.
    pub caller: Caller,
    /// What its key allows it to use.
    pub limits: KeyLimits,
    /// What kind of input it has.
    pub kind: JobKind,
    /// Its weight among the jobs of its caller.
    pub priority: Priority,
    /// What to make of its pictures.
    pub options: Options,
    /// The id of its request.
    pub request_id: String,
    /// The W3C trace context of its request.
    pub traceparent: Option<String>,
    /// Scheme and host of the URLs in its answers.
    pub base_url: String,
    /// The webhook URL to call when it ends.
    pub callback_url: Option<String>,
    /// How long it is kept.
    pub ttl: Duration,
    /// Its idempotency key.
    pub key: Option<NewKey>,
    /// Its input.
    pub input: Submitted,
}

/// The input of a submitted job.
#[derive(Debug)]
pub enum Submitted {
    /// A ZIP and its pictures, as [`pictures::list`](crate::pictures::list) found them.
    Zip {
        /// The ZIP.
        spool: Spool,
        /// Its pictures, at least one.
        entries: Vec<Entry>,
    },
    /// Pictures by name, at least one.
    Images(Vec<(String, Spool)>),
    /// Pictures at URLs, at least one.
    Urls(Vec<UrlPicture>),
}

/// A picture at a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlPicture {
    /// The name that the job's owner sees.
    pub name: String,
    /// The URL as it was sent. It is checked when it is requested, so it may be none.
    pub url: String,
    /// The number of an earlier picture with the same URL.
    pub same_as: Option<u32>,
}

impl Submitted {
    /// How many pictures these are.
    #[must_use]
    pub fn pictures(&self) -> usize {
        match self {
            Self::Zip { entries, .. } => entries.len(),
            Self::Images(images) => images.len(),
            Self::Urls(urls) => urls.len(),
        }
    }
}

/// Makes submissions durable. Cheap to clone.
#[derive(Clone)]
pub(crate) struct JobWriter {
    pub(crate) repository: Repository,
    pub(crate) estimate: Estimate,
    pub(crate) quota: BlobQuota,
    /// What a caller may use.
    pub(crate) limits: CallerLimits,
    /// The free bytes of the disk.
    pub(crate) free: FreeDisk,
    /// Bytes that must remain free for new jobs.
    pub(crate) disk_low: u64,
    pub(crate) recorder: Recorder,
}

impl JobWriter {
    /// Stores blobs and job. The store's index of keys decides what the answer is.
    pub(crate) async fn accept(self, submission: Submission) -> Result<Created, Fault> {
        let repository = self.repository.clone();
        repository.on_io(self.store(submission)).await
    }

    async fn store(self, submission: Submission) -> Result<Created, Fault> {
        let (job, blobs) = self.plan(submission)?;
        let created_job = CreatedJob::of(&job);
        let bytes = JobBytes { input: job.input_bytes, expected: job.expected_bytes };
        let reserved = self.quota.reserve(bytes, self.room())?;
        if let Err(fault) = traced("blob upload", self.upload(blobs)).await {
            self.delete_blobs(&created_job.id).await;
            return Err(fault);
        }
        // If this fails, it is unknown whether the job was committed, so the blobs stay. If they turn out to be
        // orphans, the Janitor removes them.
        let created = self.repository.store.create(job).await?;
        match &created {
            Created::New(_) => {
                reserved.commit();
                self.log_created(&created_job);
            }
            Created::Replayed(_) | Created::Conflict => self.delete_blobs(&created_job.id).await,
            Created::OverQuota { which, limit, used } => {
                self.delete_blobs(&created_job.id).await;
                return Err(over_quota(*which, *limit, *used));
            }
        }
        Ok(created)
    }

    /// What the disk has room for, if the blobs are on it.
    fn room(&self) -> Option<u64> {
        self.repository.blobs.local()?;
        Some(self.free.get()?.saturating_sub(self.disk_low))
    }

    async fn delete_blobs(&self, id: &JobId) {
        if let Err(error) = self.repository.blobs.remove_job(id, true).await {
            log!(BLOBS_LEFT, job_id = id.as_str(), cause = %error);
        }
    }

    fn log_created(&self, created: &CreatedJob) {
        let CreatedJob { id, request_id, kind, priority, images } = created;
        let (job_id, kind, priority) = (id.as_str(), kind.as_str(), priority.as_str());
        self.recorder.record(Event::JobCreated { kind });
        log!(JOB_CREATED, request_id, job_id, kind, priority, images);
    }

    fn plan(&self, submission: Submission) -> Result<(NewJob, Vec<(String, Spool)>), Fault> {
        let Submission { id, input, options, .. } = submission;
        let mut blobs = Vec::new();
        let items: Vec<NewItem> = match input {
            Submitted::Zip { spool, entries } => {
                let key = input_key(&id, 0);
                blobs.push((key.clone(), spool));
                let item = |entry: Entry| NewItem {
                    name: entry.name.clone(),
                    source: ItemSource::Entry { key: key.clone(), entry },
                    host: String::new(),
                    same_as: None,
                };
                entries.into_iter().map(item).collect()
            }
            Submitted::Images(images) => {
                let mut items = Vec::with_capacity(images.len());
                for (number, (name, spool)) in images.into_iter().enumerate() {
                    let key = input_key(&id, number as u32);
                    items.push(NewItem {
                        name,
                        source: ItemSource::Blob { key: key.clone(), length: spool.len() },
                        host: String::new(),
                        same_as: None,
                    });
                    blobs.push((key, spool));
                }
                items
            }
            Submitted::Urls(urls) => {
                let item = |UrlPicture { name, url, same_as }: UrlPicture| {
                    let host = endpoint_of(&url);
                    NewItem { name, source: ItemSource::Url { url }, host, same_as }
                };
                urls.into_iter().map(item).collect()
            }
        };
        let job = NewJob {
            eta_s: self.estimate.seconds_for(items.len() as u64),
            options: job_options::write(&options)?,
            id,
            caller: submission.caller,
            kind: submission.kind,
            priority: submission.priority,
            request_id: submission.request_id,
            traceparent: submission.traceparent,
            base_url: submission.base_url,
            callback_url: submission.callback_url,
            ttl: submission.ttl,
            expected_bytes: expected_card(&options).saturating_mul(
                // Pictures that are the same share a card.
                items.iter().filter(|item| item.same_as.is_none()).count() as u64,
            ),
            items,
            limits: submission.limits.quotas(self.limits),
            input_bytes: blobs.iter().map(|(_, spool)| spool.len()).sum(),
            key: submission.key,
        };
        Ok((job, blobs))
    }

    /// Stores all blobs, a few at a time. After a failure it starts no more and waits for those in progress, so
    /// that the caller can remove all of them.
    async fn upload(&self, blobs: Vec<(String, Spool)>) -> Result<(), Fault> {
        let put = async |(key, spool): (String, Spool)| self.repository.blobs.put_spool(&key, &spool).await;
        let mut waiting = blobs.into_iter();
        let mut in_progress: FuturesUnordered<_> =
            waiting.by_ref().take(CONCURRENT_UPLOADS).map(put).collect();
        let mut outcome = Ok(());
        while let Some(stored) = in_progress.next().await {
            outcome = outcome.and(stored);
            if outcome.is_ok() {
                in_progress.extend(waiting.next().map(put));
            }
        }
        outcome.map_err(Fault::from)
    }
}

/// What is logged about a new job.
struct CreatedJob {
    id: JobId,
    request_id: String,
    kind: JobKind,
    priority: Priority,
    images: usize,
}

impl CreatedJob {
    fn of(job: &NewJob) -> Self {
        Self {
            id: job.id.clone(),
            request_id: job.request_id.clone(),
            kind: job.kind,
            priority: job.priority,
            images: job.items.len(),
        }
    }
}
