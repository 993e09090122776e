//! Why the service could not be used: the errors of the client, and the error responses of the service.

use std::fmt;

use serde::Deserialize;

use super::form::FormFileError;

/// Why a request has no usable response.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ClientError {
    #[error(
        "{0}: the server must be a URL like http://127.0.0.1:8080, without a user; https is not supported"
    )]
    Address(String),
    #[error("cannot sign requests: {0}")]
    SigningKey(String),
    #[error("{server} cannot be reached: {reason}")]
    Unreachable { server: String, reason: String },
    #[error("{0}")]
    Refused(ApiError),
    #[error("the service's response is not valid: {0}")]
    InvalidResponse(String),
    #[error("{0}")]
    File(FormFileError),
}

/// An error response of the service: the members of its problem document that are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct ApiError {
    #[serde(skip)]
    pub(super) status: u16,
    pub(super) error_code: String,
    pub(super) user_message: String,
    pub(super) request_id: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, error_code, user_message, request_id } = self;
        if error_code.is_empty() {
            return write!(f, "the service responded with status {status}");
        }
        write!(f, "{user_message} ({error_code}, request {request_id})")
    }
}
