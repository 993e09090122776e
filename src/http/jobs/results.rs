//! Streams the body of a job that has ended. Its pictures are read one page at a time, and embedded cards are encoded as
//! base64 on their way from the blob store. However many clients poll, little of it is in memory.

use std::collections::VecDeque;
use std::future::ready;

use actix_web::web::Bytes;
use futures_util::stream::{self, LocalBoxStream, Stream, StreamExt};
use huemill_actors::delivery::failure;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::repository::Repository;
use huemill_store::blobs::BlobError;
use huemill_store::job::{Card, Item, ItemError, ItemResult, Job, JobId, JobState};

use super::job_picture::{self, SettledPicture, quoted};
use super::links::Links;
use super::summary::JobSummary;
use crate::http::body_stream::{base64, piece};
use crate::http::picture_json::FailedPicture;
use crate::http::problem::invalid;
use crate::http::state::Jobs;

/// Pictures that are read from the store at a time.
const PAGE: u32 = 16;

/// Maximum number of results whose cards are embedded by default.
const MAX_INLINE: u32 = 5;

/// Maximum number of results whose cards are embedded on request: a body of more would cost one request too much.
const MAX_INLINE_ON_REQUEST: u32 = 20;

/// How cards appear in a job's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CardEmbedding {
    /// Embedded while they are few, otherwise as links.
    Auto,
    /// Embedded as data: URLs.
    Inline,
    /// As links.
    Url,
}

impl CardEmbedding {
    /// Whether the body of this job embeds its cards.
    pub(super) fn are_inline(self, job: &Job) -> bool {
        match self {
            Self::Auto => job.succeeded <= MAX_INLINE,
            Self::Inline => true,
            Self::Url => false,
        }
    }

    /// Refuses to embed more cards than one request may cost.
    pub(super) fn check(self, job: &Job) -> Result<(), Fault> {
        if self != Self::Inline || job.succeeded <= MAX_INLINE_ON_REQUEST {
            return Ok(());
        }
        Err(invalid(format!(
            "The job has {} results, and cards can be embedded for up to {MAX_INLINE_ON_REQUEST}. Ask with cards=url, or \
             download all results at once.",
            job.succeeded
        )))
    }

    /// The word in the query and the entity tag, if any.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Inline => Some("inline"),
            Self::Url => Some("url"),
        }
    }
}

/// Reads an ended job's pictures in order and collects those that failed.
pub(super) struct PictureReader {
    repository: Repository,
    job: Job,
    next: u32,
    page: VecDeque<Item>,
    /// The pictures that failed so far.
    pub failed: Vec<FailedPicture>,
}

impl PictureReader {
    pub(super) fn new(repository: Repository, job: Job) -> Self {
        Self { repository, job, next: 0, page: VecDeque::new(), failed: Vec::new() }
    }

    /// The next picture that has a result.
    pub(super) async fn next(&mut self) -> Result<Option<(Item, ItemResult)>, Fault> {
        loop {
            if self.page.is_empty() {
                if self.next >= self.job.total {
                    return Ok(None);
                }
                let page = self.repository.store.items(&self.job.id, self.next, PAGE).await?;
                self.next = page.last().map_or(self.job.total, |item| item.number + 1);
                self.page = page.into();
            }
            let Some(item) = self.page.pop_front() else { continue };
            match SettledPicture::of(item) {
                Some(SettledPicture::Done(item, result)) => return Ok(Some((item, result))),
                Some(SettledPicture::Failed(failed)) => self.failed.push(failed),
                None => {}
            }
        }
    }
}

/// The error of a job without results: the one that all its pictures share, otherwise a general one.
pub(super) fn job_error(failed: &[FailedPicture], total: u32) -> (String, String) {
    let Some(FailedPicture { error_code, user_message, .. }) = failed.first() else {
        return (Code::ProcessingError.as_str().to_owned(), Code::ProcessingError.message().to_owned());
    };
    let same = failed.iter().all(|other| other.error_code == *error_code);
    failure(&ItemError { code: error_code.clone().into_owned(), message: user_message.clone() }, same, total)
}

/// A job's body as it is streamed.
pub(super) struct JobBody {
    pictures: PictureReader,
    links: Links,
    with_events_url: bool,
    inline: bool,
    count: u32,
}

type Piece = LocalBoxStream<'static, Result<Bytes, Fault>>;

impl JobBody {
    pub(super) fn new(jobs: &Jobs, job: Job, cards: CardEmbedding) -> Self {
        let inline = cards.are_inline(&job);
        let pictures = PictureReader::new(jobs.repository.clone(), job);
        let (links, with_events_url) = (jobs.links.clone(), jobs.with_events_url);
        Self { pictures, links, with_events_url, inline, count: 0 }
    }

