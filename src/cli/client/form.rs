//! A body of `multipart/form-data` (RFC 7578) over files: its length is known before, its bytes are read from the
//! disk as they are sent, and it can be sent, or hashed, as often as is wanted. Reading blocks.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use actix_web::web::Bytes;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// Bytes read at a time.
const CHUNK: u64 = 64 << 10;

/// A file that was to be sent.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(in crate::cli) struct FileError {
    path: PathBuf,
    source: io::Error,
}

/// The body.
#[derive(Debug)]
pub(in crate::cli) struct Form {
    boundary: String,
    pieces: Rc<Vec<Piece>>,
    length: u64,
    /// Why the last reading broke off.
    broken: Rc<RefCell<Option<FileError>>>,
}

#[derive(Debug)]
enum Piece {
    Text(Bytes),
    File { path: PathBuf, length: u64 },
}

/// SHA-256 of a body.
pub(super) type BodyDigest = [u8; 32];

/// The digest of a body that is not there.
pub(super) fn digest_of_nothing() -> BodyDigest {
    Sha256::digest(b"").into()
}

impl Form {
    /// Texts by their names, and files: the field, the name that is told, the place.
    pub(in crate::cli) fn new(
        texts: &[(&str, String)],
        files: &[(&str, String, PathBuf)],
    ) -> Result<Self, FileError> {
        let boundary = format!("huemill-{:016x}", rand::rng().next_u64());
        let mut pieces = Vec::new();
        for (name, value) in texts {
            let part =
                format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            pieces.push(Piece::Text(part.into()));
        }
        for (field, name, path) in files {
            let head = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{}\"\r\n\
                 content-type: application/octet-stream\r\n\r\n",
                quoted(name)
            );
            let meta = std::fs::metadata(path);
            let length = meta.and_then(|meta| {
                if meta.is_file() { Ok(meta.len()) } else { Err(io::Error::other("is no file")) }
            });
            let length = length.map_err(|source| FileError { path: path.clone(), source })?;
            pieces.push(Piece::Text(head.into()));
            pieces.push(Piece::File { path: path.clone(), length });
            pieces.push(Piece::Text(Bytes::from_static(b"\r\n")));
        }
        pieces.push(Piece::Text(format!("--{boundary}--\r\n").into()));
        let length = pieces.iter().map(Piece::len).sum();
        Ok(Self { boundary, pieces: Rc::new(pieces), length, broken: Rc::default() })
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// The body from its beginning.
    pub(super) fn bytes(&self) -> impl Iterator<Item = io::Result<Bytes>> + use<> {
        self.broken.take();
        let broken = Rc::clone(&self.broken);
        Reading { pieces: Rc::clone(&self.pieces), next: 0, file: None }.map(move |bytes| {
            bytes.map_err(|error| {
                let told = io::Error::from(error.source.kind());
                broken.replace(Some(error));
                told
            })
        })
    }

    /// The file that could not be read, if that is why sending broke off.
    pub(super) fn unreadable(&self) -> Option<FileError> {
        self.broken.take()
    }

    /// SHA-256 of the whole.
    pub(super) fn digest(&self) -> Result<BodyDigest, FileError> {
        let mut digest = Sha256::new();
        for bytes in (Reading { pieces: Rc::clone(&self.pieces), next: 0, file: None }) {
            digest.update(bytes?);
        }
        Ok(digest.finalize().into())
    }
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File { length, .. } => *length,
        }
    }
}

/// A name within quotes, such as the service takes: no control characters, nothing that leads upwards.
fn quoted(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect();
    let upper = plain.to_ascii_uppercase();
    let breaks = upper.contains("%0D") || upper.contains("%0A");
    let plain = if breaks { plain.replace('%', "_") } else { plain };
    plain.replace('"', "\\\"")
}

/// The pieces, one after the other.
struct Reading {
    pieces: Rc<Vec<Piece>>,
    next: usize,
    /// The open file, its place and what is left of it.
    file: Option<(File, PathBuf, u64)>,
}

impl Iterator for Reading {
    type Item = Result<Bytes, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((file, path, left)) = &mut self.file {
                if *left > 0 {
                    let read = chunk(file, left);
                    return Some(read.map_err(|source| FileError { path: path.clone(), source }));
                }
                self.file = None;
            }
            let piece = self.pieces.get(self.next)?;
            self.next += 1;
            match piece {
                Piece::Text(text) => return Some(Ok(text.clone())),
                Piece::File { path, length } => match open(path) {
                    Ok(file) => self.file = Some((file, path.clone(), *length)),
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(|source| FileError { path: path.to_owned(), source })
}

fn chunk(file: &mut File, left: &mut u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; (*left).min(CHUNK) as usize];
    let read = file.read(&mut bytes)?;
    if read == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "became shorter while it was sent"));
    }
    bytes.truncate(read);
    *left -= read as u64;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(form: &Form) -> Vec<u8> {
        form.bytes().flat_map(|bytes| bytes.unwrap()).collect()
    }

    #[test]
    fn the_body_is_as_long_as_it_says_and_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, vec![7; 200_000]).unwrap();
        let form = Form::new(&[("ttl_h", "5".into())], &[("images", "x/\"a\".png".into(), path)]).unwrap();
        let body = all(&form);
        assert_eq!(body.len() as u64, form.len());
        assert_eq!(body, all(&form));
        assert_eq!(form.digest().unwrap(), <[u8; 32]>::from(Sha256::digest(&body)));
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("name=\"ttl_h\"\r\n\r\n5\r\n--"), "{text}");
        assert!(text.contains("filename=\"x/\\\"a\\\".png\""), "{text}");
    }

    #[test]
    fn a_file_that_shrinks_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shrinks");
        std::fs::write(&path, "long enough").unwrap();
        let form = Form::new(&[], &[("images", "a".into(), path.clone())]).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(form.bytes().any(|bytes| bytes.is_err()));
        let told = form.unreadable().unwrap().to_string();
        assert!(told.contains("shrinks: became shorter"), "{told}");
        assert!(form.digest().is_err());
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quoted("a\r\nb\\c\"d"), "a__b_c\\\"d");
        assert_eq!(quoted("a%0db 100%"), "a_0db 100_");
        assert_eq!(quoted("plain é.png"), "plain é.png");
    }
}
