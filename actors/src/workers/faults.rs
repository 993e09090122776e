//! What imaging, store and budget report, in the vocabulary of the wire.

use huemill_imaging::{Error, Limits};
use huemill_store::archive::EntryError;

use super::ticket::{Halt, Ticket};
use crate::budget::Refusal;
use crate::fault::{Code, Fault};

/// Why a picture gave no outcome.
pub(super) fn of_picture(error: &Error, limits: &Limits, ticket: &Ticket) -> Halt {
    let fault = Fault::new(Code::from(error));
    Halt::Fault(match error {
        Error::Canceled => return ticket.stopped(),
        Error::Empty => fault,
        Error::Unsupported(format) => fault
            .told(format!("{format} is not supported. Send a JPEG, PNG, WebP, GIF, BMP or TIFF picture.")),
        Error::TooLarge { width, height } => fault.told(format!(
            "The picture is {width} x {height} pixels. At most {} megapixels and {} pixels a side are allowed: \
             send a smaller one.",
            limits.max_pixels / 1_000_000,
            limits.max_side,
        )),
        error => fault.because(error),
    })
}

/// Why an entry of an archive gave no bytes.
pub(crate) fn of_entry(error: &EntryError) -> Fault {
    let unreadable = |told| Fault::new(Code::ProcessingError).told(told).because(error);
    match error {
        EntryError::NotAFile => unreadable("This entry of the archive is not a file."),
        EntryError::Encrypted => {
            unreadable("This file is encrypted. Pack the pictures again without a password.")
        }
        EntryError::UnsupportedMethod(_) => unreadable(
            "This file is compressed by a method that is not supported. Pack the pictures again with deflate.",
        ),
        EntryError::TooLarge { limit } => too_many_bytes(*limit).because(error),
        EntryError::Damaged(_) => unreadable("This file in the archive is damaged. Pack the pictures again."),
        EntryError::Io(_) => Fault::new(Code::InternalError).because(error),
    }
}

/// An input that is longer than a picture may be.
pub(crate) fn too_many_bytes(limit: u64) -> Fault {
    Fault::new(Code::PayloadTooLarge)
        .told(format!("The picture is larger than {} MB. Send a smaller one.", limit / 1_000_000))
}

/// Why no memory was reserved.
pub(super) fn of_refusal(refusal: Refusal, ticket: &Ticket) -> Halt {
    match refusal {
        Refusal::TooLarge { .. } => Halt::Fault(
            Fault::new(Code::PayloadTooLarge)
                .told("This picture needs more memory than there is for pictures. Send a smaller one.")
                .because(refusal),
        ),
        Refusal::Late => Halt::Fault(ticket.late()),
        Refusal::Canceled => ticket.stopped(),
    }
}

/// How an attempt without an outcome ended, as metrics spell it.
pub(super) fn outcome(halt: &Halt) -> &'static str {
    let Halt::Fault(fault) = halt else { return "canceled" };
    match fault.code {
        Code::NoInput => "no_input",
        Code::PayloadTooLarge => "payload_too_large",
        Code::UnsupportedMediaType => "unsupported_media_type",
        Code::ProcessingError => "processing_error",
        Code::Overloaded => "overloaded",
        _ => "internal_error",
    }
}
