//! What libraries log that is left out of the log or masked in it. [`JsonLayer`](super::JsonLayer) asks for each event.

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

use super::fields::Fields;

/// Library messages to suppress, by target and prefix: the HTTP server reports a broken response without its request,
/// where our own event says more, and takes what a client sends or does not read for an error of the service: any client
/// could fill the log with that.
const SUPPRESSED: [(&str, &str); 5] = [
    ("actix_http::h1::dispatcher", "\"Response payload stream error"),
    ("actix_http::h1::dispatcher", "\"stream error"),
    ("actix_http::h2::dispatcher", "\"Response payload stream error"),
    ("actix_http::h2::dispatcher", "\"Send data error"),
    ("actix_http::h1::decoder", "\"MAX_BUFFER_SIZE "),
];

/// The framework's server, whose `info` lines about its threads and sockets say less than `service_started` and
/// `shutdown_started`.
const SERVER: &str = "actix_server::";

/// Library fields to mask, by target and field: raw headers, and parameters of the database URL, which may be a password
/// under a mistyped name. The part of a message before its colon is kept.
const MASKED: [(&str, &str); 3] = [
    ("actix_http::h1::decoder", "message"),
    ("awc::client::h2proto", "message"),
    ("sqlx_postgres::options::parse", "value"),
];

/// The name of a library's event, which has no name of its own.
pub(crate) const UNNAMED: &str = "log";

/// Replaces a masked value.
pub(super) const MASK: &str = "********";

/// Whether an event is left out.
pub(super) fn is_suppressed(metadata: &Metadata<'_>, fields: &Fields) -> bool {
    let message = fields.get("message").unwrap_or_default();
    is_of_server(metadata, LevelFilter::current())
        || SUPPRESSED
            .iter()
            .any(|(target, prefix)| metadata.target() == *target && message.starts_with(prefix))
}

/// Whether this is one of the server's `info` lines and the filter lets no lines through that say more.
fn is_of_server(metadata: &Metadata<'_>, filter: LevelFilter) -> bool {
    *metadata.level() == Level::INFO && metadata.target().starts_with(SERVER) && filter < LevelFilter::DEBUG
}

/// Whether a field's value is masked.
pub(super) fn is_masked(metadata: &Metadata<'_>, fields: &Fields, name: &str) -> bool {
    let target = fields.get("log.target").map_or(metadata.target(), |target| target.trim_matches('"'));
    MASKED.contains(&(target, name))
}
