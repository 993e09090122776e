//! One picture while the client waits: `POST /process` processes it, and `POST /fetch_url` only downloads it. Results are
//! sent from the spool, one chunk at a time, so that no response is held in memory as a whole. A picture without a result
//! is a problem document.

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::mime::{self, Mime};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::StreamExt;
use huemill_actors::fault::Fault;
use huemill_actors::pictures;
use huemill_actors::workers::Input;
use huemill_imaging::Outcome;
use huemill_observability::Event;
use huemill_store::{Spool, SpoolRoom};

use super::body_stream::{base64, piece, spool_chunks};
use super::content_negotiation::{self, RequestedParams, ResponseFormat};
use super::problem::{Problem, spool_failed};
use super::state::{Processing, Uploads};
use super::upload::spec::UploadSpec;
use super::{context, picture_json, route, upload};

const MIB: f64 = 1024.0 * 1024.0;

/// Receives the picture, processes it and responds: with JSON, or with the card itself if the client accepts a picture
/// type.
pub(crate) async fn process(
    request: HttpRequest,
    payload: Payload,
    uploads: Data<Uploads>,
    processing: Data<Processing>,
) -> Result<HttpResponse, Problem> {
    let params = RequestedParams::of(&request)?;
    let context = context::of(&request);
    uploads.count_pictures(&context, 1)?;
    let spec = upload_spec(uploads.limits.image_bytes);
    let upload = upload::receive(&request, payload, &uploads, &spec).await?;
    let params = params.with_fields(&upload.texts)?;
    let input = Input::Spool(upload.spool.clone());
    let outcome = processing.run(context.caller(), input, params.options, upload.deadline).await?;
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
        texts: &content_negotiation::FIELDS,
        missing: "No picture was chosen.",
        how: "No picture was sent. Send one as the form field \"image\", as JSON {\"image\": \"<base64>\"} or \
                  {\"url\": \"https://…\"}, or as the raw body.",
        types: "multipart/form-data with a field \"image\", application/json, or image/*",
    }
}

/// The response for a processed picture, sent from the spool.
async fn respond(outcome: Outcome, format: ResponseFormat, room: &SpoolRoom) -> Result<HttpResponse, Fault> {
    let (media_type, bytes) = match (format, outcome.card) {
        (ResponseFormat::Palette(export), _) => (export.media_type(), export.write(&outcome.palette)),
        (ResponseFormat::Card, Some(card)) => (card.format.media_type(), card.bytes),
        (_, card) => ("application/json", picture_json::document(&Outcome { card, ..outcome })?),
    };
    let spool = Spool::keep(room, bytes).await.map_err(spool_failed)?;
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::VARY, "Accept"))
        .body(SizedStream::new(spool.len(), spool_chunks(spool))))
}

/// Downloads a picture and responds with a data: URL that `POST /process` accepts.
pub(crate) async fn fetch_url(
    request: HttpRequest,
    payload: Payload,
    uploads: Data<Uploads>,
) -> Result<HttpResponse, Problem> {
    uploads.count_pictures(&context::of(&request), 1)?;
    let spool = upload::receive_url(&request, payload, &uploads).await?.spool;
    let kind = pictures::format(&spool).await?.media_type();
    let (opening, closing) = (opening(kind), closing(kind, spool.len()));
    let length = opening.len() as u64 + spool.len().div_ceil(3) * 4 + closing.len() as u64;
    let encoded = base64(Box::pin(spool_chunks(spool)));
    let pieces = piece(opening).chain(encoded).chain(piece(closing));
    Ok(HttpResponse::Ok().content_type("application/json").body(SizedStream::new(length, pieces)))
}

fn opening(kind: &str) -> String {
    format!("{{\"success\":true,\"image\":\"data:{kind};base64,")
}

fn closing(kind: &str, bytes: u64) -> String {
    format!("\",\"content_type\":\"{kind}\",\"size_mb\":{:.2}}}", bytes as f64 / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_has_two_decimals() {
        let json = format!("{}{}", opening("image/png"), closing("image/png", 1_572_864));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["image"], "data:image/png;base64,");
        assert_eq!((&value["content_type"], &value["size_mb"]), (&"image/png".into(), &1.5.into()));
        assert!(json.ends_with("1.50}"), "{json}");
    }
}
