//! Panics as log lines: where, on which thread, and as much of the text as is safe to keep.
//!
//! A panic's text can quote the data that caused it (`unwrap` prints the error, an assertion both sides), and
//! that data is a stranger's. So a literal text is kept, and of a formatted one what stands before the first
//! colon or line's end; the location tells the rest. The span that was entered goes into the line as always, so
//! the request's id is there.

use std::any::Any;
use std::panic::{PanicHookInfo, set_hook, take_hook};

/// The longest text that is kept, in characters.
const LONGEST: usize = 160;

/// Makes every panic from now on a log line. A process without a log keeps the hook it had.
pub fn install_panic_hook() {
    let former = take_hook();
    set_hook(Box::new(move |info| {
        if tracing::dispatcher::has_been_set() {
            report(info);
        } else {
            former(info);
        }
    }));
}

fn report(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let location = info.location().map(tracing::field::display);
    crate::log!(PANIC, message = %panic_text(info.payload()), location, thread = thread.name());
}

/// The part of a panic's text that can be written down: all of a literal, the head of a formatted text.
#[must_use]
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = if let Some(literal) = payload.downcast_ref::<&'static str>() {
        literal
    } else if let Some(formatted) = payload.downcast_ref::<String>() {
        formatted.split([':', '\n']).next().unwrap_or_default()
    } else {
        "a panic without a text"
    };
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}
