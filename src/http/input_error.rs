//! The faults of requests whose input cannot be used. Messages go to the client; causes go to the log.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::time::Duration;

use actix_web::error::PayloadError;
use huemill_actors::fault::{Code, Fault};

/// Input that is malformed or out of range.
pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Fault {
    Fault::new(Code::InvalidInput).with_message(message)
}

/// A field that may be given once.
pub(crate) fn given_twice(name: &str) -> Fault {
    invalid(format!("`{name}` was given more than once."))
}

/// A file or body of more than `limit` bytes. `size` is its declared size, if the client declared one.
pub(crate) fn too_large(limit: u64, size: Option<u64>) -> Fault {
    let cause = match size {
        Some(size) => format!("{size} bytes declared, {limit} allowed"),
        None => format!("more than {limit} bytes received"),
    };
    let megabytes = limit as f64 / 1e6;
    Fault::new(Code::PayloadTooLarge)
        .with_message(format!("This is larger than the maximum of {megabytes} MB. Send something smaller."))
        .with_cause(cause)
}

/// A body that ended early or was not valid HTTP. The middleware replaces this if the body was too slow.
pub(crate) fn broken_body(error: PayloadError) -> Fault {
    match error {
        PayloadError::Overflow => Fault::new(Code::PayloadTooLarge).with_cause(error),
        other => invalid("The request's body ended early. Send it again.").with_cause(other),
    }
}

/// A spool that could not be written. A full or missing disk is temporary; everything else is an internal error.
pub(crate) fn spool_failed(error: std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem => {
            let mut fault = Fault::new(Code::Overloaded).with_cause(error);
            fault.retry_after = Some(Duration::from_secs(30));
            fault
        }
        _ => Fault::new(Code::InternalError).with_cause(error),
    }
}
