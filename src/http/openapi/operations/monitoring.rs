//! What monitoring and tools read: health, readiness, metrics and this document.

use actix_web::http::Method;
use utoipa::openapi::ObjectBuilder;

use crate::http::openapi::examples;
use crate::http::openapi::operation::Row;
use crate::http::openapi::parameters;
use crate::http::openapi::responses::{empty, json, object, plain, with_headers};
use crate::http::route::{self, Route};

pub(super) fn rows() -> Vec<Row> {
    vec![health(), ready(), metrics(), openapi()]
}

fn row(route: Route, id: &'static str, summary: &'static str, description: &'static str) -> Row {
    let (parameters, answers) = (Vec::new(), Vec::new());
    Row {
        route,
        method: Method::GET,
        id,
        tag: "monitoring",
        summary,
        description,
        parameters,
        body: None,
        answers,
    }
}

fn health() -> Row {
    let answer = json("The process answers.", "Health", examples::health());
    Row {
        answers: vec![(200, with_headers(answer, &["Vary", "Content-Encoding"]))],
        ..row(
            route::HEALTH,
            "getHealth",
            "Check that the process answers",
            "Says that the process answers, and nothing of what it depends on.",
        )
    }
}

fn ready() -> Row {
    let yes = json("The process takes work.", "Readiness", examples::readiness(true));
    let no = json("It does not.", "Readiness", examples::readiness(false));
    Row {
        answers: vec![
            (200, with_headers(yes, &["Vary", "Content-Encoding"])),
            (503, with_headers(no, &["Retry-After"])),
        ],
        ..row(
            route::READY,
            "getReadiness",
            "Check that the process takes work",
            "Reports each dependency with measurements and reasons. It answers at once, whatever hangs.",
        )
    }
}

fn metrics() -> Row {
    let example = "# TYPE jobs_created_total counter\njobs_created_total{type=\"zip_batch\"} 12\n";
    let answer = plain(empty("The metrics."), "text/plain", example);
    Row {
        answers: vec![(200, with_headers(answer, &["Vary", "Content-Encoding"]))],
        ..row(
            route::METRICS,
            "getMetrics",
            "Get the metrics",
            "Returns the metrics of this process in the text format of Prometheus.",
        )
    }
}

fn openapi() -> Row {
    let [if_none_match, _] = parameters::conditions();
    let answer = object(empty("The document."), ObjectBuilder::new().description(Some("This document.")));
    Row {
        parameters: vec![if_none_match],
        answers: vec![
            (200, with_headers(answer, &["ETag", "Vary", "Content-Encoding"])),
            (304, with_headers(empty("The client has this version."), &["ETag", "Vary"])),
        ],
        ..row(route::OPENAPI, "getOpenapi", "Get this document", "Returns this description of the service.")
    }
}
