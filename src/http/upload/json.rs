//! `{"image": "<base64 or data: URL>"}`: the one form that must be whole in memory, since JSON strings have no
//! length in front. It is spooled like any other, and decoded once 1.75 × its length, the text and what it decodes
//! to, is reserved from the memory budget.

mod checked;
mod members;

use actix_web::web::Payload;
use futures_util::StreamExt;
use huemill_actors::fault::{Code, Fault};
use huemill_store::Spool;

use super::{Sink, Wanted, base64_text, broken, unspooled};
use crate::http::doors::Doors;
pub(super) use members::{Member, Members};

/// Bytes that a JSON body may have beside the base64 text.
const OVERHEAD: u64 = 1024 * 1024;

/// The most bytes of a JSON body that holds a file of `limit` bytes.
pub(super) fn most(limit: u64) -> u64 {
    (limit.div_ceil(3) * 4).saturating_add(OVERHEAD)
}

/// Receives the body into the spool and, once it is there and memory is reserved, decodes its file.
pub(super) async fn receive(payload: Payload, doors: &Doors, wanted: &Wanted) -> Result<Spool, Fault> {
    let (wanted, room) = (*wanted, doors.spool.clone());
    whole(payload, doors, wanted.limit, move |body| {
        let bytes = decode(body, &wanted)?;
        Spool::from_bytes(&room, bytes).map_err(unspooled)
    })
    .await
}

/// Receives a body for a file of `limit` bytes at most, and has `read` what is in it where that may take its time.
pub(super) async fn whole<T: Send + 'static>(
    mut payload: Payload,
    doors: &Doors,
    limit: u64,
    read: impl FnOnce(&[u8]) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let mut sink = Sink::new(doors, most(limit), limit);
    while let Some(chunk) = payload.next().await {
        sink.take(chunk.map_err(broken)?).await?;
    }
    let body = sink.finish().await?;
    // Not earlier: a body that comes slowly must not hold memory that pictures wait for.
    let _reserved = doors.reserve(body.len().saturating_mul(7) / 4).await?;
    let decoded = tokio::task::spawn_blocking(move || read(&body.bytes().map_err(unspooled)?));
    decoded.await.map_err(|error| Fault::new(Code::InternalError).because(error))?
}

/// The file within a JSON body.
fn decode(body: &[u8], wanted: &Wanted) -> Result<Vec<u8>, Fault> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(wanted.nothing());
    }
    let mut members = Members::read(body, &[wanted.member])?;
    match members.take(wanted.member) {
        Some(Member::Text(text)) => file(&text, wanted),
        None => Err(wanted.nothing()),
        Some(_) => Err(members::unreadable(&[wanted.member])),
    }
}

/// The file in the wanted member's text.
pub(super) fn file(text: &str, wanted: &Wanted) -> Result<Vec<u8>, Fault> {
    let bytes = base64_text::decode(text)?.ok_or_else(|| wanted.nothing())?;
    if bytes.len() as u64 > wanted.limit { Err(wanted.too_large()) } else { Ok(bytes) }
}
