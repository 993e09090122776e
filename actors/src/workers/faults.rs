//! What imaging, store and budget report, in the vocabulary of the wire.

use huemill_imaging::{Error, Limits};
use huemill_store::archive::EntryError;

use super::attempt_state::{AttemptState, StopReason};
use crate::budget::Refusal;
use crate::fault::{Code, Fault};

/// Why a picture gave no outcome.
pub(super) fn of_picture(error: &Error, limits: &Limits, state: &AttemptState) -> StopReason {
    let fault = Fault::new(Code::from(error));
    StopReason::Fault(match error {
        Error::Canceled => return state.stopped(),
        Error::Empty => fault,
        Error::Unsupported(format) => fault
            .with_message(format!("{format} is not supported. Send a JPEG, PNG, WebP, GIF, BMP or TIFF picture.")),
        Error::TooLarge { width, height } => fault.with_message(format!(
            "The picture is {width} x {height} pixels. At most {} megapixels and {} pixels a side are allowed: \
             send a smaller one.",
            limits.max_pixels / 1_000_000,
            limits.max_side,
        )),
        error => fault.with_cause(error),
    })
}

/// Why an entry of an archive gave no bytes.
pub(crate) fn of_entry(error: &EntryError) -> Fault {
    let unreadable = |told| Fault::new(Code::ProcessingError).with_message(told).with_cause(error);
    match error {
        EntryError::NotAFile => unreadable("This entry of the archive is not a file."),
        EntryError::Encrypted => {
            unreadable("This file is encrypted. Pack the pictures again without a password.")
        }
        EntryError::UnsupportedMethod(_) => unreadable(
            "This file is compressed by a method that is not supported. Pack the pictures again with deflate.",
        ),
        EntryError::TooLarge { limit } => too_many_bytes(*limit).with_cause(error),
        EntryError::Damaged(_) => unreadable("This file in the archive is damaged. Pack the pictures again."),
        EntryError::Io(_) => Fault::new(Code::InternalError).with_cause(error),
    }
}

/// An input that is longer than a picture may be.
pub(crate) fn too_many_bytes(limit: u64) -> Fault {
    Fault::new(Code::PayloadTooLarge)
        .with_message(format!("The picture is larger than {} MB. Send a smaller one.", limit / 1_000_000))
}

/// Why no memory was reserved.
pub(super) fn of_refusal(refusal: Refusal, state: &AttemptState) -> StopReason {
    match refusal {
        Refusal::TooLarge { .. } => StopReason::Fault(
            Fault::new(Code::PayloadTooLarge)
                .with_message(
                    "This picture needs more memory than there is for pictures. Send a smaller one.",
                )
                .with_cause(refusal),
        ),
        Refusal::Late => StopReason::Fault(state.late()),
        Refusal::Canceled => state.stopped(),
    }
}

/// How an attempt without an outcome ended, as metrics spell it.
pub(super) fn outcome(halt: &StopReason) -> &'static str {
    let StopReason::Fault(fault) = halt else { return "canceled" };
    match fault.code {
        Code::NoInput => "no_input",
        Code::PayloadTooLarge => "payload_too_large",
        Code::UnsupportedMediaType => "unsupported_media_type",
        Code::ProcessingError => "processing_error",
        Code::Overloaded => "overloaded",
        _ => "internal_error",
    }
}
