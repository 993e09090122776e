//! Downloads a job's results: all in one ZIP, or one card. A request comes by a link (`/links/{link_id}/…`), or by the
//! job's path (`/jobs/{id}/…`) with or without a signature of the old form. A link that is refused is an `EXPIRED_LINK`.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_observability::{DOWNLOADS, Event};
use huemill_store::job::{ItemError, ItemResult, ItemState, Job};
use huemill_store::steady_clock::SteadyClock;

use super::download_file::{DownloadFile, named};
use super::links::{BadLink, LinkedThing};
use super::results_archive;
use crate::http::content_negotiation::query_pairs;
use crate::http::context;
use crate::http::etag::ETag;
use crate::http::problem::{Problem, invalid};
use crate::http::state::Jobs;
use crate::http::state::jobs::parse_id;

/// All results in one ZIP, by the job's path.
pub(super) async fn results(
    request: HttpRequest,
    path: Path<String>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let access = JobAccess::by_path(&request, &path, &jobs).await?;
    Ok(respond_results(&request, &access, &jobs).await?)
}

/// All results in one ZIP, by a link.
pub(super) async fn linked_results(
    request: HttpRequest,
    path: Path<String>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let access = JobAccess::by_link(&path, LinkedThing::Results, &jobs).await?;
    Ok(respond_results(&request, &access, &jobs).await?)
}

/// One card, by the job's path.
pub(super) async fn card(
    request: HttpRequest,
    path: Path<(String, String)>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let (id, number) = path.into_inner();
    let access = JobAccess::by_path(&request, &id, &jobs).await?;
    let number = parse_number(&number).ok_or_else(no_card)?;
    Ok(respond_card(&request, &access, number, &jobs).await?)
}

/// One card, by a link.
pub(super) async fn linked_card(
    request: HttpRequest,
    path: Path<(String, String)>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let (link_id, number) = path.into_inner();
    let number = parse_number(&number).ok_or_else(|| refuse(BadLink::Forged, &jobs))?;
    let access = JobAccess::by_link(&link_id, LinkedThing::Card(number), &jobs).await?;
    Ok(respond_card(&request, &access, number, &jobs).await?)
}

/// A job that a request may see.
pub(super) struct JobAccess {
    pub(super) job: Job,
    /// When the link expires, if the request came by one (Unix seconds).
    link_expires: Option<i64>,
    /// Whether the client knows the job's id.
    knows_id: bool,
}

impl JobAccess {
    /// The job that a path names. The path may have a signature of the old form.
    pub(super) async fn by_path(request: &HttpRequest, id: &str, jobs: &Jobs) -> Result<Self, Fault> {
        let now = SteadyClock::of_process().seconds();
        let link_expires = jobs.links.check_signed(request.path(), request.query_string(), now);
        let link_expires = link_expires.map_err(|bad| refuse(bad, jobs))?;
        let job = if link_expires.is_some() {
            jobs.find_linked(&parse_id(id)?).await?
        } else {
            let context = context::of(request);
            context.identity().require_known()?;
            jobs.find(id, context.identity()).await?
        };
        Ok(Self { job, link_expires, knows_id: true })
    }

    async fn by_link(link_id: &str, thing: LinkedThing, jobs: &Jobs) -> Result<Self, Fault> {
        let (job, expires) = linked_job(link_id, thing, jobs).await?;
        Ok(Self { job, link_expires: Some(expires), knows_id: false })
    }
}

/// The job of a link, and when the link expires.
pub(super) async fn linked_job(link_id: &str, thing: LinkedThing, jobs: &Jobs) -> Result<(Job, i64), Fault> {
    let now = SteadyClock::of_process().seconds();
    let (id, expires) = jobs.links.open(link_id, thing, now).map_err(|bad| refuse(bad, jobs))?;
    Ok((jobs.find_linked(&id).await?, expires))
}

/// Counts a link that is refused.
fn refuse(bad: BadLink, jobs: &Jobs) -> Fault {
    jobs.recorder.record(Event::AuthFailed { reason: bad.reason() });
    bad.into()
}

async fn respond_results(
    request: &HttpRequest,
    access: &JobAccess,
    jobs: &Jobs,
) -> Result<HttpResponse, Fault> {
    let job = &access.job;
    if !job.state.has_ended() {
        return Err(Fault::new(Code::NotFound)
            .with_message("The job has not ended yet. Its results can be downloaded when it has."));
    }
    // The manifest has the job's id only for clients that know it, so there are two files with a tag each.
    let (etag, name) = if access.knows_id {
        (ETag::new(format_args!("{}-zip", job.version)), job.id.as_str())
    } else {
        (ETag::new(format_args!("{}-zip-link", job.version)), "results")
    };
    let file = DownloadFile {
        etag,
        modified: job.finished_at.unwrap_or(job.created_at),
        media_type: "application/zip".into(),
        disposition: format!("attachment; filename=\"{name}.zip\""),
        cache_control: None,
        kind: DOWNLOADS[0],
    };
    if let Some(response) = file.not_modified(request)? {
        return Ok(response);
    }
    let zip = results_archive::of(jobs, job, access.knows_id).await?;
    let blobs = jobs.repository.blobs.clone();
    let length = zip.len();
    file.respond(request, jobs, job, length, move |range| zip.stream(&blobs, range)).await
}

