//! Jobs: work that no client waits for.

use actix_web::http::Method;
use serde_json::json;
use utoipa::openapi::ResponseBuilder;

use crate::http::openapi::operation::Row;
use crate::http::openapi::responses::{empty, json, link, plain, with_headers};
use crate::http::openapi::{examples, parameters, requests};
use crate::http::route;

const TAG: &str = "jobs";

pub(super) fn rows() -> Vec<Row> {
    vec![create(), list(), get(), pictures(), delete(), events(), linked_events(), cancel(), retry()]
}

/// Links to what can be done with a job whose id is here.
fn with_links(response: ResponseBuilder, id: &str) -> ResponseBuilder {
    let of_job = [
        ("job", "getJob", "The job's status."),
        ("events", "streamJobEvents", "The job's changes."),
        ("cancellation", "cancelJob", "Cancels the job."),
        ("deletion", "deleteJob", "Deletes the job."),
        ("pictures", "listJobResults", "The pictures that are settled."),
        ("results", "downloadResults", "All results in one ZIP."),
    ];
    let response = of_job.into_iter().fold(response, |response, (name, operation, text)| {
        response.link(name, link(operation, text, &[("id", id)]))
    });
    let card = link("downloadCard", "The first picture's card.", &[("id", id), ("n", "0")]);
    let parameters = [("id", id), ("n", "0"), ("palette", "palette.css")];
    let palette = link("downloadPalette", "The first picture's palette.", &parameters);
    response.link("card", card).link("palette", palette)
}

fn create() -> Row {
    let text =
        "The job is accepted: after this, no crash loses it. The same key and body again give the first job.";
    let answer = json(text, "JobAccepted", examples::accepted());
    let answer = with_headers(answer, &["Location", "Idempotency-Replayed"]);
    Row {
        route: route::JOBS,
        method: Method::POST,
        id: "createJob",
        tag: TAG,
        summary: "Create a job",
        description: "Takes up to 200 pictures, or up to 1,000 URLs, and processes them while no one waits. Fields and \
                      options may be in the query, in the form or in the JSON, each once; in a signed request they may not \
                      be in the query. A URL that cannot be used fails alone, unless all of them are so.",
        parameters: [parameters::job_fields(), vec![parameters::idempotency_key()]].concat(),
        body: Some(requests::job()),
        answers: vec![(202, with_links(answer, "$response.body#/job_id"))],
    }
}

fn list() -> Row {
    let filters = [
        parameters::filter("status", "JobStatus", "Filter by status."),
        parameters::filter("type", "JobType", "Filter by type."),
    ];
    Row {
        route: route::JOBS,
        method: Method::GET,
        id: "listJobs",
        tag: TAG,
        summary: "List jobs",
        description: "Lists jobs without their pictures, newest first: all of them for the operator, its own for a key.",
        parameters: [filters, parameters::page()].concat(),
        body: None,
        answers: vec![(200, json("A page of jobs.", "JobPage", examples::job_page()))],
    }
}

fn get() -> Row {
    let text = "The job as it is now. Nothing in it ticks: it changes exactly when its `ETag` does.";
    let answer = with_headers(json(text, "Job", examples::job("completed")), &["ETag", "Retry-After"]);
    Row {
        route: route::JOB,
        method: Method::GET,
        id: "getJob",
        tag: TAG,
        summary: "Get a job",
        description: "Returns a job's status and, once it has ended, its results. Clients poll it with `If-None-Match`, \
                      and wait for as long as `Retry-After` says.",
        parameters: [&[parameters::job_id(), parameters::cards()], &parameters::conditions()[..]].concat(),
        body: None,
        answers: vec![
            (200, with_links(answer, "$request.path.id")),
            (304, with_headers(empty("The client has this version."), &["ETag", "Retry-After"])),
        ],
    }
}

fn pictures() -> Row {
    let window = parameters::window();
    Row {
        route: route::JOB_PICTURES,
        method: Method::GET,
        id: "listJobResults",
        tag: TAG,
        summary: "List a job's results so far",
        description: "Returns the pictures that are settled among some of a job's, also while the job goes on. Clients that \
                      follow a job ask from the first picture that they lack.",
        parameters: [&[parameters::job_id()], &window[..]].concat(),
        body: None,
        answers: vec![(
            200,
            json("The settled pictures of the window.", "JobPictures", examples::job_pictures()),
        )],
    }
}

fn delete() -> Row {
    Row {
        route: route::JOB,
        method: Method::DELETE,
        id: "deleteJob",
        tag: TAG,
        summary: "Delete a job",
        description: "Deletes a job and its results at once, whatever its state.",
        parameters: vec![parameters::job_id(), parameters::if_match()],
        body: None,
        answers: vec![(204, empty("The job and its results are gone."))],
    }
}

fn event_answers() -> Vec<(u16, ResponseBuilder)> {
    let text = "Server-sent events `progress`, `completed`, `failed` and `canceled` until the job has ended. The data of \
                each is the job without its pictures, and the id is the job's version.";
    let stream = plain(empty(text), "text/event-stream", &examples::events());
    vec![
        (200, with_headers(stream, &["X-Accel-Buffering"])),
        (204, empty("The client has seen the job's end: do not reconnect.")),
    ]
}

fn events() -> Row {
    Row {
        route: route::JOB_EVENTS,
        method: Method::GET,
        id: "streamJobEvents",
        tag: TAG,
        summary: "Stream a job's progress",
        description: "Streams a job's changes as server-sent events, in place of polling.",
        parameters: vec![parameters::job_id(), parameters::last_event_id()],
        body: None,
        answers: event_answers(),
    }
}

fn linked_events() -> Row {
    Row {
        route: route::LINK_EVENTS,
        method: Method::GET,
        id: "streamLinkedEvents",
        tag: TAG,
        summary: "Stream a job's progress, by a link",
        description: "Streams the changes of a link's job, for clients that cannot send headers. The events have neither \
                      the job's id nor links.",
        parameters: vec![parameters::link_id(), parameters::last_event_id()],
        body: None,
        answers: event_answers(),
    }
}

fn cancel() -> Row {
    let text = "The job is canceled, and keeps the results that it has.";
    let answer = with_headers(json(text, "CanceledJob", examples::job("canceled")), &["ETag"]);
    Row {
        route: route::JOB_CANCEL,
        method: Method::POST,
        id: "cancelJob",
        tag: TAG,
        summary: "Cancel a job",
        description: "Ends a job. What is done stays. A second request gets the same answer.",
        parameters: vec![parameters::job_id(), parameters::if_match()],
        body: None,
        answers: vec![(202, with_links(answer, "$request.path.id"))],
    }
}

fn retry() -> Row {
    let example = json!({ "job_id": parameters::JOB_ID, "status": "processing", "retried": 3 });
    Row {
        route: route::JOB_RETRY,
        method: Method::POST,
        id: "retryJob",
        tag: TAG,
        summary: "Retry a job's failed pictures",
        description: "Processes those pictures again that failed because of the service. The job ends once more, and so \
                      does its webhook. For the operator.",
        parameters: vec![parameters::job_id()],
        body: None,
        answers: vec![(202, json("The pictures are in the queue again.", "JobRetried", example))],
    }
}
