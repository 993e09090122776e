//! What a URL in a body leads to, downloaded in the place of an upload: admitted as one, kept in the spool as one.

use actix_web::HttpRequest;
use actix_web::web::Payload;
use huemill_actors::clock::Instant as Deadline;
use huemill_actors::fault::Fault;

use super::{Form, Upload, Wanted, declared, form, json, other_type};
use crate::http::context;
use crate::http::doors::Doors;

/// What is taken where a URL is all that can be sent. What is longer than any URL is still told as one that is wrong.
const WANTED: Wanted = Wanted {
    field: "",
    member: "url",
    url: None,
    raw: |_| false,
    limit: 1_000_000,
    nothing: "No URL was sent. Send one as JSON {\"url\": \"https://…\"}.",
    types: "application/json",
};

/// Receives `{"url": "…"}` and downloads what it leads to.
///
/// # Errors
/// What the client is told.
pub(crate) async fn receive(request: &HttpRequest, payload: Payload, doors: &Doors) -> Result<Upload, Fault> {
    let form = form(request, &WANTED)?;
    let (declared, most) = (declared(request), form.most(WANTED.limit));
    if !matches!(form, Form::Json) {
        return Err(other_type(&WANTED));
    }
    if declared == Some(0) {
        return Err(WANTED.nothing());
    }
    if declared.is_some_and(|bytes| bytes > most) {
        return Err(WANTED.too_large());
    }
    let admission = doors.admit(declared, most, false).await?;
    let url = json::text(payload, doors, &WANTED).await?;
    drop(admission);
    fetch(request, doors, url, None).await
}

/// Downloads what a URL leads to, by `deadline` where there is one.
pub(super) async fn fetch(
    request: &HttpRequest,
    doors: &Doors,
    url: String,
    deadline: Option<Deadline>,
) -> Result<Upload, Fault> {
    let mut admission = doors.admit(None, doors.limits.image_bytes, false).await?;
    let spool = doors.fetch(url, context::of(request).id.as_str(), deadline).await?;
    admission.settle(spool.len());
    let deadline = deadline.unwrap_or_else(|| doors.deadline());
    Ok(Upload { spool, deadline, _admission: admission })
}
