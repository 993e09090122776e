//! The body of a request: `multipart/form-data` (RFC 7578) that streams files from disk, or JSON.
//!
//! The length is known in advance, and the body can be sent or hashed any number of times. Reading blocks.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use actix_web::web::Bytes;
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::cli::regular_file;

/// Bytes to read at a time.
const CHUNK_BYTES: u64 = 64 << 10;

/// A file of the form cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(in crate::cli) struct FormFileError {
    path: PathBuf,
    source: io::Error,
}

/// A form that can be sent.
#[derive(Debug)]
pub(in crate::cli) struct Form {
    content_type: String,
    parts: Rc<Vec<FormPart>>,
    length: u64,
    /// Why the last read failed.
    read_error: Rc<RefCell<Option<FormFileError>>>,
}

#[derive(Debug)]
enum FormPart {
    Text(Bytes),
    File { path: PathBuf, length: u64 },
}

/// The SHA-256 digest of a body.
pub(super) type BodyDigest = [u8; 32];

/// The digest of an empty body.
pub(super) fn digest_of_nothing() -> BodyDigest {
    Sha256::digest(b"").into()
}

impl Form {
    /// Builds a form of text fields (name, value) and files (field, file name, path).
    pub(in crate::cli) fn new(
        texts: &[(&str, String)],
        files: &[(&str, String, PathBuf)],
    ) -> Result<Self, FormFileError> {
        let boundary = format!("huemill-{:016x}", rand::rng().next_u64());
        let mut parts = Vec::new();
        for (name, value) in texts {
            let text =
                format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            parts.push(FormPart::Text(text.into()));
        }
        for (field, name, path) in files {
            let head = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{}\"\r\n\
                 content-type: application/octet-stream\r\n\r\n",
                quoted(name)
            );
            let meta = std::fs::metadata(path);
            let length = meta.and_then(|meta| {
                if meta.is_file() { Ok(meta.len()) } else { Err(io::Error::other("not a file")) }
            });
            let length = length.map_err(unreadable(path))?;
            parts.push(FormPart::Text(head.into()));
            parts.push(FormPart::File { path: path.clone(), length });
            parts.push(FormPart::Text(Bytes::from_static(b"\r\n")));
        }
        parts.push(FormPart::Text(format!("--{boundary}--\r\n").into()));
        let length = parts.iter().map(FormPart::len).sum();
        let content_type = format!("multipart/form-data; boundary={boundary}");
        Ok(Self { content_type, parts: Rc::new(parts), length, read_error: Rc::default() })
    }

    /// A body of JSON.
    pub(in crate::cli) fn json(value: &impl serde::Serialize) -> Self {
        let text = Bytes::from(serde_json::to_vec(value).unwrap_or_default());
        let length = text.len() as u64;
        let parts = Rc::new(vec![FormPart::Text(text)]);
        Self { content_type: "application/json".into(), parts, length, read_error: Rc::default() }
    }

    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// The bytes of the body, from the beginning.
    pub(super) fn bytes(&self) -> impl Iterator<Item = io::Result<Bytes>> + use<> {
        self.read_error.take();
        let read_error = Rc::clone(&self.read_error);
        FormReader { parts: Rc::clone(&self.parts), next: 0, file: None }.map(move |bytes| {
            bytes.map_err(|error| {
                let kind = error.source.kind();
                read_error.replace(Some(error));
                io::Error::from(kind)
            })
        })
    }

    /// The file that could not be read, if sending failed because of it.
    pub(super) fn read_error(&self) -> Option<FormFileError> {
        self.read_error.take()
    }

    /// The SHA-256 digest of the whole body.
    pub(super) fn digest(&self) -> Result<BodyDigest, FormFileError> {
        let mut digest = Sha256::new();
        for bytes in (FormReader { parts: Rc::clone(&self.parts), next: 0, file: None }) {
            digest.update(bytes?);
        }
        Ok(digest.finalize().into())
    }
}

impl FormPart {
    fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File { length, .. } => *length,
        }
    }
}

/// Escapes a file name for a quoted string and replaces the characters that the service refuses.
fn quoted(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect();
    let upper = plain.to_ascii_uppercase();
    let breaks = upper.contains("%0D") || upper.contains("%0A");
    let plain = if breaks { plain.replace('%', "_") } else { plain };
    plain.replace('"', "\\\"")
}

/// Reads the parts one after the other.
struct FormReader {
    parts: Rc<Vec<FormPart>>,
    next: usize,
    /// The open file, its path, and the bytes left to read.
    file: Option<(File, PathBuf, u64)>,
}

impl Iterator for FormReader {
    type Item = Result<Bytes, FormFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((file, path, left)) = &mut self.file {
                if *left > 0 {
                    return Some(read_chunk(file, left).map_err(unreadable(path)));
                }
                self.file = None;
            }
            let part = self.parts.get(self.next)?;
            self.next += 1;
            match part {
                FormPart::Text(text) => return Some(Ok(text.clone())),
                FormPart::File { path, length } => match regular_file::open(path).map_err(unreadable(path)) {
                    Ok(file) => self.file = Some((file, path.clone(), *length)),
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }
}

/// Adds the path to an I/O error.
fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FormFileError {
    move |source| FormFileError { path: path.to_owned(), source }
}

fn read_chunk(file: &mut File, left: &mut u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; (*left).min(CHUNK_BYTES) as usize];
    let read = file.read(&mut bytes)?;
    if read == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "became shorter while it was being sent"));
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
    fn the_body_has_the_announced_length_and_is_the_same_each_time() {
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
    fn a_file_that_shrinks_is_reported_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shrinks");
        std::fs::write(&path, "long enough").unwrap();
        let form = Form::new(&[], &[("images", "a".into(), path.clone())]).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(form.bytes().any(|bytes| bytes.is_err()));
        let message = form.read_error().unwrap().to_string();
        assert!(message.contains("shrinks: became shorter"), "{message}");
        assert!(form.digest().is_err());
    }

    #[test]
    fn a_file_name_cannot_break_out_of_its_quotes() {
        assert_eq!(quoted("a\r\nb\\c\"d"), "a__b_c\\\"d");
        assert_eq!(quoted("a%0db 100%"), "a_0db 100_");
        assert_eq!(quoted("plain é.png"), "plain é.png");
    }
}
