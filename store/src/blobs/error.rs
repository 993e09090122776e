//! Why a blob was not read or written, and whether that concerns this blob alone or all of them.
//!
//! The folder and the bucket report here what the system or the server answered. What a server answers may quote keys
//! and signatures: of it only the name of the error is kept.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use object_store::Error as S3Error;

/// Why a blob was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("there is no blob {0}")]
    Missing(String),
    /// No room is left.
    #[error("the blob store is full: {0}")]
    Full(String),
    /// The store cannot be reached, is busy, or refuses every call: a matter of time, and the same for all blobs.
    #[error("the blob store is away: {0}")]
    Away(String),
    /// This blob is refused (its permissions, its encryption key, its storage class), while others may be fine.
    #[error("the blob store refuses this blob: {0}")]
    Refused(String),
    /// The address of the blob store cannot be used.
    #[error("the blob store cannot be opened: {0}")]
    Address(String),
    /// The bytes to be written could not be read.
    #[error("the bytes to be stored could not be read: {0}")]
    Source(#[from] io::Error),
}

/// How many blobs two removals took away, or the failure of one of them. Of two failures it is the one that time can
/// heal, since the same call is worth another try then.
pub(super) fn both(one: Result<u64, BlobError>, other: Result<u64, BlobError>) -> Result<u64, BlobError> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(one + other),
        (Err(one), Err(other)) => Err(if matches!(one, BlobError::Refused(_)) { other } else { one }),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// What an error of the file system means for a blob at its own path.
