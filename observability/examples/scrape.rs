//! Prints a scrape in which every metric family has a series, as input for `promtool check metrics`.

use std::io::Write;
use std::time::Duration;

use huemill_observability::{Event, LabelValues, Registry, RequestFacts, RouteLabels};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let known = LabelValues {
        routes: &[RouteLabels {
            endpoint: "/process",
            statuses: &[200],
            error_codes: &["NO_INPUT"],
            can_break: true,
        }],
        job_error_codes: &["PROCESSING_ERROR"],
        image_endpoints: &["/process"],
        formats: &["jpeg"],
        outcomes: &["ok"],
        stages: &["decode"],
        actors: &["workers"],
        mailboxes: &["workers"],
        dependencies: &["disk"],
        job_kinds: &["zip_batch"],
        store_operations: &["claim"],
        outbound_reasons: &["loopback"],
        names_receivers: true,
    };
    let registry = Registry::new(env!("CARGO_PKG_VERSION"), &known)?;
    registry.record(&Event::RequestFinished(RequestFacts {
        endpoint: "/process",
        method: "POST",
        code: 200,
        error_code: None,
        duration: Duration::from_millis(15),
        bytes_in: 39,
        bytes_out: 79,
    }));
    std::io::stdout().write_all(registry.render().as_bytes())?;
    Ok(())
}
