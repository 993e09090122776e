//! One settled picture of a job, as bodies list it: with its result, or with the reason why it failed. The body of an ended
//! job and the windows of a job's pictures are written with it.

use actix_web::web::Bytes;
use futures_util::stream::{Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::repository::Repository;
use huemill_store::blobs::BlobError;
use huemill_store::job::{Item, ItemResult, ItemState, Job, JobId, JobState};

use super::links::{LinkedThing, Links};
use crate::http::picture_json::FailedPicture;

/// A picture that will not change any more.
pub(super) enum SettledPicture {
    /// It has a result.
    Done(Item, ItemResult),
    /// It failed.
    Failed(FailedPicture),
}

impl SettledPicture {
    /// The picture of an item, if it is settled. One whose job was canceled before its turn has neither result nor error.
    pub(super) fn of(mut item: Item) -> Option<Self> {
        match (item.state, item.result.take(), item.error.take()) {
            (ItemState::Done, Some(result), _) => Some(Self::Done(item, result)),
            (ItemState::Failed, _, Some(error)) => Some(Self::Failed(FailedPicture {
                index: item.number as usize,
                filename: item.name,
                url: item.url,
                error_code: error.code.into(),
                user_message: error.message,
            })),
            _ => None,
        }
    }
}

/// Writes the object of a picture with a result, up to the value of its last member, `social_image`.
pub(super) fn write_opening(json: &mut Vec<u8>, item: &Item, members: &str) {
    json.extend_from_slice(format!("{{\"index\":{},\"filename\":", item.number).as_bytes());
    json.extend_from_slice(&quoted(&item.name));
    if let Some(url) = &item.url {
        json.extend_from_slice(b",\"url\":");
        json.extend_from_slice(&quoted(url));
    }
    let members = members.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    if !members.is_empty() {
        json.push(b',');
        json.extend_from_slice(members.as_bytes());
    }
    json.extend_from_slice(b",\"social_image\":");
}

/// The link to a picture's card, as JSON.
pub(super) fn card_link(job: &Job, number: u32, links: &Links) -> Vec<u8> {
    quoted(&links.url(&job.base_url, &job.id, LinkedThing::Card(number), job.expires_at))
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).unwrap_or_else(|_| b"\"\"".to_vec())
}

/// A blob of a job, as it is read. A job that is deleted meanwhile takes it along: the error is the job's then, and not an
/// internal one.
pub(super) fn blob_of_job(
    repository: Repository,
    id: JobId,
    blob: impl Stream<Item = Result<Bytes, BlobError>>,
) -> impl Stream<Item = Result<Bytes, Fault>> {
    blob.then(move |piece| {
        let (repository, id) = (repository.clone(), id.clone());
        async move {
            match piece {
                Err(missing @ BlobError::Missing(_)) => {
                    let fault = why_gone(&repository, &id).await;
                    Err(if fault.code == Code::InternalError { missing.into() } else { fault })
                }
                piece => Ok(piece?),
            }
        }
    })
}

/// Why pictures disappeared while they were read: the job was deleted, or it is an internal error.
pub(super) async fn why_gone(repository: &Repository, id: &JobId) -> Fault {
    match repository.store.job(id).await {
        Ok(Some(job)) if job.state != JobState::Expired => {
            Fault::new(Code::InternalError).with_cause("a job's results disappeared while they were read")
        }
        Ok(Some(_)) => Fault::new(Code::ExpiredJob),
        Ok(None) => Fault::new(Code::JobNotFound),
        Err(error) => error.into(),
    }
}
