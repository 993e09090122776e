//! Parts of the work at hand, told of as spans where traces are recorded.

use huemill_observability::trace::{Scope, SpanKind};

use crate::fault::Fault;

/// Does this work as a part of that which calls it; a fault is noted with it.
///
/// # Errors
/// Those of the work.
pub async fn part<T>(name: &'static str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let span = Scope::here().span(name, SpanKind::Internal, || []);
    let answer = span.scope().run(work).await;
    if let Err(fault) = &answer {
        span.fail(fault.code.as_str());
    }
    answer
}