async fn respond_card(
    request: &HttpRequest,
    access: &JobAccess,
    number: u32,
    jobs: &Jobs,
) -> Result<HttpResponse, Fault> {
    let job = &access.job;
    let disposition = parse_disposition(request.query_string())?;
    if number >= job.total {
        return Err(no_card());
    }
    let (name, result) = result_of(job, number, jobs).await?.ok_or_else(no_card)?;
    let card = result.card.ok_or_else(made_without_card)?;
    let file = DownloadFile {
        etag: ETag::new(format_args!("{:08x}-{}", card.crc32, card.length)),
        modified: job.finished_at.unwrap_or(job.created_at),
        disposition: named(disposition, &results_archive::card_name(&name, &card.media_type)),
        media_type: card.media_type,
        cache_control: access.link_expires.map(cache_control),
        kind: DOWNLOADS[1],
    };
    if let Some(response) = file.not_modified(request)? {
        return Ok(response);
    }
    let blobs = jobs.repository.blobs.clone();
    let open = move |range| blobs.stream_to_client(card.key.clone(), range);
    file.respond(request, jobs, job, card.length, open).await
}

fn no_card() -> Fault {
    Fault::new(Code::NotFound).with_message("The job has no such card. Its results list the cards it has.")
}

fn made_without_card() -> Fault {
    Fault::new(Code::NotFound)
        .with_message("There is no card of this picture: it was processed without one.")
        .with_detail("This picture has no card: the job was created with `card=none`.")
}

/// The name and the result of one picture of a job, if the job has a picture of this number.
///
/// # Errors
/// `NOT_FOUND` that says why the picture has no result, or none yet.
pub(super) async fn result_of(
    job: &Job,
    number: u32,
    jobs: &Jobs,
) -> Result<Option<(String, ItemResult)>, Fault> {
    let item = jobs.repository.store.items(&job.id, number, 1).await?.pop();
    let Some(item) = item.filter(|item| item.number == number) else { return Ok(None) };
    match (item.state, item.result) {
        (ItemState::Done, Some(result)) => Ok(Some((item.name, result))),
        (state, _) => Err(no_result(state, item.error.as_ref())),
    }
}

/// Why a picture in this state has no result.
fn no_result(state: ItemState, error: Option<&ItemError>) -> Fault {
    let fault = Fault::new(Code::NotFound);
    match state {
        ItemState::Queued | ItemState::Claimed => {
            fault.with_message("This picture is not done yet. Wait a moment and try again.").with_detail(
                "This picture has no result yet. Wait until the job's status says that it has ended.",
            )
        }
        ItemState::Canceled => fault
            .with_message("There is nothing of this picture: the work was canceled before its turn came.")
            .with_detail("This picture has no result: its job was canceled before it was processed."),
        ItemState::Done | ItemState::Failed => {
            let code = error.map_or(String::new(), |error| format!(" with {}", error.code));
            fault
                .with_message("This picture could not be processed, so there is nothing of it to get.")
                .with_detail(format!(
                    "This picture failed{code} and has no result. `failed` in the job's status says why."
                ))
        }
    }
}

/// Parses the number of a card: digits alone.
pub(super) fn parse_number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether a browser saves the card, which is the default, or shows it.
fn parse_disposition(query: &str) -> Result<&'static str, Fault> {
    let pairs = query_pairs(query)?;
    let mut asked = pairs.iter().filter(|(name, _)| name == "disposition").map(|(_, value)| value.as_str());
    match (asked.next(), asked.next()) {
        (None | Some("attachment"), None) => Ok("attachment"),
        (Some("inline"), None) => Ok("inline"),
        _ => Err(invalid("`disposition` must be attachment or inline.")),
    }
}

/// A card never changes, and its link is worth nothing once it has expired.
fn cache_control(link_expires: i64) -> String {
    let seconds = (link_expires - SteadyClock::of_process().seconds()).max(0);
    format!("private, max-age={seconds}, immutable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_saved_unless_the_query_asks_to_show_it() {
        for (query, disposition) in [
            ("", "attachment"),
            ("disposition=attachment", "attachment"),
            ("expires=1&signature=2&disposition=inline", "inline"),
        ] {
            assert_eq!(parse_disposition(query).unwrap(), disposition, "{query}");
        }
        for query in ["disposition=", "disposition=x", "disposition=inline&disposition=inline"] {
            assert_eq!(parse_disposition(query).unwrap_err().code, Code::InvalidInput, "{query}");
        }
    }

    #[test]
    fn a_number_has_digits_alone() {
        assert_eq!((parse_number("0"), parse_number("7")), (Some(0), Some(7)));
        for text in ["", "-1", "+1", "1.0", "x", "99999999999"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
