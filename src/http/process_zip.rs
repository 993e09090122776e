//! `POST /process_zip`: the pictures of a ZIP while the client waits. The answer is streamed, a result at a time,
//! in the archive's order; it begins with the first success, so that none at all can still be a 422.

use std::io;

use actix_web::mime::{self, Mime};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, LocalBoxStream, Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::workers::Input;
use huemill_imaging::Options;
use huemill_observability::Event;
use huemill_store::Spool;
use huemill_store::archive::Entry;
use serde::Serialize;

use super::doors::Doors;
use super::negotiate::Asked;
use super::problem::Problem;
use super::upload::{self, Upload, Wanted};
use super::{answer, pictures, route};

/// Receives the ZIP, has its pictures worked on, answers.
pub(crate) async fn process_zip(
    request: HttpRequest,
    payload: Payload,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let asked = Asked::of(&request)?;
    let upload = upload::receive(&request, payload, &doors, &wanted(doors.limits.zip_bytes)).await?;
    let entries = pictures::of_zip(&request, &upload.spool, doors.zip_limits()).await?;
    let mut album = Album::new(upload, entries, asked.options, doors);
    let Some(first) = album.next_success().await else { return Err(album.nothing_done().into()) };
    Ok(HttpResponse::Ok().content_type("application/json").streaming(album.into_json(first)))
}

fn wanted(limit: u64) -> Wanted {
    Wanted {
        field: "zip_file",
        member: "zip",
        url: None,
        raw: |kind: &Mime| {
            kind.type_() == mime::APPLICATION && matches!(kind.subtype().as_str(), "zip" | "x-zip-compressed")
        },
        limit,
        nothing: "No ZIP was sent. Send one as the form field \"zip_file\", as JSON {\"zip\": \"<base64>\"}, or as the \
                  body itself.",
        types: "multipart/form-data with a field \"zip_file\", application/json, or application/zip",
    }
}

/// One picture's element of `results`, in the spool until the client has read it.
async fn result(doors: &Doors, name: &str, input: Input, options: Options) -> Result<Spool, Fault> {
    let outcome = doors.run(input, options, doors.deadline()).await?;
    doors.recorder.record(Event::ImageProcessed { endpoint: route::PROCESS_ZIP.path });
    answer::result(name, outcome, &doors.spool).await
}

/// A picture that gave no result.
#[derive(Serialize)]
struct Failed {
    filename: String,
    error_code: &'static str,
    user_message: String,
}

impl Failed {
    fn new(filename: String, fault: Fault) -> Self {
        Self { filename, error_code: fault.code.as_str(), user_message: fault.message.into_owned() }
    }
}

/// The work on one archive.
struct Album {
    /// Results as they come, in the archive's order; as many under way as there are slots.
    work: LocalBoxStream<'static, (String, Result<Spool, Fault>)>,
    failed: Vec<Failed>,
    worst: Option<Fault>,
    total: usize,
    processed: usize,
    /// Held to the end of the answer: the bytes, and the admission.
    _upload: Upload,
}

impl Album {
    fn new(upload: Upload, entries: Vec<Entry>, options: Options, doors: Data<Doors>) -> Self {
        let total = entries.len();
        let (spool, at_once) = (upload.spool.clone(), doors.slots);
        let work = stream::iter(entries)
            .map(move |entry| {
                let (doors, spool) = (doors.clone(), spool.clone());
                async move {
                    let name = entry.name.clone();
                    let result = result(&doors, &name, Input::Entry { archive: spool, entry }, options).await;
                    (name, result)
                }
            })
            .buffered(at_once)
            .boxed_local();
        Self { work, failed: Vec::new(), worst: None, total, processed: 0, _upload: upload }
    }

    /// The next result that is one; failures are put aside.
    async fn next_success(&mut self) -> Option<Spool> {
        while let Some((name, result)) = self.work.next().await {
            match result {
                Ok(json) => {
                    self.processed += 1;
                    return Some(json);
                }
                Err(fault) => {
                    if self.worst.as_ref().is_none_or(|worst| fault.code.is_ours() && !worst.code.is_ours()) {
                        self.worst = Some(fault.clone());
                    }
                    self.failed.push(Failed::new(name, fault));
                }
            }
        }
        None
    }

    /// The answer where no picture gave a result: our own fault if there was one, else the archive's.
    fn nothing_done(self) -> Fault {
        match self.worst {
            Some(fault) if fault.code.is_ours() => fault,
            worst => {
                let cause = worst.map(|fault| fault.to_string()).unwrap_or_default();
                let first = self.failed.first().map_or("", |failed| &failed.user_message);
                let told =
                    format!("None of the ZIP's pictures ({}) could be read. The first: {first}", self.total);
                Fault::new(Code::ProcessingError).with_message(told).with_cause(cause)
            }
        }
    }

    /// The answer's JSON, piece by piece.
    fn into_json(self, first: Spool) -> impl Stream<Item = io::Result<Bytes>> {
        let opening = text(b"{\"success\":true,\"results\":[".as_slice()).chain(answer::chunks(first));
        let rest = stream::unfold(Some(self), |album| async move {
            let mut album = album?;
            match album.next_success().await {
                Some(json) => Some((text(b",".as_slice()).chain(answer::chunks(json)).boxed(), Some(album))),
                None => Some((text(album.job_end()).boxed(), None)),
            }
        });
        opening.chain(rest.flatten())
    }

    fn job_end(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Ending<'a> {
            processed_count: usize,
            total_files: usize,
            failed: &'a [Failed],
        }
        let job_end =
            Ending { processed_count: self.processed, total_files: self.total, failed: &self.failed };
        let members = serde_json::to_vec(&job_end).unwrap_or_else(|_| b"{}".to_vec());
        [b"],".as_slice(), &members[1..]].concat()
    }
}

fn text(bytes: impl Into<Bytes>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::once(std::future::ready(Ok(bytes.into())))
}
