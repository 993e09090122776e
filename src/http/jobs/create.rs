//! `POST /jobs`: receives a job and responds when it is durable.
//!
//! The order matters. The signature's headers and the idempotency key are checked, and the key is reserved. Then the body
//! is admitted, received and hashed, and the signature is verified. Then the fields are checked. A key that already has a
//! job is answered with that job; everything else is submitted. If two requests with one key race, the store decides.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
use actix_web::mime::Mime;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::over_quota::over_quota;
use huemill_actors::submission::{Submission, Submitted};
use huemill_observability::Event;
use huemill_observability::trace;
use huemill_store::Spool;
use huemill_store::access_key::Scope;
use huemill_store::archive::{self, Wanted};
use huemill_store::job::{Job, JobId, JobKind, NewKey, Priority};
use huemill_store::steady_clock::SteadyClock;
use huemill_store::store::Created;
use serde::Serialize;

use super::fields::{self, JobFields};
use super::idempotency_key::IdempotencyKey;
use super::links::{LinkedThing, Links};
use super::{fingerprint, links, urls};
use crate::http::context;
use crate::http::problem::Problem;
use crate::http::state::{Edge, Jobs, Uploads};
use crate::http::upload;
use crate::http::upload::job_upload::{self, JobInput, JobUploadSpec, UploadedFile};
use crate::http::upload::spec::{self, UploadSpec};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Minimum time that a key is kept.
const MIN_KEY_TTL: Duration = Duration::from_secs(24 * 3_600);

/// Receives a job.
pub(super) async fn create(
    request: HttpRequest,
    payload: Payload,
    edge: Data<Edge>,
    uploads: Data<Uploads>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let signature = edge.signatures.check_headers(&request)?;
    let key = IdempotencyKey::of(request.headers(), "POST /jobs", context::of(&request).identity().caller())?;
    let _reservation = match &key {
        Some(key) => Some(jobs.reserve_key(&key.scope, &key.key).await?),
        None => None,
    };
    let upload = job_upload::receive(&request, payload, &uploads, &upload_spec(&uploads)).await;
    // A client whose signature is wrong learns nothing else, not even what is wrong with the body.
    if upload.is_ok() || context::of(&request).has_whole_body() {
        edge.signatures.verify(signature, &request).await?;
    }
    let upload = upload?;
    if edge.signatures.are_required_for(request.method(), request.path()) {
        fields::refuse_in_query(request.query_string())?;
    }
    let fields = JobFields::parse(request.query_string(), &upload.texts)?;
    if fields.priority == Priority::High {
        context::of(&request).identity().require(Scope::Priority)?;
    }
    if let Some(url) = &fields.callback_url {
        urls::check_callback(url, &request, &jobs).await?;
    }
    let key = key.map(|key| NewKey {
        fingerprint: fingerprint::of(&upload.input, &fields),
        scope: key.scope,
        key: key.key,
        keep: MIN_KEY_TTL.max(fields.ttl),
    });
    if let Some(known) = find_key(key.as_ref(), &jobs).await? {
        return Ok(respond(known, &jobs)?);
    }
    let (kind, input) = submitted(upload.input, &request, &uploads, &jobs).await?;
    uploads.count_pictures(&context::of(&request), input.pictures())?;
    let submission = Submission {
        id: JobId::generate(steady_time(), &mut rand::rng()),
        caller: context::of(&request).caller(),
        limits: *context::of(&request).identity().limits(),
        kind,
        priority: fields.priority,
        options: fields.options,
        request_id: context::of(&request).id.as_str().to_owned(),
        traceparent: trace::Scope::here().headers().map(|(traceparent, _)| traceparent),
        base_url: links::base_url(&jobs.public_url, &request),
        callback_url: fields.callback_url,
        ttl: fields.ttl,
        key,
        input,
    };
    Ok(respond(jobs.submit(submission).await?, &jobs)?)
}

fn upload_spec(uploads: &Uploads) -> JobUploadSpec {
    JobUploadSpec {
        single: UploadSpec {
            field: "zip_file",
            member: "zip",
            url: None,
            raw: |kind: &Mime| spec::is_zip(kind),
            limit: uploads.limits.zip_bytes,
            texts: &fields::NAMES,
            missing: "No pictures were chosen.",
            how: "Nothing was sent. Send a ZIP as the form field \"zip_file\", as JSON {\"zip\": \"<base64>\"} or as \
                      the raw body, pictures as form fields \"images\", or their addresses as JSON \
                      {\"urls\": [\"https://…\"]}.",
            types: "multipart/form-data with a field \"zip_file\" or fields \"images\", application/json, or \
                    application/zip",
        },
        repeated: "images",
        repeated_limit: uploads.limits.image_bytes,
        list: "urls",
        max_count: uploads.limits.job_pictures,
        max_list: uploads.limits.job_urls,
    }
}