    /// The JSON, piece by piece.
    pub(super) fn json(self) -> impl Stream<Item = Result<Bytes, Fault>> + 'static {
        let opening = text(self.opening());
        let rest = stream::unfold(Some(self), |results| async move {
            let mut results = results?;
            match results.pictures.next().await {
                Ok(Some((item, result))) => Some((results.element(&item, result), Some(results))),
                Ok(None) => Some((results.closing(), None)),
                Err(fault) => Some((stream::once(ready(Err(fault))).boxed_local(), None)),
            }
        });
        opening.chain(rest.flatten())
    }

    fn job(&self) -> &Job {
        &self.pictures.job
    }

    fn has_results(&self) -> bool {
        self.job().state != JobState::Failed
    }

    /// The summary's members and the start of the list.
    fn opening(&self) -> Vec<u8> {
        let mut json = JobSummary::new(self.job(), &self.links, self.with_events_url).json();
        json.pop();
        if self.has_results() {
            json.extend_from_slice(b",\"results\":[");
        }
        json
    }

    fn element(&mut self, item: &Item, result: ItemResult) -> Piece {
        let mut json = if self.count == 0 { Vec::new() } else { vec![b','] };
        self.count += 1;
        job_picture::write_opening(&mut json, item, &result.members);
        let link = job_picture::card_link(self.job(), item.number, &self.links);
        let Some(card) = result.card else {
            json.extend_from_slice(b"null}");
            return text(json);
        };
        if self.inline {
            let card = embedded_card(&self.pictures.repository, self.job().id.clone(), card, link);
            return text(json).chain(card).chain(text(b"}".to_vec())).boxed_local();
        }
        json.extend_from_slice(&link);
        json.push(b'}');
        text(json)
    }

    fn closing(&self) -> Piece {
        let job = self.job();
        if self.has_results() && self.count != job.succeeded {
            return gone(self.pictures.repository.clone(), job.id.clone());
        }
        let mut json = if self.has_results() { b"]".to_vec() } else { Vec::new() };
        if !self.has_results() {
            let (code, message) = job_error(&self.pictures.failed, job.total);
            for (name, value) in [("error_code", &code), ("message", &message), ("user_message", &message)] {
                json.extend_from_slice(format!(",\"{name}\":").as_bytes());
                json.extend_from_slice(&quoted(value));
            }
        }
        json.extend_from_slice(b",\"failed\":");
        json.extend_from_slice(&serde_json::to_vec(&self.pictures.failed).unwrap_or_else(|_| b"[]".to_vec()));
        json.push(b'}');
        text(json)
    }
}

fn text(bytes: Vec<u8>) -> Piece {
    piece(bytes).boxed_local()
}

/// The error of results that disappeared while they were read.
fn gone(repository: Repository, id: JobId) -> Piece {
    stream::once(async move { Err(job_picture::why_gone(&repository, &id).await) }).boxed_local()
}

/// A card as a data URL. A card that cannot be read, although others may be, is given by its link: the other results
/// of its job must not wait for an operator.
fn embedded_card(repository: &Repository, id: JobId, card: Card, link: Vec<u8>) -> Piece {
    let (blobs, key) = (repository.blobs.clone(), card.key);
    let open = move |range| blobs.stream_to_client(key.clone(), range);
    let mut blob = repository.stream(0..card.length, open).boxed_local();
    let repository = repository.clone();
    let data_url = async move {
        let first = match blob.next().await {
            Some(Err(BlobError::Refused(_) | BlobError::Missing(_))) => return text(link),
            first => stream::iter(first),
        };
        let opening = text(format!("\"data:{};base64,", card.media_type).into_bytes());
        let blob = job_picture::blob_of_job(repository, id, first.chain(blob));
        let encoded = blob_base64(blob.boxed_local(), card.length);
        opening.chain(encoded).chain(text(b"\"".to_vec())).boxed_local()
    };
    stream::once(data_url).flatten().boxed_local()
}

/// A blob of this length as base64, encoded as it arrives from the blob store.
fn blob_base64(blob: LocalBoxStream<'static, Result<Bytes, Fault>>, length: u64) -> Piece {
    let checked = stream::try_unfold((blob, 0), move |(mut blob, read)| async move {
        match blob.next().await.transpose()? {
            Some(chunk) => {
                let read = read + chunk.len() as u64;
                Ok(Some((chunk, (blob, read))))
            }
            None if read == length => Ok(None),
            None => Err(Fault::new(Code::InternalError).with_cause("a card's blob is truncated")),
        }
    });
    base64(checked.boxed_local()).boxed_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: &str) -> FailedPicture {
        FailedPicture {
            index: 0,
            filename: "a.png".into(),
            url: None,
            error_code: code.to_owned().into(),
            user_message: format!("message of {code}"),
        }
    }

    #[test]
    fn a_job_fails_with_the_error_that_all_its_pictures_share() {
        let error_of = |codes: &[&str], total| {
            job_error(&codes.iter().map(|code| failed(code)).collect::<Vec<_>>(), total)
        };
        assert_eq!(error_of(&["X"], 1), ("X".into(), "message of X".into()));
        let (code, message) = error_of(&["X", "X"], 2);
        assert_eq!(code, "X");
        assert!(message.contains("2 pictures") && message.ends_with("message of X"), "{message}");
        assert_eq!(error_of(&["X", "Y"], 2).0, "PROCESSING_ERROR");
        assert_eq!(error_of(&[], 2).0, "PROCESSING_ERROR");
    }
}
