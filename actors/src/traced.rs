//! Runs parts of a task in their own trace spans, where traces are recorded.

use huemill_observability::trace::{Scope, SpanKind};

use crate::fault::Fault;

/// An error that a span can name.
pub trait SpanError {
    /// Its code, from a closed set.
    fn code(&self) -> &'static str;
}

impl SpanError for Fault {
    fn code(&self) -> &'static str {
        self.code.as_str()
    }
}

/// Runs `work` in a child span of the current one. An error sets the span's status.
///
/// # Errors
/// Those of `work`.
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
