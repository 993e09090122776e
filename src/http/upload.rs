//! Receives request bodies into the spool. An upload is admitted before it is read, comes in one of three forms
//! (multipart, JSON with base64, raw), and is never held in memory as a whole unless it is small or JSON.
//!
//! [`receive`] and [`receive_url`] take a single file; [`job_upload::receive`] takes a job's files and fields.
//! [`list_pictures`] looks into a received ZIP.

mod filename;
pub(crate) mod job_upload;
mod json;
mod multipart;
mod sink;
pub(crate) mod spec;
pub(crate) mod texts;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use huemill_actors::clock::Instant as Deadline;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::intake::Admission;
use huemill_actors::pictures;
use huemill_observability::log;
use huemill_store::Spool;
use huemill_store::archive::Entry;

use super::context::{self, Context};
use super::route;
use super::state::Uploads;
use json::BodyContent;
use sink::SpoolSink;
use spec::{BodyForm, UploadSpec};
use texts::Texts;

/// A received file, and the admission that lasts as long as the file is worked on.
pub(crate) struct Upload {
    /// The file's bytes.
    pub spool: Spool,
    /// The texts beside it.
    pub texts: Texts,
    /// The request's deadline, counted from the end of the body.
    pub deadline: Deadline,
    _admission: Option<Admission>,
}

impl Upload {
    /// An upload that has arrived; the request's admission goes with it.
    fn new(spool: Spool, deadline: Deadline, context: &Context) -> Result<Self, Fault> {
        let mut admission = context.take_admission();
        if let Some(admission) = &mut admission {
            admission.settle(spool.len())?;
        }
        Ok(Self { spool, texts: Texts::default(), deadline, _admission: admission })
    }
}

/// Receives the file that `spec` describes, or downloads it if the body holds a URL.
///
/// # Errors
/// The fault for the client, before the body is read if possible.
pub(crate) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    uploads: &Uploads,
    spec: &UploadSpec,
) -> Result<Upload, Fault> {
    let form = spec.form_of(request)?;
    let max = form.max_body(spec.limit);
    let declared = spec.check_length(request, max)?;
    let context = context::of(request);
    uploads.admit(&context, declared, max, false).await?;
    let (content, texts) = match form {
        BodyForm::Multipart => {
            let (spool, texts) = multipart::receive(request, payload, &uploads.spool, spec).await?;
            (BodyContent::File(spool), texts)
        }
        BodyForm::Json => json::receive(payload, uploads, spec).await?,
        BodyForm::Raw => {
            let sink = SpoolSink::new(&uploads.spool, spec.limit, spec.limit);
            (BodyContent::File(sink.write_all(payload).await?.finish().await?), Texts::default())
        }
    };
    let deadline = uploads.deadline();
    let upload = match content {
        BodyContent::File(spool) if spool.is_empty() => Err(spec.nothing_sent()),
        BodyContent::File(spool) => Upload::new(spool, deadline, &context),
        BodyContent::Url(url) => download(&context, uploads, url, Some(deadline)).await,
    };
    Ok(Upload { texts, ..upload? })
}

/// What a route accepts that takes only a URL. The limit is far beyond any URL, so that one that is too long is reported
/// as invalid.
const URL_SPEC: UploadSpec = UploadSpec {
    field: "",
    member: "url",
    url: None,
    raw: |_| false,
    limit: 1_000_000,
    texts: &[],
    missing: "No address of a picture was entered.",
    how: "No URL was sent. Send one as JSON {\"url\": \"https://…\"}.",
    types: "application/json",
};

/// Receives `{"url": "…"}` and downloads the URL.
///
/// # Errors
/// The fault for the client.
pub(crate) async fn receive_url(
    request: &HttpRequest,
    payload: Payload,
    uploads: &Uploads,
) -> Result<Upload, Fault> {
    let form = URL_SPEC.form_of(request)?;
    if form != BodyForm::Json {
        return Err(URL_SPEC.wrong_type(request));
    }
    let max = form.max_body(URL_SPEC.limit);
    let declared = URL_SPEC.check_length(request, max)?;
    let context = context::of(request);
    uploads.admit(&context, declared, max, false).await?;
    let url = json::receive_text(payload, uploads, &URL_SPEC).await?;
    download(&context, uploads, url, None).await
}

/// Downloads a URL until `deadline` if there is one. The download takes the place of the request's body.
async fn download(
    context: &Context,
    uploads: &Uploads,
    url: String,
    deadline: Option<Deadline>,
) -> Result<Upload, Fault> {
    let spool = uploads.download(url, context, deadline).await?;
    Upload::new(spool, deadline.unwrap_or_else(|| uploads.deadline()), context)
}

/// Lists the entries of a received ZIP that are pictures, in the archive's order: one at least, `pictures` at most. If local headers and the
/// directory disagree about names, the directory's names are used and the disagreement is logged.
///
/// # Errors
/// The fault for the client if the archive is refused.
pub(crate) async fn list_pictures(
    request: &HttpRequest,
    uploads: &Uploads,
    spool: &Spool,
    pictures: usize,
) -> Result<Vec<Entry>, Fault> {
    let (spool, limits) = (spool.clone(), uploads.zip_limits(pictures));
    let listed = tokio::task::spawn_blocking(move || pictures::list(&spool, &limits)).await;
    let entries = listed.map_err(|error| Fault::new(Code::InternalError).with_cause(error))??;
    let renamed = entries.iter().filter(|entry| entry.renamed).count();
    let context = context::of(request);
    if renamed > 0
        && let Some(lines_left_out) = uploads.line_sampler.take(context.caller(), 1)
    {
        log!(
            ZIP_AMBIGUOUS,
            request_id = context.id.as_str(),
            endpoint = route::of(request.match_info()).map(|route| route.path),
            entries = renamed,
            lines_left_out,
        );
    }
    Ok(entries)
}
