//! Errors of the blob store, and whether they concern one blob or all of them.
//!
//! Translates the errors of the file system and the bucket. A server's response may quote keys and signatures, so only
//! the name of the error in it is kept.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use object_store::Error as S3Error;

/// Why a blob could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("there is no blob {0}")]
    Missing(String),
    /// The blob store is full.
    #[error("the blob store is full: {0}")]
    Full(String),
    /// The blob store is unreachable or busy, or rejects every call. This concerns all blobs, and may pass.
    #[error("the blob store is unavailable: {0}")]
    Away(String),
    /// The blob store denies access to this blob because of its permissions, encryption key or storage class. Other
    /// blobs may be accessible.
    #[error("the blob store denies access to this blob: {0}")]
    Refused(String),
    /// The address or the settings of the blob store are invalid.
    #[error("the blob store cannot be opened: {0}")]
    Address(String),
    /// The bytes to write could not be read.
    #[error("the bytes to store could not be read: {0}")]
    Source(#[from] io::Error),
}

/// The number of blobs that two removals removed, or the error of one of them. Of two errors, the temporary one is
/// returned, because then the same call is worth a retry.
pub(super) fn combine(one: Result<u64, BlobError>, other: Result<u64, BlobError>) -> Result<u64, BlobError> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(one + other),
        (Err(one), Err(other)) => Err(if matches!(one, BlobError::Refused(_)) { other } else { one }),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Translates an error of the file system at the path of a blob.
#[allow(clippy::needless_pass_by_value, reason = "fits map_err")]
pub(super) fn file_error(error: io::Error) -> BlobError {
    const ELOOP: i32 = 40;
    let text = error.to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BlobError::Full(text),
        // EACCES and EPERM, EISDIR, ENOTDIR.
        ErrorKind::PermissionDenied | ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
            BlobError::Refused(text)
        }
        _ if error.raw_os_error() == Some(ELOOP) => BlobError::Refused(text),
        _ => BlobError::Away(text),
    }
}

/// Translates an error of the file system at a path that all blobs share.
pub(super) fn shared_path_error(error: io::Error) -> BlobError {
    match file_error(error) {
        BlobError::Refused(text) => BlobError::Away(text),
        other => other,
    }
}

/// Translates an error of the bucket. If the call was not about a blob, "not found" means the bucket.
#[allow(clippy::needless_pass_by_value, reason = "fits map_err")]
pub(super) fn bucket_error(error: S3Error) -> BlobError {
    let text = chain(&error);
    let (text, name) = without_response(&text);
    // The response of S3-compatible servers when their disks are full or a quota is reached.
    if text.contains("507 Insufficient Storage") {
        BlobError::Full(text)
    } else if name.is_some_and(|name| concerns_one_object(&error, name)) {
        BlobError::Refused(text)
    } else {
        BlobError::Away(text)
    }
}

/// Whether the error says that there is no such blob, as opposed to no such bucket.
pub(super) fn is_absent(error: &S3Error) -> bool {
    matches!(error, S3Error::NotFound { .. }) && without_response(&chain(error)).1 != Some("NoSuchBucket")
}

/// Names of errors that concern every call, although their status codes say that access to one object is denied: the
/// credentials, the clock or the account are wrong, or the server is busy.
const CONCERN_ALL: [&str; 13] = [
    "AccountProblem",
    "AllAccessDisabled",
    "ExpiredToken",
    "InternalError",
    "InvalidAccessKeyId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "RequestTimeTooSkewed",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "SlowDown",
    "TokenRefreshRequired",
];

/// The beginning of the client's error for one object of a removal.
const DELETE_FAILED: &str = "DeleteObjects request failed for key ";

/// Whether an error to which the server gives this name concerns one object. A response without a name does not come
/// from S3 but from a proxy in front of it, and a 403 that is not about an object comes from a source of credentials or
/// a listing. Both concern all objects.
fn concerns_one_object(error: &S3Error, name: &str) -> bool {
    let one = match error {
        // 403 and 412.
        S3Error::PermissionDenied { .. } | S3Error::Precondition { .. } => true,
        // The client has no type for these: errors of the object's encryption key (400), and parts of a batch removal.
        S3Error::Generic { source, .. } => {
            name.starts_with("KMS.") || source.to_string().starts_with(DELETE_FAILED)
        }
        _ => false,
    };
    one && !CONCERN_ALL.contains(&name) && !name.contains("Throttling")
}

