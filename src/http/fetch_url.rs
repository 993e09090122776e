//! `POST /fetch_url`: downloads a picture and returns it as a data: URL that `POST /process` accepts.
//!
//! The picture stays in the spool and is encoded one chunk at a time, so that no response is held in memory as a whole.

use actix_web::body::SizedStream;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::StreamExt;
use huemill_actors::pictures;

use super::body_stream::{base64, piece, spool_chunks};
use super::problem::Problem;
use super::state::Uploads;
use super::upload;

const MIB: f64 = 1024.0 * 1024.0;

/// Downloads the picture and responds with it.
pub(crate) async fn fetch_url(
    request: HttpRequest,
    payload: Payload,
    uploads: Data<Uploads>,
) -> Result<HttpResponse, Problem> {
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
