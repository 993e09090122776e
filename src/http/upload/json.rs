//! `{"image": "<base64 or data: URL>"}`: the one form that must be whole in memory, since JSON strings have no
//! length in front. It is spooled like any other, and decoded once 1.75 × its length, the text and what it decodes
//! to, is reserved from the memory budget.

mod checked;
mod members;

use actix_web::web::Payload;
use futures_util::StreamExt;
use huemill_actors::fault::{Code, Fault};
use huemill_store::Spool;

use super::multipart::invalid;
use super::{Held, Sink, Wanted, base64_text, broken, unspooled};
use crate::http::doors::Doors;
pub(super) use members::{Member, Members};

/// Bytes that a JSON body may have beside the base64 text.
const OVERHEAD: u64 = 1024 * 1024;

/// The most bytes of a JSON body that holds a file of `limit` bytes.
pub(super) fn most(limit: u64) -> u64 {
    (limit.div_ceil(3) * 4).saturating_add(OVERHEAD)
}

/// Receives the body into the spool and, once it is there and memory is reserved, decodes its file.
pub(super) async fn receive(payload: Payload, doors: &Doors, wanted: &Wanted) -> Result<Held, Fault> {
    let (wanted, room) = (*wanted, doors.spool.clone());
    whole(payload, doors, wanted.limit, move |body| match decode(body, &wanted)? {
        Found::Bytes(bytes) => Spool::from_bytes(&room, bytes).map(Held::File).map_err(unspooled),
        Found::Url(url) => Ok(Held::Url(url)),
    })
    .await
}

/// Receives a body whose one member that counts is a text.
pub(super) async fn text(payload: Payload, doors: &Doors, wanted: &Wanted) -> Result<String, Fault> {
    let wanted = *wanted;
    whole(payload, doors, wanted.limit, move |body| {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(wanted.nothing());
        }
        let names = [wanted.member];
        let member = Members::read(body, &names)?.take(wanted.member);
        member.map_or_else(|| Err(wanted.nothing()), |member| url(member, &wanted, &names))
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
    decoded.await.map_err(|error| Fault::new(Code::InternalError).with_cause(error))?
}

/// What a JSON body holds.
enum Found {
    Bytes(Vec<u8>),
    Url(String),
}

/// The file within a JSON body, or the URL of one.
fn decode(body: &[u8], wanted: &Wanted) -> Result<Found, Fault> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(wanted.nothing());
    }
    let names: Vec<_> = std::iter::once(wanted.member).chain(wanted.url).collect();
    let mut members = Members::read(body, &names)?;
    let named = wanted.url.and_then(|name| members.take(name));
    match (members.take(wanted.member), named) {
        (Some(Member::Text(text)), None) => file(&text, wanted).map(Found::Bytes),
        (None, Some(member)) => url(member, wanted, &names).map(Found::Url),
        (None, None) => Err(wanted.nothing()),
        (Some(_), Some(_)) => {
            Err(invalid(format!("The JSON has both {}: send one of them.", names.join(" and "))))
        }
        (Some(_), None) => Err(members::unreadable(&names)),
    }
}

/// A member that is to be a URL: as it was written, since the guard judges it.
fn url(member: Member<'_>, wanted: &Wanted, names: &[&str]) -> Result<String, Fault> {
    match member {
        Member::Text(text) if text.is_empty() => Err(wanted.nothing()),
        Member::Text(text) => Ok(text.into_owned()),
        _ => Err(members::unreadable(names)),
    }
}

/// The file in the wanted member's text.
pub(super) fn file(text: &str, wanted: &Wanted) -> Result<Vec<u8>, Fault> {
    let bytes = base64_text::decode(text)?.ok_or_else(|| wanted.nothing())?;
    if bytes.len() as u64 > wanted.limit { Err(wanted.too_large()) } else { Ok(bytes) }
}