#[allow(clippy::needless_pass_by_value, reason = "reads well behind map_err")]
pub(super) fn of_file(error: io::Error) -> BlobError {
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

/// The same where the path is one that all blobs pass through.
pub(super) fn of_shared_path(error: io::Error) -> BlobError {
    match of_file(error) {
        BlobError::Refused(text) => BlobError::Away(text),
        other => other,
    }
}

/// What an error of the bucket means. Where no blob is asked for, what is not found is the bucket.
#[allow(clippy::needless_pass_by_value, reason = "reads well behind map_err")]
pub(super) fn of_bucket(error: S3Error) -> BlobError {
    let text = chain(&error);
    let (text, name) = without_answer(&text);
    // What S3-compatible servers answer when their disks are full or a quota is reached.
    if text.contains("507 Insufficient Storage") {
        BlobError::Full(text)
    } else if name.is_some_and(|name| is_about_one(&error, name)) {
        BlobError::Refused(text)
    } else {
        BlobError::Away(text)
    }
}

/// Whether the error says that there is no such blob. A bucket that is missing is another matter.
pub(super) fn is_absent(error: &S3Error) -> bool {
    matches!(error, S3Error::NotFound { .. }) && without_answer(&chain(error)).1 != Some("NoSuchBucket")
}

/// Names of errors that hit every call, although they come with the status codes of one that is refused: the
/// credentials, the clock or the account are wrong, or the server is busy.
const ABOUT_ALL: [&str; 13] = [
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

/// How the client's error for one object of a removal begins.
const DELETE_FAILED: &str = "DeleteObjects request failed for key ";

/// Whether an error that the server calls by this name concerns one object. An answer without a name does not come from
/// S3 but from what lies in front of it, and a 403 that is not about an object comes from a source of credentials or
/// a listing: those concern all.
fn is_about_one(error: &S3Error, name: &str) -> bool {
    let one = match error {
        // 403 and 412.
        S3Error::PermissionDenied { .. } | S3Error::Precondition { .. } => true,
        // The client knows no kind for these: the key that encrypts the object (400), and parts of a batch of removals.
        S3Error::Generic { source, .. } => {
            name.starts_with("KMS.") || source.to_string().starts_with(DELETE_FAILED)
        }
        _ => false,
    };
    one && !ABOUT_ALL.contains(&name) && !name.contains("Throttling")
}

/// The text without the server's answer, but with the name that the answer gives the error.
fn without_answer(text: &str) -> (String, Option<&str>) {
    let (told, name) = if let Some((key, answer)) = removal(text) {
        (key, answer.rsplit_once("(code: ").and_then(|(_, rest)| rest.split_once(')')))
    } else {
        let status = text.split_once("non-2xx status code: ").and_then(|(_, rest)| rest.split_once(": "));
        let answer = status.or_else(|| text.split_once("error response: ")).map_or("", |(_, answer)| answer);
        let told = text[..text.len() - answer.len()].trim_end_matches([' ', ':']);
        (told, answer.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")))
    };
    let is_name =
        |name: &str| name.len() < 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    match name.map(|(name, _)| name).filter(|name| is_name(name)) {
        Some(name) => (format!("{told} ({name})"), Some(name)),
        None => (told.to_owned(), None),
    }
}

/// The error of one object of a removal: the text up to its key, and the answer.
fn removal(text: &str) -> Option<(&str, &str)> {
    let key = text.find(DELETE_FAILED)? + DELETE_FAILED.len();
    let end = key + text[key..].find(": ")?;
    Some((&text[..end], &text[end + 2..]))
}

/// An error with its causes, as far as its own text does not contain them.
fn chain(error: &S3Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
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
        let kind = |errno| match of_file(io::Error::from_raw_os_error(errno)) {
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
        assert!(matches!(of_shared_path(io::Error::from_raw_os_error(eacces)), BlobError::Away(_)));
        assert!(matches!(of_shared_path(io::Error::from_raw_os_error(enospc)), BlobError::Full(_)));
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
            let mapped = of_bucket(error);
            assert!(matches!(&mapped, BlobError::Refused(text) if !text.contains("secret")), "{mapped:?}");
        }
        for error in ABOUT_ALL.iter().map(|name| denied(&code(name))).chain([
            denied("<html>a secret of the proxy</html>"),
            // A source of credentials, or a listing.
            generic(&format!("Server returned non-2xx status code: 403 Forbidden: {}", code("AccessDenied"))),
            bad_request("ExpiredToken"),
            bad_request("KMS.ThrottlingException"),
            removal("SlowDown"),
            generic(&format!("non-2xx status code: 503 Service Unavailable: {}", code("SlowDown"))),
            generic("deadline has elapsed"),
        ]) {
            let mapped = of_bucket(error);
            assert!(matches!(&mapped, BlobError::Away(text) if !text.contains("secret")), "{mapped:?}");
        }
    }

    #[test]
    fn a_missing_bucket_is_no_missing_blob() {
        let missing = |name: &str| S3Error::NotFound {
            path: "key".to_owned(),
            source: format!("non-2xx status code: 404 Not Found: {}", code(name)).into(),
        };
        assert!(is_absent(&missing("NoSuchKey")) && !is_absent(&missing("NoSuchBucket")));
        assert!(matches!(of_bucket(missing("NoSuchBucket")), BlobError::Away(_)));
    }

    #[test]
    fn of_a_servers_answer_only_the_name_of_the_error_is_kept() {
        let error =
            "Error performing PUT http://h/b in 3ms - Server returned non-2xx status code: 403 Forbidden";
        let text = |answer: &str| without_answer(answer).0;
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
    fn of_two_failures_the_one_that_time_heals_is_reported() {
        let (refused, away) =
            (|| Err(BlobError::Refused(String::new())), || Err(BlobError::Away(String::new())));
        assert!(matches!(both(refused(), away()), Err(BlobError::Away(_))));
        assert!(matches!(both(away(), refused()), Err(BlobError::Away(_))));
        assert!(matches!(both(refused(), Ok(1)), Err(BlobError::Refused(_))));
        assert!(matches!(both(Ok(1), refused()), Err(BlobError::Refused(_))));
        assert!(matches!(both(Ok(1), Ok(2)), Ok(3)));
    }
}
