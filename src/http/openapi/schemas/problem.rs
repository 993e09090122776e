//! The one shape of all errors (RFC 9457, with the members that existing clients read).

#![allow(dead_code, reason = "the fields are read by the derived schemas alone")]

use utoipa::ToSchema;

use super::words::ErrorCode;

/// An error.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Problem {
    /// Always false.
    success: bool,
    error_code: ErrorCode,
    /// What happened and what to do, for the person in front of a page.
    user_message: String,
    /// The same as `user_message`.
    message: String,
    /// The id of this request, which is in the log too.
    request_id: String,
    /// Unix seconds.
    timestamp: i64,
    /// `about:blank`, or the problem type of a quota that is used up.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status of the response.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened and what to do, for the developer of the client.
    detail: String,
    /// Whether another attempt may help, where that depends on the server of a URL.
    #[schema(nullable = false)]
    retryable: Option<bool>,
    /// The limits that the caller has reached.
    #[schema(rename = "violated-policies", nullable = false)]
    violated_policies: Option<Vec<String>>,
}
