//! What operators do: webhooks, API keys, the queue and the processes.

use actix_web::http::Method;
use serde_json::json;
use utoipa::openapi::path::Parameter;

use crate::http::openapi::operation::Row;
use crate::http::openapi::responses::{empty, json, link};
use crate::http::openapi::{examples, parameters, requests};
use crate::http::route::{self, Route};

pub(super) fn rows() -> Vec<Row> {
    vec![
        deliveries(),
        redeliver(),
        create_key(),
        list_keys(),
        revoke_key(),
        rotate_key(),
        queue(),
        pause(),
        resume(),
        processes(),
    ]
}

/// An operation that answers 200 or 202 with JSON.
fn row(
    (route, method): (Route, Method),
    (id, tag): (&'static str, &'static str),
    (summary, description): (&'static str, &'static str),
) -> Row {
    let (parameters, answers) = (Vec::new(), Vec::new());
    Row { route, method, id, tag, summary, description, parameters, body: None, answers }
}

fn deliveries() -> Row {
    let filters =
        [parameters::filter("status", "DeliveryStatus", "Filter by status."), parameters::job_filter()];
    let page = json!({ "deliveries": [examples::delivery()], "next_cursor": null });
    let again = link("redeliverWebhook", "Sends it again.", &[("id", "$response.body#/deliveries/0/id")]);
    Row {
        parameters: [filters, parameters::page()].concat(),
        answers: vec![(200, json("A page of deliveries.", "DeliveryPage", page).link("redelivery", again))],
        ..row(
            (route::DELIVERIES, Method::GET),
            ("listDeliveries", "webhooks"),
            ("List webhook deliveries", "Lists deliveries with all their attempts, newest first."),
        )
    }
}

fn redeliver() -> Row {
    let answer = json("The delivery, which is due now.", "Delivery", examples::delivery());
    Row {
        parameters: vec![parameters::delivery_id()],
        answers: vec![(202, answer)],
        ..row(
            (route::REDELIVER, Method::POST),
            ("redeliverWebhook", "webhooks"),
            ("Send a webhook again", "Sends a webhook again at once, whatever the state of its delivery."),
        )
    }
}

fn key_links(response: utoipa::openapi::ResponseBuilder) -> utoipa::openapi::ResponseBuilder {
    let id = [("id", "$response.body#/id")];
    response
        .link("rotation", link("rotateKey", "Replaces the key.", &id))
        .link("revocation", link("revokeKey", "Revokes the key.", &id))
}

fn create_key() -> Row {
    let text = "The key, which is shown here alone.";
    Row {
        body: Some(requests::key()),
        answers: vec![(201, key_links(json(text, "CreatedKey", examples::created_key())))],
        ..row(
            (route::KEYS, Method::POST),
            ("createKey", "keys"),
            ("Create an API key", "Creates an API key with a webhook secret of its own."),
        )
    }
}

fn list_keys() -> Row {
    let page = json!({ "keys": [examples::key()], "next_cursor": null });
    Row {
        parameters: parameters::page().into(),
        answers: vec![(200, json("A page of keys.", "KeyPage", page))],
        ..row(
            (route::KEYS, Method::GET),
            ("listKeys", "keys"),
            ("List API keys", "Lists the keys that were not revoked, newest first, without their secrets."),
        )
    }
}

fn revoke_key() -> Row {
    Row {
        parameters: vec![parameters::key_id()],
        answers: vec![(
            204,
            empty("The key is revoked: here at once, and in other processes within two seconds."),
        )],
        ..row(
            (route::KEY, Method::DELETE),
            ("revokeKey", "keys"),
            ("Revoke an API key", "Revokes a key. Its jobs go on."),
        )
    }
}

fn rotate_key() -> Row {
    let text = "The second key, which is shown here alone.";
    Row {
        parameters: vec![parameters::key_id()],
        body: Some(requests::rotation()),
        answers: vec![(201, key_links(json(text, "CreatedKey", examples::created_key())))],
        ..row(
            (route::KEY_ROTATE, Method::POST),
            ("rotateKey", "keys"),
            (
                "Replace an API key",
                "Makes a second key of the same name, to which the same jobs belong. The first one goes on working for a \
                 while.",
            ),
        )
    }
}

fn queue_type() -> Parameter {
    parameters::filter("type", "JobType", "The type of jobs. Without it, all types.")
}

fn queue_row(
    route: Route,
    method: Method,
    id: &'static str,
    texts: (&'static str, &'static str),
    parameters: Vec<Parameter>,
) -> Row {
    let example = json!({ "paused": ["zip_batch"] });
    Row {
        parameters,
        answers: vec![(200, json("What is paused now.", "QueueStatus", example))],
        ..row((route, method), (id, "queue"), texts)
    }
}

fn queue() -> Row {
    let texts = ("Show the queue", "Reports which types of jobs are paused.");
    queue_row(route::QUEUE, Method::GET, "getQueue", texts, Vec::new())
}

fn pause() -> Row {
    let texts = (
        "Pause the queue",
        "Stops claiming pictures in all processes. Pictures in work are finished, and new jobs are accepted.",
    );
    queue_row(route::QUEUE_PAUSE, Method::POST, "pauseQueue", texts, vec![queue_type()])
}

fn resume() -> Row {
    let texts = ("Resume the queue", "Lifts the pause of one type; without a type, every pause.");
    queue_row(route::QUEUE_RESUME, Method::POST, "resumeQueue", texts, vec![queue_type()])
}

fn processes() -> Row {
    Row {
        answers: vec![(200, json("The processes.", "ProcessList", examples::processes()))],
        ..row(
            (route::PROCESSES, Method::GET),
            ("listProcesses", "queue"),
            ("List processes", "Lists the processes that share the store, stopped ones too, newest first."),
        )
    }
}
