//! `POST /fetch_url`: what a URL leads to, as a data: URL that `POST /process` takes.
//!
//! The picture lies in the spool and is written as base64 a chunk at a time, so that no answer is whole in memory.

use std::io;

use actix_web::body::SizedStream;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use base64_simd::STANDARD;
use futures_util::stream::{self, Stream, StreamExt};
use huemill_actors::pictures;
use huemill_store::Spool;

use super::doors::Doors;
use super::problem::Problem;
use super::upload;

/// Bytes that are encoded at a time: a multiple of three, so that no padding comes between.
const CHUNK: usize = 48 * 1024;

const MIB: f64 = 1024.0 * 1024.0;

/// Downloads the picture and hands it on.
pub(crate) async fn fetch_url(
    request: HttpRequest,
    payload: Payload,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let spool = upload::url::receive(&request, payload, &doors).await?.spool;
    let kind = pictures::format(&spool).await?.media_type();
    let (opening, job_end) = (opening(kind), job_end(kind, spool.len()));
    let length = opening.len() as u64 + spool.len().div_ceil(3) * 4 + job_end.len() as u64;
    let pieces = text(opening).chain(base64(spool)).chain(text(job_end));
    Ok(HttpResponse::Ok().content_type("application/json").body(SizedStream::new(length, pieces)))
}

fn opening(kind: &str) -> String {
    format!("{{\"success\":true,\"image\":\"data:{kind};base64,")
}

fn job_end(kind: &str, bytes: u64) -> String {
    format!("\",\"content_type\":\"{kind}\",\"size_mb\":{:.2}}}", bytes as f64 / MIB)
}

fn text(text: String) -> impl Stream<Item = io::Result<Bytes>> {
    stream::once(std::future::ready(Ok(text.into())))
}

/// A spool's bytes as base64, as a client takes them.
fn base64(spool: Spool) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((spool, 0), |(spool, sent)| async move {
        let chunk = spool.chunk(sent, CHUNK).await?;
        let sent = sent + chunk.len() as u64;
        let text = STANDARD.encode_type::<Vec<u8>>(&chunk);
        Ok((!chunk.is_empty()).then(|| (Bytes::from(text), (spool, sent))))
    })
}

#[cfg(test)]
mod tests {
    use huemill_store::{SpoolRoom, SpoolSettings};

    use super::*;

    #[tokio::test]
    async fn the_pieces_are_the_base64_of_the_whole() {
        let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
        for length in [0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 2] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
            let spool = Spool::from_bytes(&room, bytes.clone()).unwrap();
            let pieces: Vec<_> = base64(spool).collect().await;
            let text: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect();
            assert_eq!(text.len(), length.div_ceil(3) * 4);
            assert_eq!(text, STANDARD.encode_to_string(&bytes).into_bytes(), "{length}");
        }
    }

    #[test]
    fn the_members_are_json_with_two_decimals() {
        let json = format!("{}{}", opening("image/png"), job_end("image/png", 1_572_864));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["image"], "data:image/png;base64,");
        assert_eq!((&value["content_type"], &value["size_mb"]), (&"image/png".into(), &1.5.into()));
        assert!(json.ends_with("1.50}"), "{json}");
    }
}
