//! `POST /jobs`: receives pictures and answers when the job is durable.
//!
//! In this order: the signature's head and the key are judged, the key is held, the body is admitted, received and
//! hashed, the signature is settled, the fields are judged, a key that has its job already is answered with that
//! job, and everything else is submitted. The store decides what two at a time with one key get.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
use actix_web::mime::{self, Mime};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::submission::{Submission, Submitted};
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::Spool;
use huemill_store::archive;
use huemill_store::job::{Job, JobId, JobKind, NewKey};
use huemill_store::steady_clock::SteadyClock;
use huemill_store::store::Created;
use serde::Serialize;

use super::fields::{self, Fields};
use super::key::IdempotencyKey;
use super::{fingerprint, links, urls};
use crate::http::doors::Doors;
use crate::http::problem::Problem;
use crate::http::upload::Wanted;
use crate::http::upload::parcel::{self, File, Sent, Takes};
use crate::http::{context, pictures};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How long a key is kept at least.
const KEEP: Duration = Duration::from_secs(24 * 3_600);

/// Receives a job.
pub(super) async fn create(
    request: HttpRequest,
    payload: Payload,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let signed = doors.signatures.begin(&request)?;
    let key = IdempotencyKey::of(request.headers(), "POST /jobs")?;
    let _held = match &key {
        Some(key) => Some(doors.hold_key(&key.scope, &key.word).await?),
        None => None,
    };
    let parcel = parcel::receive(&request, payload, &doors, &takes(&doors)).await;
    // Who is not believed is told nothing else, not even what is wrong with the body.
    if parcel.is_ok() || context::of(&request).has_whole_body() {
        doors.signatures.settle(signed, &request, &*doors.repository.store).await?;
    }
    let parcel = parcel?;
    let fields = Fields::read(request.query_string(), &parcel.texts)?;
    if let Some(url) = &fields.callback_url {
        urls::callback(url, &request, &doors)?;
    }
    let key = key.map(|key| NewKey {
        fingerprint: fingerprint::of(&parcel.sent, &fields),
        scope: key.scope,
        key: key.word,
        keep: KEEP.max(fields.ttl),
    });
    if let Some(known) = known(key.as_ref(), &doors).await? {
        return Ok(answer(known, &doors)?);
    }
    let (kind, input) = input(parcel.sent, &request, &doors).await?;
    let submission = Submission {
        id: JobId::generate(since_1970(), &mut rand::rng()),
        kind,
        priority: fields.priority,
        options: fields.options,
        request_id: context::of(&request).id.as_str().to_owned(),
        traceparent: Scope::here().headers().map(|(traceparent, _)| traceparent),
        base_url: links::base_url(&doors.public_url, &request),
        callback_url: fields.callback_url,
        ttl: fields.ttl,
        key,
        input,
    };
    Ok(answer(doors.submit(submission).await?, &doors)?)
}

fn takes(doors: &Doors) -> Takes {
    Takes {
        one: Wanted {
            field: "zip_file",
            member: "zip",
            url: None,
            raw: |kind: &Mime| {
                kind.type_() == mime::APPLICATION
                    && matches!(kind.subtype().as_str(), "zip" | "x-zip-compressed")
            },
            limit: doors.limits.zip_bytes,
            nothing: "Nothing was sent. Send a ZIP as the form field \"zip_file\", as JSON {\"zip\": \"<base64>\"} or as \
                      the body itself, pictures as form fields \"images\", or their addresses as JSON \
                      {\"urls\": [\"https://…\"]}.",
            types: "multipart/form-data with a field \"zip_file\" or fields \"images\", application/json, or \
                    application/zip",
        },
        many: "images",
        many_limit: doors.limits.image_bytes,
        list: "urls",
        most: doors.limits.job_pictures,
        texts: &fields::NAMES,
    }
}

/// The job that a key has already, or that it was another request's.
async fn known(key: Option<&NewKey>, doors: &Doors) -> Result<Option<Created>, Fault> {
    let Some(key) = key else { return Ok(None) };
    let found = doors.repository.store.key(&key.scope, &key.key).await?;
    Ok(found.map(|found| {
        if found.fingerprint == key.fingerprint { Created::Replayed(found.job) } else { Created::Conflict }
    }))
}

/// What was sent, as the job's input.
async fn input(sent: Sent, request: &HttpRequest, doors: &Doors) -> Result<(JobKind, Submitted), Fault> {
    match sent {
        Sent::One(File { spool, .. }) => {
            let entries = pictures::of_zip(request, &spool, doors.job_limits()).await?;
            Ok((JobKind::Zip, Submitted::Zip { spool, entries }))
        }
        Sent::Many(files) => Ok((JobKind::Image, Submitted::Images(named(files)))),
        Sent::List(list) => Ok((JobKind::Url, Submitted::Urls(urls::named(&list, request, doors)?))),
    }
}

/// Files with names that are safe to show, each once.
fn named(files: Vec<File>) -> Vec<(String, Spool)> {
    let wish = |(at, file): (usize, &File)| file.name.clone().unwrap_or_else(|| format!("image-{}", at + 1));
    let wishes: Vec<String> = files.iter().enumerate().map(wish).collect();
    let names = archive::distinct(wishes.iter().map(String::as_str));
    names.into_iter().zip(files).map(|(name, file)| (name, file.spool)).collect()
}

/// By the clock that the sweep compares the ages of blobs with.
fn since_1970() -> Duration {
    Duration::from_millis(u64::try_from(SteadyClock::of_process().millis()).unwrap_or_default())
}

#[derive(Serialize)]
struct Accepted<'a> {
    job_id: &'a str,
    status: &'static str,
    eta_s: u32,
    request_id: &'a str,
}

fn answer(created: Created, doors: &Doors) -> Result<HttpResponse, Fault> {
    let (job, replayed) = match created {
        Created::New(job) => (job, false),
        Created::Replayed(job) => (job, true),
        Created::Conflict => {
            doors.recorder.record(Event::IdempotencyConflict);
            return Err(Code::IdempotencyViolation.into());
        }
    };
    let mut response = HttpResponse::Accepted().json(accepted(&job));
    let headers = response.headers_mut();
    let location = HeaderValue::from_str(&format!("/jobs/{}", job.id));
    headers.insert(LOCATION, location.map_err(|error| Fault::new(Code::InternalError).with_cause(error))?);
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn accepted(job: &Job) -> Accepted<'_> {
    Accepted {
        job_id: job.id.as_str(),
        status: job.state.as_str(),
        eta_s: if job.state.has_ended() { 0 } else { job.eta_s },
        request_id: &job.request_id,
    }
}

#[cfg(test)]
mod tests {
    use huemill_store::job::JobState;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_answer_is_the_jobs_id_and_where_it_stands() {
        let job = super::super::body::tests::job(JobState::Queued);
        assert_eq!(
            serde_json::to_value(accepted(&job)).unwrap(),
            json!({
                "job_id": "job_018c0000000000112233445566778899aabbccddeeff", "status": "queued", "eta_s": 7,
                "request_id": "c298c805",
            })
        );
    }
}
