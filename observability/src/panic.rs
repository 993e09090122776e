//! Logs every panic: its location, its thread and the part of its message that is safe to log.
//!
//! A panic's message can quote the data that caused it (`unwrap` prints the error, an assertion prints both sides), and
//! that data may come from a client. So a literal message is logged whole, and a formatted one only up to the first colon
//! or line break; the location tells the rest. The line has the fields of the current span, such as the request's id.

use std::any::Any;
use std::panic::{PanicHookInfo, set_hook, take_hook};

/// The maximum length of a logged message, in characters.
const MAX_MESSAGE_CHARS: usize = 160;

/// Logs every panic from now on. In a process without a log, the previous hook stays in force.
pub fn install_panic_hook() {
    let previous = take_hook();
    set_hook(Box::new(move |info| {
        if tracing::dispatcher::has_been_set() {
            report(info);
        } else {
            previous(info);
        }
    }));
}

fn report(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let location = info.location().map(tracing::field::display);
    crate::log!(PANIC, message = %panic_text(info.payload()), location, thread = thread.name());
}

/// The part of a panic's message that is safe to log: all of a literal, the beginning of a formatted text.
#[must_use]
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = if let Some(literal) = payload.downcast_ref::<&'static str>() {
        literal
    } else if let Some(formatted) = payload.downcast_ref::<String>() {
        formatted.split([':', '\n']).next().unwrap_or_default()
    } else {
        "a panic without a message"
    };
    text.char_indices().nth(MAX_MESSAGE_CHARS).map_or(text, |(end, _)| &text[..end])
}
