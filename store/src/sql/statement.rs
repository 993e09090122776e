//! SQL statements with the values of their parameters. Nothing here fails: errors come when a statement runs.

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

/// A statement that is ready to run.
pub(super) type Statement = Query<'static, Any, AnyArguments>;

/// Makes a statement of its text and the values of `$1`, `$2` and so on.
macro_rules! statement {
    ($text:expr, [$($value:expr),+ $(,)?]) => {
        sqlx::query($text)$(.bind($value))+
    };
}

pub(super) use statement;
