//! Finds the pictures in a ZIP: entries with a picture's extension, and entries whose content starts like a picture.
//! Ignores everything else, including files that operating systems add to archives.
//!
//! It reads the directory and, for entries without a known extension, the first bytes. It blocks, so call it off
//! the async threads.

use huemill_imaging::{Format, Sniffed, sniff};
use huemill_store::Spool;
use huemill_store::archive::{self, ArchiveError, ArchiveLimits, Directory, Entry};

use crate::fault::{Code, Fault};

/// Number of first bytes that identify a picture.
const HEAD: usize = 64;

/// Number of first bytes that also identify an SVG, which may start with comments.
const LONG_HEAD: usize = 4 * 1024;

/// Extensions of pictures, including formats that are not supported, so that a HEIC file gets a helpful error.
const EXTENSIONS: [&str; 14] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif",
];

/// Limits for an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlbumLimits {
    /// Limits for its directory.
    pub archive: ArchiveLimits,
    /// Maximum number of pictures.
    pub pictures: usize,
}

/// The pictures of the archive in their order; at least one.
///
/// # Errors
/// `ZIP_TRAVERSAL` if a path leaves the archive; `PROCESSING_ERROR` if the archive cannot be read or has no picture or
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
        return Err(unreadable(
            "The ZIP contains no pictures. Add JPEG, PNG, WebP, GIF, BMP or TIFF pictures to it.",
        ));
    }
    Ok(pictures)
}

/// The format of a downloaded file, by its content.
///
/// # Errors
/// `UNSUPPORTED_MEDIA_TYPE` if the file is not a supported picture.
pub async fn format(spool: &Spool) -> Result<Format, Fault> {
    let head = spool.chunk(0, LONG_HEAD).await;
    let head = head.map_err(|error| Fault::new(Code::InternalError).with_cause(error))?;
    let other = |what: &str| {
        Fault::new(Code::UnsupportedMediaType).with_message(format!(
            "This address leads to {what}. Enter the address of a JPEG, PNG, WebP, GIF, BMP or TIFF picture."
        ))
    };
    match sniff(&head) {
        Sniffed::Supported(format) => Ok(format),
        Sniffed::Unsupported(name) => Err(other(&format!("{name}, which is not supported"))),
        Sniffed::Unrecognised => Err(other("something that is not a picture")),
    }
}

/// Whether a file name has a picture's extension.
#[must_use]
pub fn has_picture_extension(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

fn is_picture(spool: &Spool, entry: &Entry) -> bool {
    if has_picture_extension(entry.name.trim_end_matches('/')) {
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
    async fn the_content_of_a_download_decides_its_format() {
        let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
        let format_of = async |bytes: &[u8]| {
            let spool = Spool::from_bytes(&room, bytes.to_vec()).unwrap();
            format(&spool).await.map_err(|fault| (fault.code, fault.message.into_owned()))
        };
        assert_eq!(format_of(b"\x89PNG\r\n\x1a\n and more").await, Ok(Format::Png));
        let svg = [b"<?xml version=\"1.0\"?><!--".as_slice(), &[b'x'; 1_000], b"--><svg/>"].concat();
        for (bytes, word) in [
            (&svg[..], "SVG"),
            (b"%PDF-1.7", "PDF"),
            (b"<!doctype html>", "not a picture"),
            (b"", "not a picture"),
        ] {
            let (code, message) = format_of(bytes).await.unwrap_err();
            assert_eq!(code, Code::UnsupportedMediaType, "{word}");
            assert!(message.contains(word), "{message}");
        }
    }
}
