//! The body of a job that has ended, piece by piece: its pictures are read a page at a time, and cards that go into
//! it are turned into base64 on their way from the blob store. However many poll, little of it is in memory.

use std::collections::VecDeque;

use actix_web::web::Bytes;
use futures_util::stream::{self, LocalBoxStream, Stream, StreamExt};
use huemill_actors::delivery::failure;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::repository::Repository;
use huemill_store::blobs::BlobError;
use huemill_store::job::{Card, Item, ItemError, ItemResult, ItemState, Job, JobId, JobState};
use serde::Serialize;

use super::body::Summary;
use super::links::{self, Links};

/// Pictures that are read at a time.
const PAGE: u32 = 16;

/// Most results whose cards are in the body where nothing else is asked for.
const MOST_INLINE: u32 = 5;

/// How cards are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cards {
    /// Within the body while they are few, else as links.
    Either,
    /// Within the body, as data: URLs.
    Inline,
    /// As links.
    Url,
}

impl Cards {
    /// Whether the body of this job has its cards within.
    pub(super) fn are_inline(self, job: &Job) -> bool {
        match self {
            Self::Either => job.succeeded <= MOST_INLINE,
            Self::Inline => true,
            Self::Url => false,
        }
    }

    /// The word in the query, if there is one, and in the entity tag.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::Either => None,
            Self::Inline => Some("inline"),
            Self::Url => Some("url"),
        }
    }
}

/// A picture without a result.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Failed {
    filename: String,
    error_code: String,
    user_message: String,
}

/// Reads an ended job's pictures in their order; puts aside those that failed.
pub(super) struct Pictures {
    repository: Repository,
    job: Job,
    next: u32,
    page: VecDeque<Item>,
    /// Those without a result, so far.
    pub failed: Vec<Failed>,
}

impl Pictures {
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
            let Some(mut item) = self.page.pop_front() else { continue };
            match (item.state, item.result.take(), item.error.take()) {
                (ItemState::Done, Some(result), _) => return Ok(Some((item, result))),
                (ItemState::Failed, _, Some(error)) => self.failed.push(Failed {
                    filename: item.name,
                    error_code: error.code,
                    user_message: error.message,
                }),
                _ => {}
            }
        }
    }
}

/// Why a job without any result failed: what all its pictures failed of, else that they cannot be read.
pub(super) fn verdict(failed: &[Failed], total: u32) -> (String, String) {
    let Some(Failed { error_code, user_message, .. }) = failed.first() else {
        return (Code::ProcessingError.as_str().to_owned(), Code::ProcessingError.message().to_owned());
    };
    let same = failed.iter().all(|other| other.error_code == *error_code);
    failure(&ItemError { code: error_code.clone(), message: user_message.clone() }, same, total)
}

/// The body on its way.
pub(super) struct Results {
    pictures: Pictures,
    links: Links,
    inline: bool,
    count: u32,
}

type Piece = LocalBoxStream<'static, Result<Bytes, Fault>>;

impl Results {
    pub(super) fn new(repository: Repository, job: Job, links: Links, cards: Cards) -> Self {
        let inline = cards.are_inline(&job);
        Self { pictures: Pictures::new(repository, job), links, inline, count: 0 }
    }