/// The job that already has this key, or the conflict if the key was used for another request.
async fn find_key(key: Option<&NewKey>, jobs: &Jobs) -> Result<Option<Created>, Fault> {
    let Some(key) = key else { return Ok(None) };
    let found = jobs.repository.store.key(&key.scope, &key.key).await?;
    Ok(found.map(|found| {
        if found.fingerprint == key.fingerprint { Created::Replayed(found.job) } else { Created::Conflict }
    }))
}

/// The uploaded files or URLs as a submission's input.
async fn submitted(
    input: JobInput,
    request: &HttpRequest,
    uploads: &Uploads,
    jobs: &Jobs,
) -> Result<(JobKind, Submitted), Fault> {
    match input {
        JobInput::Single(UploadedFile { spool, .. }) => {
            let pictures = uploads.limits.job_pictures;
            let entries = upload::list_pictures(request, uploads, &spool, pictures).await?;
            Ok((JobKind::Zip, Submitted::Zip { spool, entries }))
        }
        JobInput::Files(files) => Ok((JobKind::Image, Submitted::Images(with_distinct_names(files)))),
        JobInput::List(list) => Ok((JobKind::Url, Submitted::Urls(urls::pictures(&list, request, jobs)?))),
    }
}

/// Files with names that are distinct and safe to show.
fn with_distinct_names(files: Vec<UploadedFile>) -> Vec<(String, Spool)> {
    let wanted: Vec<String> = files
        .iter()
        .enumerate()
        .map(|(at, file)| file.name.clone().unwrap_or_else(|| format!("image-{}", at + 1)))
        .collect();
    let names = archive::distinct(wanted.iter().map(|name| Wanted::File(name)));
    names.into_iter().zip(files).map(|(name, file)| (name, file.spool)).collect()
}

/// The time by the clock that the sweep compares with the ages of blobs.
fn steady_time() -> Duration {
    Duration::from_millis(u64::try_from(SteadyClock::of_process().millis()).unwrap_or_default())
}

#[derive(Serialize)]
struct AcceptedBody<'a> {
    job_id: &'a str,
    status: &'static str,
    eta_s: u32,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_url: Option<String>,
}

impl<'a> AcceptedBody<'a> {
    /// The body has a link to the job's events if `with_events_url`.
    fn new(job: &'a Job, links: &Links, with_events_url: bool) -> Self {
        let events_url = || links.url(&job.base_url, &job.id, LinkedThing::Events, job.expires_at);
        Self {
            job_id: job.id.as_str(),
            status: job.state.as_str(),
            eta_s: if job.state.has_ended() { 0 } else { job.eta_s },
            request_id: &job.request_id,
            events_url: with_events_url.then(events_url),
        }
    }
}

fn respond(created: Created, jobs: &Jobs) -> Result<HttpResponse, Fault> {
    let (job, is_replay) = match created {
        Created::New(job) => (job, false),
        Created::Replayed(job) => (job, true),
        Created::OverQuota { which, limit, used } => return Err(over_quota(which, limit, used)),
        Created::Conflict => {
            jobs.recorder.record(Event::IdempotencyConflict);
            return Err(Code::IdempotencyViolation.into());
        }
    };
    let mut response =
        HttpResponse::Accepted().json(AcceptedBody::new(&job, &jobs.links, jobs.with_events_url));
    let headers = response.headers_mut();
    let location = HeaderValue::from_str(&format!("{}/jobs/{}", links::base_path(&jobs.public_url), job.id));
    headers.insert(LOCATION, location.map_err(|error| Fault::new(Code::InternalError).with_cause(error))?);
    if is_replay {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use huemill_store::job::JobState;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_response_has_the_jobs_id_and_state() {
        let job = crate::http::jobs::summary::sample_job(JobState::Queued);
        let links = Links::new("k".into());
        let body = |with| serde_json::to_value(AcceptedBody::new(&job, &links, with)).unwrap();
        let url = links.url(&job.base_url, &job.id, LinkedThing::Events, job.expires_at);
        assert_eq!(body(true)["events_url"], json!(url));
        assert_eq!(
            body(false),
            json!({
                "job_id": "job_018c0000000000112233445566778899aabbccddeeff", "status": "queued", "eta_s": 7,
                "request_id": "c298c805",
            })
        );
    }
}
