//! Loads one picture of a job from the blob store into a spool: a whole blob, or an entry of the archive in a blob.
//!
//! The bytes are streamed, so memory does not grow with the size of the picture. An entry is checked like in
//! [`archive::extract`](crate::archive::extract): its declared size is not trusted, the unpacked bytes are counted, and
//! nothing beyond the limit is unpacked.

use std::io;

use bytes::Bytes;
use futures_util::TryStreamExt;

use crate::archive::{CUT_OFF, ENDS_EARLY, Entry, EntryError, Inflate, Method, SizeCheck};
use crate::blobs::{BlobError, Blobs};
use crate::job::ItemSource;
use crate::spool::{Spool, SpoolRoom, SpoolWriter};

/// Maximum number of bytes inflated at a time.
const PIECE: usize = 64 << 10;

/// Why a picture could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The picture is at a URL, not in the blob store.
    #[error("the picture must be downloaded")]
    Url,
    /// The picture is larger than allowed.
    #[error("the picture is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The length of the blob differs from the one in its row. The client is not to blame.
    #[error("the length of the blob {0} has changed")]
    Changed(String),
    /// The entry of the archive could not be extracted.
    #[error(transparent)]
    Entry(EntryError),
    /// The blob could not be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The bytes could not be written to the spool.
    #[error("the bytes could not be spooled")]
    Spool(#[source] io::Error),
}

impl From<EntryError> for FetchError {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::TooLarge { limit } => Self::TooLarge { limit },
            error => Self::Entry(error),
        }
    }
}

/// Loads all bytes of a picture, up to `limit`.
pub async fn fetch(
    blobs: &Blobs,
    source: &ItemSource,
    room: &SpoolRoom,
    limit: u64,
) -> Result<Spool, FetchError> {
    let mut writer = room.writer();
    match source {
        ItemSource::Blob { length, .. } if *length > limit => return Err(FetchError::TooLarge { limit }),
        ItemSource::Blob { key, length } => copy_blob(blobs, key, *length, &mut writer).await?,
        ItemSource::Entry { key, entry } => unpack_entry(blobs, key, entry, limit, &mut writer).await?,
        ItemSource::Url { .. } => return Err(FetchError::Url),
    }
    writer.finish().await.map_err(FetchError::Spool)
}

async fn copy_blob(
    blobs: &Blobs,
    key: &str,
    length: u64,
    writer: &mut SpoolWriter,
) -> Result<(), FetchError> {
    let mut chunks = std::pin::pin!(blobs.stream(key.to_owned(), None));
    while let Some(chunk) = chunks.try_next().await? {
        if writer.len() + chunk.len() as u64 > length {
            return Err(FetchError::Changed(key.to_owned()));
        }
        write(writer, chunk).await?;
    }
    if writer.len() < length { Err(FetchError::Changed(key.to_owned())) } else { Ok(()) }
}

async fn unpack_entry(
    blobs: &Blobs,
    key: &str,
    entry: &Entry,
    limit: u64,
    writer: &mut SpoolWriter,
) -> Result<(), FetchError> {
    let mut check = SizeCheck::new(entry, limit)?;
    let mut inflate = match entry.method {
        Method::Stored => None,
        Method::Deflate => Some(Inflate::new()),
        Method::Other(number) => return Err(EntryError::UnsupportedMethod(number).into()),
    };
    let end = entry.offset.checked_add(entry.compressed_size).ok_or(CUT_OFF)?;
    let mut chunks = std::pin::pin!(blobs.stream(key.to_owned(), Some(entry.offset..end)));
    let mut left = entry.compressed_size;
    while let Some(mut chunk) = chunks.try_next().await? {
        left = left.saturating_sub(chunk.len() as u64);
        while let Some(piece) = next_piece(&mut chunk, inflate.as_mut())? {
            check.add(&piece)?;
            write(writer, piece).await?;
        }
        if inflate.as_ref().is_some_and(Inflate::has_ended) {
            // Bytes after the end of the stream are ignored.
            return Ok(check.finish()?);
        }
    }
    match inflate {
        _ if left > 0 => Err(CUT_OFF.into()),
        Some(_) => Err(ENDS_EARLY.into()),
        None => Ok(check.finish()?),
    }
}

/// The next bytes that a chunk yields, or `None` if that needs another chunk.
fn next_piece(chunk: &mut Bytes, inflate: Option<&mut Inflate>) -> Result<Option<Bytes>, EntryError> {
    let Some(inflate) = inflate else {
        let whole = std::mem::take(chunk);
        return Ok((!whole.is_empty()).then_some(whole));
    };
    let mut piece = Vec::with_capacity(PIECE);
    while piece.len() < PIECE && !inflate.has_ended() {
        let step = inflate.step(chunk, &mut piece)?;
        let _ = chunk.split_to(step.consumed);
        if step.stuck {
            break;
        }
    }
    Ok((!piece.is_empty()).then(|| piece.into()))
}

async fn write(writer: &mut SpoolWriter, bytes: Bytes) -> Result<(), FetchError> {
    writer.write(bytes).await.map_err(FetchError::Spool)
}
