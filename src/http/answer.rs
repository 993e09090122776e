//! The JSON of a processed picture, written once: the members first, then the card's base64 straight behind.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use huemill_imaging::{Card, Outcome};

use super::negotiate::Reply;
use crate::answer::Members;

/// The answer to one picture.
///
/// # Errors
/// Where the members cannot be written as JSON, which no outcome of the engine makes happen.
pub(crate) fn of_picture(outcome: Outcome, reply: Reply) -> Result<HttpResponse, serde_json::Error> {
    match reply {
        Reply::Card => {
            let kind = outcome.card.format.media_type();
            Ok(HttpResponse::Ok()
                .content_type(kind)
                .insert_header((header::VARY, "Accept"))
                .body(outcome.card.bytes))
        }
        Reply::Json => {
            let mut json = Vec::with_capacity(room(&outcome.card));
            json.extend_from_slice(b"{\"success\":true,");
            members(&mut json, &outcome)?;
            json.push(b'}');
            Ok(HttpResponse::Ok()
                .content_type("application/json")
                .insert_header((header::VARY, "Accept"))
                .body(Bytes::from(json)))
        }
    }
}

/// One element of `results`: the picture's name in the archive and its members.
pub(crate) fn result(name: &str, outcome: &Outcome) -> Result<Vec<u8>, serde_json::Error> {
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
    serde_json::to_writer(&mut *json, &Members::from(outcome))?;
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
