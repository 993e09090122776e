//! `POST /process`: one picture while the client waits.

use actix_web::mime::{self, Mime};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::workers::Input;
use huemill_observability::Event;

use super::doors::Doors;
use super::negotiate::Asked;
use super::problem::Problem;
use super::upload::{self, Wanted};
use super::{answer, route};

/// Receives the picture, has it worked on, answers.
pub(crate) async fn process(
    request: HttpRequest,
    payload: Payload,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let asked = Asked::of(&request)?;
    let upload = upload::receive(&request, payload, &doors, &wanted(doors.limits.image_bytes)).await?;
    let outcome = doors.run(Input::Spool(upload.spool.clone()), asked.options, upload.deadline).await?;
    doors.recorder.record(Event::ImageProcessed { endpoint: route::PROCESS.path });
    drop(upload);
    Ok(answer::of_picture(outcome, asked.reply, &doors.spool).await?)
}

fn wanted(limit: u64) -> Wanted {
    Wanted {
        field: "image",
        member: "image",
        url: Some("url"),
        raw: |kind: &Mime| kind.type_() == mime::IMAGE,
        limit,
        nothing: "No picture was sent. Send one as the form field \"image\", as JSON {\"image\": \"<base64>\"} or \
                  {\"url\": \"https://…\"}, or as the body itself.",
        types: "multipart/form-data with a field \"image\", application/json, or image/*",
    }
}
