//! `POST /process`: processes one picture while the client waits. The response is JSON, or the card itself if the client
//! accepts a picture type.

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::mime::{self, Mime};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::Fault;
use huemill_actors::workers::Input;
use huemill_imaging::Outcome;
use huemill_observability::Event;
use huemill_store::{Spool, SpoolRoom};

use super::body_stream::spool_chunks;
use super::content_negotiation::{ProcessParams, ResponseFormat};
use super::input_error::spool_failed;
use super::problem::Problem;
use super::state::{Processing, Uploads};
use super::upload::spec::UploadSpec;
use super::{picture_json, route, upload};

/// Receives the picture, processes it and responds.
pub(crate) async fn process(
    request: HttpRequest,
    payload: Payload,
    uploads: Data<Uploads>,
    processing: Data<Processing>,
) -> Result<HttpResponse, Problem> {
    let params = ProcessParams::of(&request)?;
    let spec = upload_spec(uploads.limits.image_bytes);
    let upload = upload::receive(&request, payload, &uploads, &spec).await?;
    let input = Input::Spool(upload.spool.clone());
    let outcome = processing.run(input, params.options, upload.deadline).await?;
    processing.recorder.record(Event::ImageProcessed { endpoint: route::PROCESS.path });
    drop(upload);
    Ok(respond(outcome, params.format, &processing.spool).await?)
}

fn upload_spec(limit: u64) -> UploadSpec {
    UploadSpec {
        field: "image",
        member: "image",
        url: Some("url"),
        raw: |kind: &Mime| kind.type_() == mime::IMAGE,
        limit,
        missing: "No picture was sent. Send one as the form field \"image\", as JSON {\"image\": \"<base64>\"} or \
                  {\"url\": \"https://…\"}, or as the raw body.",
        types: "multipart/form-data with a field \"image\", application/json, or image/*",
    }
}

/// The response for a processed picture, sent from the spool.
async fn respond(outcome: Outcome, format: ResponseFormat, room: &SpoolRoom) -> Result<HttpResponse, Fault> {
    let (media_type, bytes) = match format {
        ResponseFormat::Card => (outcome.card.format.media_type(), outcome.card.bytes),
        ResponseFormat::Json => ("application/json", picture_json::document(&outcome)?),
    };
    let spool = Spool::keep(room, bytes).await.map_err(spool_failed)?;
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::VARY, "Accept"))
        .body(SizedStream::new(spool.len(), spool_chunks(spool))))
}
