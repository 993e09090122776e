//! What clients download: results, cards and palettes, by a job's path or by a link.

use actix_web::http::Method;
use huemill_imaging::Export;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::path::Parameter;

use crate::http::openapi::operation::Row;
use crate::http::openapi::parameters;
use crate::http::openapi::responses::{empty, files, with_headers};
use crate::http::route;

const TAG: &str = "downloads";
const ZIP: [&str; 1] = ["application/zip"];
const CARDS: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];
/// The headers of a file that can be fetched in parts.
const HEADERS: [&str; 4] = ["ETag", "Content-Disposition", "Accept-Ranges", "Last-Modified"];

pub(super) fn rows() -> Vec<Row> {
    vec![results(), card(), palette(), linked_results(), linked_card()]
}

fn answers(whole: &str, media_types: &[&str]) -> Vec<(u16, ResponseBuilder)> {
    let part = files(empty("The range of the file."), media_types);
    vec![
        (200, with_headers(files(empty(whole), media_types), &HEADERS)),
        (206, with_headers(with_headers(part, &HEADERS), &["Content-Range"])),
        (304, not_modified()),
    ]
}

fn not_modified() -> ResponseBuilder {
    with_headers(empty("The client has this file."), &["ETag"])
}

fn with_ranges(own: &[Parameter]) -> Vec<Parameter> {
    [own, &parameters::conditions(), &parameters::ranges()].concat()
}

fn results() -> Row {
    let [expires, signature] = parameters::old_link();
    Row {
        route: route::JOB_RESULTS,
        method: Method::GET,
        id: "downloadResults",
        tag: TAG,
        summary: "Download all results",
        description: "Returns all cards of an ended job in one ZIP, with a `manifest.json` that describes them.",
        parameters: with_ranges(&[parameters::job_id(), expires, signature]),
        body: None,
        answers: answers("The ZIP.", &ZIP),
    }
}

fn card() -> Row {
    let [expires, signature] = parameters::old_link();
    let own = [parameters::job_id(), parameters::number(), parameters::disposition(), expires, signature];
    Row {
        route: route::JOB_CARD,
        method: Method::GET,
        id: "downloadCard",
        tag: TAG,
        summary: "Download a card",
        description: "Returns the card of one picture of a job.",
        parameters: with_ranges(&own),
        body: None,
        answers: answers("The card.", &CARDS),
    }
}

fn palette() -> Row {
    let mut types =
        Export::ALL.map(|export| export.media_type().split(';').next().unwrap_or_default()).to_vec();
    types.sort_unstable();
    types.dedup();
    let [expires, signature] = parameters::old_link();
    let own = [parameters::job_id(), parameters::number(), parameters::palette_file(), expires, signature];
    let answer = with_headers(files(empty("The palette."), &types), &["ETag", "Content-Disposition"]);
    Row {
        route: route::JOB_PALETTE,
        method: Method::GET,
        id: "downloadPalette",
        tag: TAG,
        summary: "Download a palette",
        description: "Returns the palette of one picture of a job as a file for another program.",
        parameters: [&own, &parameters::conditions()[..]].concat(),
        body: None,
        answers: vec![(200, answer), (304, not_modified())],
    }
}

fn linked_results() -> Row {
    Row {
        route: route::LINK_RESULTS,
        method: Method::GET,
        id: "downloadLinkedResults",
        tag: TAG,
        summary: "Download all results, by a link",
        description: "Returns the ZIP of a link, which is the `download_url` of a job. Its manifest lacks the job's id.",
        parameters: with_ranges(&[parameters::link_id()]),
        body: None,
        answers: answers("The ZIP.", &ZIP),
    }
}

fn linked_card() -> Row {
    let own = [parameters::link_id(), parameters::number(), parameters::disposition()];
    Row {
        route: route::LINK_CARD,
        method: Method::GET,
        id: "downloadLinkedCard",
        tag: TAG,
        summary: "Download a card, by a link",
        description: "Returns the card of a link, which is the `social_image` of a job's picture.",
        parameters: with_ranges(&own),
        body: None,
        answers: answers("The card. It may be kept until the link expires.", &CARDS),
    }
}
