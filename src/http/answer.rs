//! The JSON of a processed picture, written once: the members first, then the card's base64 straight behind.
//!
//! A finished answer lies in the spool until its client has read it, and is sent a chunk at a time: clients that
//! read slowly, however many, hold no more memory than the spool's allowance. Other answers come piece by piece:
//! [`streamed`] sends the short ones whole.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody, SizedStream};
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream::{self, Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::picture_summary::PictureSummary;
use huemill_imaging::{Card, Outcome};
use huemill_store::{Spool, SpoolRoom};

use super::negotiate::Reply;
use super::upload::unspooled;

/// Bytes of a spooled answer that are sent at a time.
const CHUNK: usize = 64 * 1024;

/// The answer to one picture.
///
/// # Errors
/// Where the spool has no room, or the members cannot be written as JSON, which no outcome of the engine makes happen.
pub(crate) async fn of_picture(
    outcome: Outcome,
    reply: Reply,
    room: &SpoolRoom,
) -> Result<HttpResponse, Fault> {
    let (kind, bytes) = match reply {
        Reply::Card => (outcome.card.format.media_type(), outcome.card.bytes),
        Reply::Json => ("application/json", whole(&outcome).map_err(unwritten)?),
    };
    let spool = Spool::keep(room, bytes).await.map_err(unspooled)?;
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::VARY, "Accept"))
        .body(SizedStream::new(spool.len(), chunks(spool))))
}

/// A spool's bytes, as a client takes them.
pub(crate) fn chunks(spool: Spool) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((spool, 0), |(spool, sent)| async move {
        let chunk = spool.chunk(sent, CHUNK).await?;
        let sent = sent + chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some((chunk, (spool, sent))))
    })
}

/// Bytes up to which an answer that comes in pieces is sent whole, with its length.
const WHOLE: usize = 64 * 1024;

/// An answer out of pieces. What fails before its beginning is full is told as any fault.
pub(crate) async fn streamed(
    mut builder: HttpResponseBuilder,
    pieces: impl Stream<Item = Result<Bytes, Fault>> + 'static,
) -> Result<HttpResponse, Fault> {
    let mut pieces = Box::pin(pieces);
    let mut beginning = Vec::new();
    while let Some(piece) = pieces.next().await {
        beginning.extend_from_slice(&piece?);
        if beginning.len() > WHOLE {
            let beginning = stream::once(std::future::ready(Ok(Bytes::from(beginning))));
            return Ok(builder.streaming(beginning.chain(pieces)));
        }
    }
    Ok(builder.body(beginning))
}

/// The body that a HEAD request is not sent: its length alone, where it is known.
pub(crate) struct Hollow(BodySize);

impl Hollow {
    /// Of so many bytes.
    #[must_use]
    pub(crate) fn of(length: u64) -> Self {
        Self(BodySize::Sized(length))
    }

    /// Of bytes that nobody has counted.
    #[must_use]
    pub(crate) fn endless() -> Self {
        Self(BodySize::Stream)
    }
}

impl MessageBody for Hollow {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

fn whole(outcome: &Outcome) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(room(&outcome.card));
    json.extend_from_slice(b"{\"success\":true,");
    members(&mut json, outcome)?;
    json.push(b'}');
    Ok(json)
}

fn unwritten(error: serde_json::Error) -> Fault {
    Fault::new(Code::InternalError).with_cause(error)
}

/// One element of `results`, in the spool: the picture's name in the archive and its members.
pub(crate) async fn result(name: &str, outcome: Outcome, room: &SpoolRoom) -> Result<Spool, Fault> {
    let json = element(name, &outcome).map_err(unwritten)?;
    drop(outcome);
    Spool::keep(room, json).await.map_err(unspooled)
}

fn element(name: &str, outcome: &Outcome) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(room(&outcome.card) + name.len());
    json.extend_from_slice(b"{\"filename\":");
    serde_json::to_writer(&mut json, name)?;
    json.push(b',');
    members(&mut json, outcome)?;
    json.push(b'}');
    Ok(json)
}

/// Bytes that the card's base64 takes, and the members around it.
fn room(card: &Card) -> usize {
    card.bytes.len().div_ceil(3) * 4 + 8 * 1024
}

/// Writes the members of a picture and its card, without braces.
fn members(json: &mut Vec<u8>, outcome: &Outcome) -> Result<(), serde_json::Error> {
    let start = json.len();
    serde_json::to_writer(&mut *json, &PictureSummary::from(outcome))?;
    json.remove(start);
    json.pop();
    json.extend_from_slice(b",\"social_image\":\"data:");
    json.extend_from_slice(outcome.card.format.media_type().as_bytes());
    json.extend_from_slice(b";base64,");
    let text = base64_simd::STANDARD;
    let begin = json.len();
    json.resize(begin + text.encoded_length(outcome.card.bytes.len()), 0);
    let _ = text.encode(&outcome.card.bytes, base64_simd::Out::from_slice(&mut json[begin..]));
    json.push(b'"');
    Ok(())
}
