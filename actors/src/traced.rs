//! Parts of the work at hand, told of as spans where traces are recorded.

use huemill_observability::trace::{Scope, SpanKind};

use crate::fault::Fault;

/// An error that a span can name.
pub trait SpanError {
    /// The code of it, out of a closed set.
    fn code(&self) -> &'static str;
}

impl SpanError for Fault {
    fn code(&self) -> &'static str {
        self.code.as_str()
    }
}

/// Does this work as a part of that which calls it; an error is noted with it.
///
/// # Errors
/// Those of the work.
pub async fn traced<T, E: SpanError>(
    name: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = Scope::here().span(name, SpanKind::Internal, || []);
    let answer = span.scope().run(work).await;
    if let Err(error) = &answer {
        span.fail(error.code());
    }
    answer
}
