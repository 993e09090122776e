//! Submission: a received job becomes durable. Blobs first, a few at a time, then one transaction for key, job and
//! items, then the 202.
//!
//! Asked through Intake, which owns the commit. Everything runs on the io runtime to its end, even if the client
//! has gone: the job is there then, and its key finds it. Who loses a race for a key deletes its blobs at once;
//! what a crash leaves is an orphan, and the Janitor's.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use huemill_imaging::Options;
use huemill_observability::{Event, log};
use huemill_store::Spool;
use huemill_store::archive::Entry;
use huemill_store::blobs::input_key;
use huemill_store::job::{ItemSource, JobId, JobKind, NewItem, NewJob, NewKey, Priority};
use huemill_store::store::Created;

use crate::blob_quota::BlobQuota;
use crate::estimate::Estimate;
use crate::fault::Fault;
use crate::job_options;
use crate::metrics::Recorder;
use crate::repository::Repository;
use crate::traced::traced;

/// Blobs of one job that are stored at a time.
const AT_ONCE: usize = 4;

/// A job that was received, and is not durable yet.
#[derive(Debug)]
pub struct Submission {
    /// Its id.
    pub id: JobId,
    /// What it was made of.
    pub kind: JobKind,
    /// Which jobs go first.
    pub priority: Priority,
    /// What to make of its pictures.
    pub options: Options,
    /// The id of its request.
    pub request_id: String,
    /// The W3C trace context of its request.
    pub traceparent: Option<String>,
    /// Scheme and host that URLs in bodies begin with.
    pub base_url: String,
    /// Where its end is told.
    pub callback_url: Option<String>,
    /// How long it is kept.
    pub ttl: Duration,
    /// Its idempotency key.
    pub key: Option<NewKey>,
    /// What was sent.
    pub input: Submitted,
}

/// What was sent.
#[derive(Debug)]
pub enum Submitted {
    /// A ZIP and its pictures, as [`pictures::list`](crate::pictures::list) found them.
    Zip {
        /// The ZIP.
        spool: Spool,
        /// Its pictures, one at least.
        entries: Vec<Entry>,
    },
    /// Pictures by name, one at least.
    Images(Vec<(String, Spool)>),
    /// Names and URLs of pictures, one at least.
    Urls(Vec<(String, String)>),
}

/// Makes submissions durable. Cheap to clone.
#[derive(Clone)]
pub(crate) struct JobWriter {
    pub(crate) repository: Repository,
    pub(crate) estimate: Estimate,
    pub(crate) quota: BlobQuota,
    pub(crate) recorder: Recorder,
}

impl JobWriter {
    /// Stores blobs and job. What the key's index says is the answer.
    pub(crate) async fn accept(self, submission: Submission) -> Result<Created, Fault> {
        let repository = self.repository.clone();
        repository.on_io(self.store(submission)).await
    }

    async fn store(self, submission: Submission) -> Result<Created, Fault> {
        let (job, blobs) = self.plan(submission)?;
        let told = Told::of(&job);
        let reserved = self.quota.reserve(job.input_bytes)?;
        if let Err(fault) = traced("blob upload", self.put(blobs)).await {
            self.forget(&told.id).await;
            return Err(fault);
        }
        // Of a create that failed it is not known whether it was committed: the row wins then, and what turns out
        // to be an orphan is the Janitor's.
        let created = self.repository.store.create(job).await?;
        match &created {
            Created::New(_) => {
                reserved.stored();
                self.tell(&told);
            }
            Created::Replayed(_) | Created::Conflict => self.forget(&told.id).await,
        }
        Ok(created)
    }

    async fn forget(&self, id: &JobId) {
        if let Err(error) = self.repository.blobs.remove_job(id, true).await {
            log!(BLOBS_LEFT, job_id = id.as_str(), cause = %error);
        }
    }

    fn tell(&self, told: &Told) {
        let Told { id, request_id, kind, priority, images } = told;
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
                    });
                    blobs.push((key, spool));
                }
                items
            }
            Submitted::Urls(urls) => {
                let item = |(name, url)| NewItem { name, source: ItemSource::Url { url } };
                urls.into_iter().map(item).collect()
            }
        };
        let job = NewJob {
            eta_s: self.estimate.seconds_for(items.len() as u64),
            options: job_options::write(&options)?,
            id,
            kind: submission.kind,
            priority: submission.priority,
            request_id: submission.request_id,
            traceparent: submission.traceparent,
            base_url: submission.base_url,
            callback_url: submission.callback_url,
            ttl: submission.ttl,
            items,
            input_bytes: blobs.iter().map(|(_, spool)| spool.len()).sum(),
            key: submission.key,
        };
        Ok((job, blobs))
    }

    /// Stores all blobs, a few at a time. After a failure no more are begun, and those under way are waited for: what
    /// has been stored can then be removed, and nothing comes after it.
    async fn put(&self, blobs: Vec<(String, Spool)>) -> Result<(), Fault> {
        let put = async |(key, spool): (String, Spool)| self.repository.blobs.put_spool(&key, &spool).await;
        let mut waiting = blobs.into_iter();
        let mut under_way: FuturesUnordered<_> = waiting.by_ref().take(AT_ONCE).map(put).collect();
        let mut outcome = Ok(());
        while let Some(stored) = under_way.next().await {
            outcome = outcome.and(stored);
            if outcome.is_ok() {
                under_way.extend(waiting.next().map(put));
            }
        }
        outcome.map_err(Fault::from)
    }
}

/// What is told of a job when it is there.
struct Told {
    id: JobId,
    request_id: String,
    kind: JobKind,
    priority: Priority,
    images: usize,
}

impl Told {
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
