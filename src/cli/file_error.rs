//! Explains why a file on the command line cannot be read, and what to do. `process`, `watch` and `submit` use it. It cannot
//! fail.

use std::io::{self, ErrorKind};
use std::path::Path;

/// How bytes begin that are URLs rather than a picture.
const URL_STARTS: [&str; 2] = ["http://", "https://"];

/// What a command advises about URLs.
#[derive(Debug, Clone, Copy)]
pub(super) enum FileCommand {
    /// `huemill process` and `huemill watch`: pictures are processed here.
    Process,
    /// `huemill submit`: pictures are sent to a service.
    Submit,
}

/// What is wrong with the file at this path and what to do, without the path.
pub(super) fn explain(command: FileCommand, path: &Path, error: &io::Error) -> String {
    let text = path.to_string_lossy();
    if is_url(text.as_bytes()) {
        return url_advice(command).to_owned();
    }
    match error.kind() {
        ErrorKind::NotFound if text.contains(['*', '?', '[']) => {
            "no file matches this pattern; check the folder and the extension".to_owned()
        }
        ErrorKind::NotFound => "there is no such file or folder; check the path".to_owned(),
        ErrorKind::PermissionDenied => {
            "you are not allowed to read this; change its permissions, or run the command as its owner"
                .to_owned()
        }
        ErrorKind::InvalidInput => error.to_string(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Whether a path or the start of a file is a URL.
pub(super) fn is_url(text: &[u8]) -> bool {
    let starts_with = |start: &str| {
        text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start.as_bytes()))
    };
    URL_STARTS.into_iter().any(starts_with)
}

/// What to do with URLs.
pub(super) fn url_advice(command: FileCommand) -> &'static str {
    match command {
        FileCommand::Process => {
            "URLs are not supported here; download the picture and name the file, or send {\"url\": \"…\"} as JSON to \
             POST /process of a service"
        }
        FileCommand::Submit => {
            "URLs are not supported here; download the pictures and name the files, or send {\"urls\": [\"…\"]} as \
             JSON to POST /jobs of the service"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_says_what_to_do() {
        let text = |path: &str, kind: ErrorKind| explain(FileCommand::Process, Path::new(path), &kind.into());
        assert!(text("HTTPS://example.org/a.jpg", ErrorKind::NotFound).contains("POST /process"));
        assert!(text("a.jpg", ErrorKind::NotFound).contains("check the path"));
        assert!(text("*.jpg", ErrorKind::NotFound).contains("pattern"));
        assert!(text("a.jpg", ErrorKind::PermissionDenied).contains("permissions"));
        assert!(text("a.jpg", ErrorKind::TimedOut).starts_with("cannot be read: "));
    }
}