/// The text without the server's response, but with the name that the response gives the error.
fn without_response(text: &str) -> (String, Option<&str>) {
    let (kept, name) = if let Some((key, response)) = removal(text) {
        (key, response.rsplit_once("(code: ").and_then(|(_, rest)| rest.split_once(')')))
    } else {
        let status = text.split_once("non-2xx status code: ").and_then(|(_, rest)| rest.split_once(": "));
        let response = status.or_else(|| text.split_once("error response: "));
        let response = response.map_or("", |(_, response)| response);
        let kept = text[..text.len() - response.len()].trim_end_matches([' ', ':']);
        (kept, response.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")))
    };
    let is_name =
        |name: &str| name.len() < 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    match name.map(|(name, _)| name).filter(|name| is_name(name)) {
        Some(name) => (format!("{kept} ({name})"), Some(name)),
        None => (kept.to_owned(), None),
    }
}

/// The error for one object of a removal: the text up to its key, and the response.
fn removal(text: &str) -> Option<(&str, &str)> {
    let key = text.find(DELETE_FAILED)? + DELETE_FAILED.len();
    let end = key + text[key..].find(": ")?;
    Some((&text[..end], &text[end + 2..]))
}

/// An error with those of its causes that its own text does not contain.
fn chain(error: &S3Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let cause_text = error.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_file_system_concern_one_blob_or_all() {
        let kind = |errno| match file_error(io::Error::from_raw_os_error(errno)) {
            BlobError::Full(_) => "full",
            BlobError::Refused(_) => "refused",
            BlobError::Away(_) => "away",
            other => panic!("{other:?}"),
        };
        let (eperm, eio, eacces, enotdir, eisdir) = (1, 5, 13, 20, 21);
        let (emfile, enospc, erofs, eloop, etimedout, estale, edquot) = (24, 28, 30, 40, 110, 116, 122);
        for errno in [eperm, eacces, enotdir, eisdir, eloop] {
            assert_eq!(kind(errno), "refused", "{errno}");
        }
        for errno in [eio, emfile, erofs, etimedout, estale] {
            assert_eq!(kind(errno), "away", "{errno}");
        }
        for errno in [enospc, edquot] {
            assert_eq!(kind(errno), "full", "{errno}");
        }
        assert!(matches!(shared_path_error(io::Error::from_raw_os_error(eacces)), BlobError::Away(_)));
        assert!(matches!(shared_path_error(io::Error::from_raw_os_error(enospc)), BlobError::Full(_)));
    }

    fn denied(answer: &str) -> S3Error {
        let text = format!("Server returned non-2xx status code: 403 Forbidden: {answer}");
        S3Error::PermissionDenied { path: "key".to_owned(), source: text.into() }
    }

    fn generic(text: &str) -> S3Error {
        S3Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    fn code(name: &str) -> String {
        format!("<Error><Code>{name}</Code><Key>secret</Key></Error>")
    }

    #[test]
    fn errors_of_a_bucket_concern_one_blob_or_all() {
        let bad_request = |name: &str| {
            generic(&format!("Server returned non-2xx status code: 400 Bad Request: {}", code(name)))
        };
        let removal = |name: &str| generic(&format!("{DELETE_FAILED}a/b: a secret (code: {name})"));
        let unmet = S3Error::Precondition {
            path: "key".to_owned(),
            source: format!("non-2xx status code: 412 Precondition Failed: {}", code("PreconditionFailed"))
                .into(),
        };
        for error in [
            denied(&code("AccessDenied")),
            denied(&code("InvalidObjectState")),
            bad_request("KMS.DisabledException"),
            bad_request("KMS.NotFoundException"),
            removal("AccessDenied"),
            unmet,
        ] {
            let mapped = bucket_error(error);
            assert!(matches!(&mapped, BlobError::Refused(text) if !text.contains("secret")), "{mapped:?}");
        }
        for error in CONCERN_ALL.iter().map(|name| denied(&code(name))).chain([
            denied("<html>a secret of the proxy</html>"),
            // A source of credentials, or a listing.
            generic(&format!("Server returned non-2xx status code: 403 Forbidden: {}", code("AccessDenied"))),
            bad_request("ExpiredToken"),
            bad_request("KMS.ThrottlingException"),
            removal("SlowDown"),
            generic(&format!("non-2xx status code: 503 Service Unavailable: {}", code("SlowDown"))),
            generic("deadline has elapsed"),
        ]) {
            let mapped = bucket_error(error);
            assert!(matches!(&mapped, BlobError::Away(text) if !text.contains("secret")), "{mapped:?}");
        }
    }

    #[test]
    fn a_missing_bucket_is_not_a_missing_blob() {
        let missing = |name: &str| S3Error::NotFound {
            path: "key".to_owned(),
            source: format!("non-2xx status code: 404 Not Found: {}", code(name)).into(),
        };
        assert!(is_absent(&missing("NoSuchKey")) && !is_absent(&missing("NoSuchBucket")));
        assert!(matches!(bucket_error(missing("NoSuchBucket")), BlobError::Away(_)));
    }

    #[test]
    fn only_the_name_of_the_error_is_kept_from_a_servers_response() {
        let error =
            "Error performing PUT http://h/b in 3ms - Server returned non-2xx status code: 403 Forbidden";
        let text = |response: &str| without_response(response).0;
        let answer = "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>";
        assert_eq!(text(&format!("{error}: {answer}")), format!("{error} (SignatureDoesNotMatch)"));
        assert_eq!(text(&format!("{error}: a secret: of its own")), error);
        assert_eq!(text(&format!("{error}: <Code>a secret</Code>")), error);
        assert_eq!(text(&format!("{error}: ")), error);
        assert_eq!(text("Server returned error response: a: b"), "Server returned error response");
        assert_eq!(text(&format!("{DELETE_FAILED}a: b: c (code: D)")), format!("{DELETE_FAILED}a (D)"));
        assert_eq!(text("connection refused: 111"), "connection refused: 111");
    }

    #[test]
    fn the_temporary_one_of_two_errors_is_reported() {
        let (refused, away) =
            (|| Err(BlobError::Refused(String::new())), || Err(BlobError::Away(String::new())));
        assert!(matches!(combine(refused(), away()), Err(BlobError::Away(_))));
        assert!(matches!(combine(away(), refused()), Err(BlobError::Away(_))));
        assert!(matches!(combine(refused(), Ok(1)), Err(BlobError::Refused(_))));
        assert!(matches!(combine(Ok(1), refused()), Err(BlobError::Refused(_))));
        assert!(matches!(combine(Ok(1), Ok(2)), Ok(3)));
    }
}
