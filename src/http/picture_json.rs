//! The JSON of a processed picture: its members first, then the card as a base64 data: URL. It is written once, straight
//! into the response's buffer.

use std::borrow::Cow;

use huemill_actors::fault::{Code, Fault};
use huemill_actors::picture_summary::PictureSummary;
use huemill_imaging::Outcome;
use serde::Serialize;

/// A picture without a result, as `failed` lists it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FailedPicture {
    /// Its position among the pictures, from 0 and in the order in which they were sent.
    pub index: usize,
    /// The picture's name.
    pub filename: String,
    /// The URL that it was to be downloaded from, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The wire's error code.
    pub error_code: Cow<'static, str>,
    /// What the user can read.
    pub user_message: String,
}

/// The response's body for one picture.
///
/// # Errors
/// If the members cannot be written as JSON, which no outcome of the engine causes.
pub(crate) fn document(outcome: &Outcome) -> Result<Vec<u8>, Fault> {
    object(r#"{"success":"#, &true, outcome)
}

/// One element of `results`: the picture's position and name in its archive, and its members.
///
/// # Errors
/// As [`document`].
pub(crate) fn element(index: usize, name: &str, outcome: &Outcome) -> Result<Vec<u8>, Fault> {
    object(&format!(r#"{{"index":{index},"filename":"#), &name, outcome)
}

/// An object that begins with this text and value; the members of a picture and its card follow.
fn object(opening: &str, value: &impl Serialize, outcome: &Outcome) -> Result<Vec<u8>, Fault> {
    // Room for the card's base64 and the members around it.
    let card_bytes = outcome.card.as_ref().map_or(0, |card| card.bytes.len());
    let mut json = Vec::with_capacity(card_bytes.div_ceil(3) * 4 + 16 * 1024);
    json.extend_from_slice(opening.as_bytes());
    serde_json::to_writer(&mut json, value)
        .and_then(|()| write_members(&mut json, outcome))
        .map_err(|error| Fault::new(Code::InternalError).with_cause(error))?;
    json.push(b'}');
    Ok(json)
}

/// Writes a comma, the members of a picture and its card, without braces.
fn write_members(json: &mut Vec<u8>, outcome: &Outcome) -> Result<(), serde_json::Error> {
    let start = json.len();
    serde_json::to_writer(&mut *json, &PictureSummary::from(outcome))?;
    json[start] = b',';
    json.pop();
    json.extend_from_slice(b",\"social_image\":");
    let Some(card) = &outcome.card else {
        json.extend_from_slice(b"null");
        return Ok(());
    };
    json.extend_from_slice(b"\"data:");
    json.extend_from_slice(card.format.media_type().as_bytes());
    json.extend_from_slice(b";base64,");
    let base64 = base64_simd::STANDARD;
    let begin = json.len();
    json.resize(begin + base64.encoded_length(card.bytes.len()), 0);
    let _ = base64.encode(&card.bytes, base64_simd::Out::from_slice(&mut json[begin..]));
    json.push(b'"');
    Ok(())
}
