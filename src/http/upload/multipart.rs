//! `multipart/form-data` (RFC 7578): the one wanted field is spooled, small others are read past.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::Payload;
use futures_util::StreamExt;
use huemill_actors::fault::{Code, Fault};
use huemill_store::Spool;

use super::{Sink, Wanted, broken};
use crate::http::doors::Doors;

/// Most parts of a body.
const MAX_PARTS: usize = 32;

/// Most bytes of a part that nobody asked for.
const MAX_OTHER: usize = 64 * 1024;

/// Receives the wanted field.
pub(super) async fn receive(
    request: &HttpRequest,
    payload: Payload,
    doors: &Doors,
    wanted: &Wanted,
) -> Result<Spool, Fault> {
    let mut parts = Multipart::new(request.headers(), payload);
    let mut found = None;
    let mut count = 0;
    while let Some(part) = parts.next().await {
        let part = part.map_err(malformed)?;
        count += 1;
        if count > MAX_PARTS {
            return Err(invalid("The form has too many parts: send the file alone."));
        }
        let name = part.name().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid("A part of the form has no name."))?;
        if name != wanted.field {
            pass(part).await?;
            continue;
        }
        if found.is_some() {
            return Err(invalid(format!("The form has the field {name} twice: send one file.")));
        }
        check_filename(&part)?;
        found = Some(spool(part, doors, wanted).await?);
    }
    found.ok_or_else(|| wanted.nothing())
}

async fn spool(mut part: Field, doors: &Doors, wanted: &Wanted) -> Result<Spool, Fault> {
    let mut sink = Sink::new(doors, wanted, wanted.limit);
    while let Some(chunk) = part.next().await {
        sink.take(chunk.map_err(malformed)?).await?;
    }
    sink.finish().await
}

async fn pass(mut part: Field) -> Result<(), Fault> {
    let mut size = 0;
    while let Some(chunk) = part.next().await {
        size += chunk.map_err(malformed)?.len();
        if size > MAX_OTHER {
            return Err(invalid("The form has a large part that is not asked for."));
        }
    }
    Ok(())
}

/// The name is used for nothing; one that could harm whoever uses it is refused all the same.
fn check_filename(part: &Field) -> Result<(), Fault> {
    let Some(disposition) = part.content_disposition() else { return Ok(()) };
    let extended =
        disposition.get_filename_ext().map(|name| String::from_utf8_lossy(&name.value).into_owned());
    let names = disposition.get_filename().map(str::to_owned).into_iter().chain(extended);
    if names.into_iter().all(|name| is_plain(&name)) {
        Ok(())
    } else {
        Err(invalid("The file's name holds a path or control characters: send a plain name."))
    }
}

fn is_plain(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let climbs = name.split(['/', '\\']).any(|step| step == "..");
    !climbs && !name.chars().any(char::is_control) && !upper.contains("%0D") && !upper.contains("%0A")
}

fn malformed(error: MultipartError) -> Fault {
    match error {
        MultipartError::Payload(error) if !matches!(error, PayloadError::Overflow) => broken(error),
        MultipartError::BoundaryMissing => {
            invalid("The form cannot be read: its boundary is missing, or no part ends with it.")
                .because(error)
        }
        error => {
            invalid("The form cannot be read: send multipart/form-data as RFC 7578 has it.").because(error)
        }
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::InvalidInput).told(message)
}