    /// The JSON, piece by piece.
    pub(super) fn json(self) -> impl Stream<Item = Result<Bytes, Fault>> + 'static {
        let opening = text(self.opening());
        let rest = stream::unfold(Some(self), |results| async move {
            let mut results = results?;
            match results.pictures.next().await {
                Ok(Some((item, result))) => Some((results.element(&item, result), Some(results))),
                Ok(None) => Some((results.job_end(), None)),
                Err(fault) => Some((broken(fault), None)),
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

    /// The row's members, and the list's beginning.
    fn opening(&self) -> Vec<u8> {
        let mut json = Summary::new(self.job(), &self.links).json();
        json.pop();
        if self.has_results() {
            json.extend_from_slice(b",\"results\":[");
        }
        json
    }

    fn element(&mut self, item: &Item, result: ItemResult) -> Piece {
        let mut json = if self.count == 0 { Vec::new() } else { vec![b','] };
        self.count += 1;
        json.extend_from_slice(b"{\"filename\":");
        json.extend_from_slice(&quoted(&item.name));
        let members =
            result.members.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        if !members.is_empty() {
            json.push(b',');
            json.extend_from_slice(members.as_bytes());
        }
        json.extend_from_slice(b",\"social_image\":");
        let job = self.job();
        let path = links::card_path(job.id.as_str(), item.number);
        let link = quoted(&self.links.url(&job.base_url, &path, job.expires_at));
        if self.inline {
            let card = inline(&self.pictures.repository, result.card, link);
            return text(json).chain(card).chain(text(b"}".to_vec())).boxed_local();
        }
        json.extend_from_slice(&link);
        json.push(b'}');
        text(json)
    }

    fn job_end(&self) -> Piece {
        let job = self.job();
        if self.has_results() && self.count != job.succeeded {
            return gone(self.pictures.repository.clone(), job.id.clone());
        }
        let mut json = if self.has_results() { b"]".to_vec() } else { Vec::new() };
        if !self.has_results() {
            let (code, message) = verdict(&self.pictures.failed, job.total);
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

fn quoted(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).unwrap_or_else(|_| b"\"\"".to_vec())
}

fn text(bytes: Vec<u8>) -> Piece {
    stream::once(std::future::ready(Ok(bytes.into()))).boxed_local()
}

fn broken(fault: Fault) -> Piece {
    stream::once(std::future::ready(Err(fault))).boxed_local()
}

/// Why results went while they were read: their job was deleted, or that is a fault of ours.
fn gone(repository: Repository, id: JobId) -> Piece {
    stream::once(async move {
        let job = repository.store.job(&id).await?;
        Err(match job {
            Some(job) if job.state != JobState::Expired => {
                Fault::new(Code::InternalError).with_cause("a job's results went while they were read")
            }
            Some(_) => Fault::new(Code::ExpiredJob),
            None => Fault::new(Code::JobNotFound),
        })
    })
    .boxed_local()
}

/// Streams a card as a data URL. A card that cannot be read, although others may be, is given by its link: the other
/// results of its job must not wait for an operator.
fn inline(repository: &Repository, card: Card, link: Vec<u8>) -> Piece {
    let mut blob = repository.stream(repository.blobs.stream(card.key, None)).boxed_local();
    let data_url = async move {
        let first = match blob.next().await {
            Some(Err(BlobError::Refused(_) | BlobError::Missing(_))) => return text(link),
            first => stream::iter(first),
        };
        let opening = text(format!("\"data:{};base64,", card.media_type).into_bytes());
        let coded = base64(first.chain(blob).boxed_local(), card.length);
        opening.chain(coded).chain(text(b"\"".to_vec())).boxed_local()
    };
    stream::once(data_url).flatten().boxed_local()
}

/// Encodes a blob of this length as base64 while it is read.
fn base64(blob: LocalBoxStream<'static, Result<Bytes, BlobError>>, length: u64) -> Piece {
    let coded = stream::unfold(Some((blob, Coder::default())), move |state| async move {
        let (mut blob, mut coder) = state?;
        match blob.next().await {
            Some(Ok(chunk)) => Some((Ok(coder.feed(&chunk).into()), Some((blob, coder)))),
            Some(Err(error)) => Some((Err(error.into()), None)),
            None if coder.taken == length => Some((Ok(coder.end().into()), None)),
            None => {
                Some((Err(Fault::new(Code::InternalError).with_cause("a card's blob is cut short")), None))
            }
        }
    });
    coded.boxed_local()
}

/// Base64 of bytes that come in pieces of any length.
#[derive(Debug, Default)]
struct Coder {
    rest: Vec<u8>,
    taken: u64,
}

impl Coder {
    fn feed(&mut self, chunk: &[u8]) -> String {
        self.taken += chunk.len() as u64;
        self.rest.extend_from_slice(chunk);
        let whole = self.rest.len() / 3 * 3;
        let text = base64_simd::STANDARD.encode_to_string(&self.rest[..whole]);
        self.rest.drain(..whole);
        text
    }

    fn end(&mut self) -> String {
        base64_simd::STANDARD.encode_to_string(std::mem::take(&mut self.rest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(code: &str) -> Failed {
        Failed { filename: "a.png".into(), error_code: code.into(), user_message: format!("told of {code}") }
    }

    #[test]
    fn a_job_fails_of_what_all_its_pictures_failed_of() {
        let told = |codes: &[&str], total| {
            verdict(&codes.iter().map(|code| failed(code)).collect::<Vec<_>>(), total)
        };
        assert_eq!(told(&["X"], 1), ("X".into(), "told of X".into()));
        let (code, message) = told(&["X", "X"], 2);
        assert_eq!(code, "X");
        assert!(message.contains("2 pictures") && message.ends_with("told of X"), "{message}");
        assert_eq!(told(&["X", "Y"], 2).0, "PROCESSING_ERROR");
        assert_eq!(told(&[], 2).0, "PROCESSING_ERROR");
    }

    proptest! {
        #[test]
        fn pieces_give_the_base64_of_the_whole(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..10)) {
            let mut coder = Coder::default();
            let mut text: String = pieces.iter().map(|piece| coder.feed(piece)).collect();
            text.push_str(&coder.end());
            let whole = pieces.concat();
            prop_assert_eq!(text, base64_simd::STANDARD.encode_to_string(&whole));
            prop_assert_eq!(coder.taken, whole.len() as u64);
        }
    }
}
