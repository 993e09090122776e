//! `POST /process_zip`: processes the pictures of a ZIP while the client waits. The response streams one result at a
//! time, in the archive's order. It begins with the first success, so that a ZIP without any success can still be a 422.

use std::io;
use std::pin::pin;

use actix_web::mime::Mime;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream, StreamExt};
use huemill_actors::clock::Instant as Deadline;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::workers::Input;
use huemill_imaging::Options;
use huemill_observability::Event;
use huemill_store::archive::Entry;
use huemill_store::{Caller, Spool};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::body_stream::{piece, spool_chunks};
use super::content_negotiation::{self, RequestedParams, ResponseFormat};
use super::picture_json::{self, FailedPicture};
use super::problem::{Problem, invalid, spool_failed};
use super::state::{Processing, Uploads};
use super::upload::spec::{self, UploadSpec};
use super::upload::{self, Upload};
use super::{context, route};

/// Receives the ZIP, processes its pictures and responds.
pub(crate) async fn process_zip(
    request: HttpRequest,
    payload: Payload,
    uploads: Data<Uploads>,
    processing: Data<Processing>,
) -> Result<HttpResponse, Problem> {
    let params = RequestedParams::of(&request)?;
    let upload = upload::receive(&request, payload, &uploads, &upload_spec(uploads.limits.zip_bytes)).await?;
    let params = params.with_fields(&upload.texts)?;
    if matches!(params.format, ResponseFormat::Palette(_)) {
        return Err(invalid(
            "`export` has no effect on a ZIP of pictures. Ask for the palette of one picture.",
        )
        .into());
    }
    let entries =
        upload::list_pictures(&request, &uploads, &upload.spool, uploads.limits.zip_pictures).await?;
    let context = context::of(&request);
    uploads.count_pictures(&context, entries.len())?;
    let caller = context.caller();
    let mut results = ZipResults::new(upload, entries, caller, params.options, processing);
    let Some(first) = results.next_success().await else { return Err(results.no_success().into()) };
    Ok(HttpResponse::Ok().content_type("application/json").streaming(results.into_json(first)))
}

fn upload_spec(limit: u64) -> UploadSpec {
    UploadSpec {
        field: "zip_file",
        member: "zip",
        url: None,
        raw: |kind: &Mime| spec::is_zip(kind),
        limit,
        texts: &content_negotiation::FIELDS,
        missing: "No ZIP file was chosen.",
        how: "No ZIP was sent. Send one as the form field \"zip_file\", as JSON {\"zip\": \"<base64>\"}, or as the \
                  raw body.",
        types: "multipart/form-data with a field \"zip_file\", application/json, or application/zip",
    }
}

/// Processes one picture into its element of `results`, which stays in the spool until the client has read it.
async fn process_picture(
    processing: &Processing,
    caller: Caller,
    (index, name): (usize, &str),
    input: Input,
    options: Options,
    until: Deadline,
) -> Result<Spool, Fault> {
    let deadline = processing.deadline().min(until);
    let outcome = processing.run(caller, input, options, deadline).await?;
    processing.recorder.record(Event::ImageProcessed { endpoint: route::PROCESS_ZIP.path });
    let json = picture_json::element(index, name, &outcome)?;
    drop(outcome);
    Spool::keep(&processing.spool, json).await.map_err(spool_failed)
}

/// The results of one archive as they are produced.
struct ZipResults {
    /// Results in the archive's order. As many pictures are in progress as there are slots.
    work: UnboundedReceiverStream<(usize, String, Result<Spool, Fault>)>,
    failed: Vec<FailedPicture>,
    worst: Option<Fault>,
    total: usize,
    processed: usize,
    _task: AbortOnDrop,
}

/// Ends the work when the response is dropped.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ZipResults {
    /// Starts the work, which goes on whether or not the client reads: the archive and its admission are gone once the
    /// last picture is processed. The results wait in the spool.
    fn new(
        upload: Upload,
        entries: Vec<Entry>,
        caller: Caller,
        options: Options,
        processing: Data<Processing>,
    ) -> Self {
        let (total, concurrency) = (entries.len(), processing.slots);
        let until = processing.archive_deadline();
        let (sender, work) = mpsc::unbounded_channel();
        let task = actix_rt::spawn(async move {
            let attempts = stream::iter(entries).enumerate().map(|(index, entry)| {
                let (processing, archive) = (&processing, upload.spool.clone());
                async move {
                    let name = entry.name.clone();
                    let input = Input::Entry { archive, entry };
                    let result =
                        process_picture(processing, caller, (index, &name), input, options, until).await;
                    (index, name, result)
                }
            });
            let mut attempts = pin!(attempts.buffered(concurrency));
            while let Some(result) = attempts.next().await {
                let _ = sender.send(result);
            }
        });
        let work = UnboundedReceiverStream::new(work);
        Self { work, failed: Vec::new(), worst: None, total, processed: 0, _task: AbortOnDrop(task) }
    }

    /// The next successful result. Failures on the way are collected.
    async fn next_success(&mut self) -> Option<Spool> {
        while let Some((index, filename, result)) = self.work.next().await {
            match result {
                Ok(json) => {
                    self.processed += 1;
                    return Some(json);
                }
                Err(fault) => {
                    if self.worst.as_ref().is_none_or(|worst| fault.code.is_ours() && !worst.code.is_ours()) {
                        self.worst = Some(fault.clone());
                    }
                    self.failed.push(FailedPicture {
                        index,
                        filename,
                        url: None,
                        error_code: fault.code.as_str().into(),
                        user_message: fault.message.into_owned(),
                    });
                }
            }
        }
        None
    }

    /// The fault if no picture succeeded: an internal one if there was one, otherwise the archive's.
    fn no_success(self) -> Fault {
        match self.worst {
            Some(fault) if fault.code.is_ours() => fault,
            worst => {
                let cause = worst.map(|fault| fault.to_string()).unwrap_or_default();
                let first = self.failed.first().map_or("", |failed| &failed.user_message);
                let message = format!(
                    "None of the ZIP's pictures ({}) could be read. The first error: {first}",
                    self.total
                );
                Fault::new(Code::ProcessingError).with_message(message).with_cause(cause)
            }
        }
    }

    /// The response's JSON, piece by piece.
    fn into_json(self, first: Spool) -> impl Stream<Item = io::Result<Bytes>> {
        let opening = piece(b"{\"success\":true,\"results\":[".as_slice()).chain(spool_chunks(first));
        let rest = stream::unfold(Some(self), |results| async move {
            let mut results = results?;
            match results.next_success().await {
                Some(json) => Some((piece(b",".as_slice()).chain(spool_chunks(json)).boxed(), Some(results))),
                None => Some((piece(results.closing()).boxed(), None)),
            }
        });
        opening.chain(rest.flatten())
    }

    fn closing(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Closing<'a> {
            processed_count: usize,
            total_files: usize,
            failed: &'a [FailedPicture],
        }
        let closing =
            Closing { processed_count: self.processed, total_files: self.total, failed: &self.failed };
        let members = serde_json::to_vec(&closing).unwrap_or_else(|_| b"{}".to_vec());
        [b"],".as_slice(), &members[1..]].concat()
    }
}
