//! Which entries of a ZIP are pictures: those with a picture's extension, and those that begin like one.
//! Everything else is ignored, and so is what systems leave beside the files that people mean.
//!
//! Reads the directory and, of nameless candidates, the first bytes. Blocks: call it off the async threads.

use huemill_imaging::{Format, Sniffed, sniff};
use huemill_store::Spool;
use huemill_store::archive::{self, ArchiveError, ArchiveLimits, Directory, Entry};

use crate::fault::{Code, Fault};

/// Bytes that tell a picture from anything else.
const HEAD: usize = 64;

/// Bytes that tell an SVG too, whatever it begins with.
const LONG_HEAD: usize = 4 * 1024;

/// Extensions that people give to pictures, those that are not supported included: who sends a HEIC is told so.
const EXTENSIONS: [&str; 14] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif",
];

/// What an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlbumLimits {
    /// For its directory.
    pub archive: ArchiveLimits,
    /// Most pictures.
    pub pictures: usize,
}

/// The pictures of the archive, in its order: one at least.
///
/// # Errors
/// `ZIP_TRAVERSAL` where a path leaves the archive; `PROCESSING_ERROR` where it cannot be read, holds no picture or
/// too many.
pub fn list(spool: &Spool, limits: &AlbumLimits) -> Result<Vec<Entry>, Fault> {
    let directory = Directory::read(spool, &limits.archive)?;
    let mut pictures = Vec::new();
    for entry in directory.into_entries() {
        if entry.junk() || !is_picture(spool, &entry) {
            continue;
        }
        if pictures.len() == limits.pictures {
            return Err(unreadable(format!(
                "The ZIP holds more than {} pictures: send fewer.",
                limits.pictures
            )));
        }
        pictures.push(entry);
    }
    if pictures.is_empty() {
        return Err(unreadable("The ZIP holds no picture. Pack JPEG, PNG, WebP, GIF, BMP or TIFF files."));
    }
    Ok(pictures)
}

/// The format of what a URL led to, by its content.
///
/// # Errors
/// `UNSUPPORTED_MEDIA_TYPE` where it is no picture that is read here.
pub async fn format(spool: &Spool) -> Result<Format, Fault> {
    let head = spool.chunk(0, LONG_HEAD).await;
    let head = head.map_err(|error| Fault::new(Code::InternalError).with_cause(error))?;
    let other = |what: &str| {
        Fault::new(Code::UnsupportedMediaType).with_message(format!(
            "The URL leads to {what}. Send the URL of a JPEG, PNG, WebP, GIF, BMP or TIFF picture itself."
        ))
    };
    match sniff(&head) {
        Sniffed::Supported(format) => Ok(format),
        Sniffed::Unsupported(name) => Err(other(&format!("{name}, which is not supported"))),
        Sniffed::Unrecognised => Err(other("something that is no picture")),
    }
}

/// Whether a file's name ends as those of pictures do.
#[must_use]
pub fn is_called_so(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

fn is_picture(spool: &Spool, entry: &Entry) -> bool {
    if is_called_so(entry.name.trim_end_matches('/')) {
        return true;
    }
    entry.check().is_ok()
        && archive::peek(spool, entry, HEAD).is_ok_and(|head| matches!(sniff(&head), Sniffed::Supported(_)))
}

fn unreadable(message: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::ProcessingError).with_message(message)
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        match &error {
            ArchiveError::Damaged(_) => {
                unreadable("The ZIP cannot be read: it is damaged or incomplete. Send another copy.")
                    .with_cause(error)
            }
            ArchiveError::TooManyEntries => {
                unreadable("The ZIP has too many entries. Send fewer files.").with_cause(error)
            }
            ArchiveError::Traversal { .. } => Self::new(Code::ZipTraversal).with_cause(error),
            ArchiveError::Io(_) => Self::new(Code::InternalError).with_cause(error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use huemill_store::{SpoolRoom, SpoolSettings};

    use super::*;

    #[tokio::test]
    async fn what_a_url_led_to_is_told_by_its_content() {
        let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
        let told = async |bytes: &[u8]| {
            let spool = Spool::from_bytes(&room, bytes.to_vec()).unwrap();
            format(&spool).await.map_err(|fault| (fault.code, fault.message.into_owned()))
        };
        assert_eq!(told(b"\x89PNG\r\n\x1a\n and more").await, Ok(Format::Png));
        let svg = [b"<?xml version=\"1.0\"?><!--".as_slice(), &[b'x'; 1_000], b"--><svg/>"].concat();
        for (bytes, word) in
            [(&svg[..], "SVG"), (b"%PDF-1.7", "PDF"), (b"<!doctype html>", "no picture"), (b"", "no picture")]
        {
            let (code, message) = told(bytes).await.unwrap_err();
            assert_eq!(code, Code::UnsupportedMediaType, "{word}");
            assert!(message.contains(word), "{message}");
        }
    }
}
