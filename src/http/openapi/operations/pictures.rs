//! Pictures while the client waits.

use actix_web::http::Method;
use huemill_imaging::Export;

use crate::http::openapi::operation::Row;
use crate::http::openapi::responses::{files, json, with_headers};
use crate::http::openapi::{examples, parameters, requests};
use crate::http::route;

const TAG: &str = "pictures";

pub(super) fn rows() -> Vec<Row> {
    vec![process_picture(), process_zip(), fetch_picture()]
}

fn process_picture() -> Row {
    let mut types = vec!["image/png", "image/jpeg", "image/webp"];
    let media_type = |export: Export| export.media_type().split(';').next().unwrap_or_default();
    for export in Export::ALL.map(media_type) {
        if !types.contains(&export) && export != "application/json" {
            types.push(export);
        }
    }
    let text = "The picture's colours, crop and card. Where every acceptable range of `Accept` is an image type, the answer \
                is the card itself; with `export`, it is the palette as a file.";
    let answer = files(json(text, "PictureResult", examples::picture()), &types);
    Row {
        route: route::PROCESS,
        method: Method::POST,
        id: "processPicture",
        tag: TAG,
        summary: "Process one picture",
        description: "Finds the palette and the crop of one picture and draws its card. Options may be in the query, in \
                      the form or in the JSON, each once. An option that has no effect is an error.",
        parameters: parameters::options_and_export(),
        body: Some(requests::picture()),
        answers: vec![(200, with_headers(answer, &["Vary", "Content-Encoding"]))],
    }
}

fn process_zip() -> Row {
    let text = "The results in the order of the ZIP. They are streamed, one picture at a time.";
    Row {
        route: route::PROCESS_ZIP,
        method: Method::POST,
        id: "processZip",
        tag: TAG,
        summary: "Process a ZIP of pictures",
        description: "Processes up to 50 pictures while the client waits. Entries that are no pictures are ignored. If no \
                      picture can be processed, the answer is an error.",
        parameters: parameters::options(),
        body: Some(requests::zip()),
        answers: vec![(
            200,
            with_headers(json(text, "ZipResult", examples::zip()), &["Vary", "Content-Encoding"]),
        )],
    }
}

fn fetch_picture() -> Row {
    let text = "The picture. `POST /process` accepts its `image`.";
    Row {
        route: route::FETCH_URL,
        method: Method::POST,
        id: "fetchPicture",
        tag: TAG,
        summary: "Download a picture",
        description: "Downloads a picture from a public URL, for pages that may not load it themselves.",
        parameters: Vec::new(),
        body: Some(requests::url_of_picture()),
        answers: vec![(
            200,
            with_headers(json(text, "FetchedPicture", examples::fetched()), &["Vary", "Content-Encoding"]),
        )],
    }
}
