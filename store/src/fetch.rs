//! Brings one picture of a job from the blob store into a spool: a whole blob, or an entry of the archive in one.
//!
//! The bytes come as a stream and go on as they come, so memory stays the same whatever the picture's size. An entry
//! is judged as [`archive::extract`](crate::archive::extract) judges it: what is declared is a promise to check, what
//! comes is counted, and nothing beyond the limit is made.

use std::io;

use bytes::Bytes;
use futures_util::TryStreamExt;

use crate::archive::{CUT_OFF, ENDS_EARLY, Entry, EntryError, Inflate, Method, SizeCheck};
use crate::blobs::{BlobError, Blobs};
use crate::job::ItemSource;
use crate::spool::{Spool, SpoolRoom, SpoolWriter};

/// Bytes inflated at a time.
const PIECE: usize = 64 << 10;

/// Why a picture's bytes are not there.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// They are at a URL, and not this store's to bring.
    #[error("the picture is to be downloaded")]
    Url,
    /// The picture is larger than allowed.
    #[error("the picture is larger than {limit} bytes")]
    TooLarge {
        /// The bytes that were allowed.
        limit: u64,
    },
    /// The blob has not as many bytes as its row says: our fault.
    #[error("the blob {0} is not as long as it was")]
    Changed(String),
    /// The archive's entry gives no picture.
    #[error(transparent)]
    Entry(EntryError),
    /// The blob store did not give them.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The spool did not take them.
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

/// All bytes of a picture, `limit` at most.
pub async fn fetch(
    blobs: &Blobs,
    source: &ItemSource,
    room: &SpoolRoom,
    limit: u64,
) -> Result<Spool, FetchError> {
    let mut writer = room.writer();
    match source {
        ItemSource::Blob { length, .. } if *length > limit => return Err(FetchError::TooLarge { limit }),
        ItemSource::Blob { key, length } => whole(blobs, key, *length, &mut writer).await?,
        ItemSource::Entry { key, entry } => unpack(blobs, key, entry, limit, &mut writer).await?,
        ItemSource::Url { .. } => return Err(FetchError::Url),
    }
    writer.finish().await.map_err(FetchError::Spool)
}

async fn whole(blobs: &Blobs, key: &str, length: u64, writer: &mut SpoolWriter) -> Result<(), FetchError> {
    let mut chunks = std::pin::pin!(blobs.stream(key.to_owned(), None));
    while let Some(chunk) = chunks.try_next().await? {
        if writer.len() + chunk.len() as u64 > length {
            return Err(FetchError::Changed(key.to_owned()));
        }
        write(writer, chunk).await?;
    }
    if writer.len() < length { Err(FetchError::Changed(key.to_owned())) } else { Ok(()) }
}

async fn unpack(
    blobs: &Blobs,
    key: &str,
    entry: &Entry,
    limit: u64,
    writer: &mut SpoolWriter,
) -> Result<(), FetchError> {
    let mut tally = SizeCheck::new(entry, limit)?;
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
            tally.add(&piece)?;
            write(writer, piece).await?;
        }
        if inflate.as_ref().is_some_and(Inflate::has_ended) {
            // What lies behind the stream's own end is nobody's.
            return Ok(tally.finish()?);
        }
    }
    match inflate {
        _ if left > 0 => Err(CUT_OFF.into()),
        Some(_) => Err(ENDS_EARLY.into()),
        None => Ok(tally.finish()?),
    }
}

/// What can be had of a chunk at a time; nothing once it takes another chunk to go on.
fn next_piece(chunk: &mut Bytes, inflate: Option<&mut Inflate>) -> Result<Option<Bytes>, EntryError> {
    let Some(inflate) = inflate else {
        let whole = std::mem::take(chunk);
        return Ok((!whole.is_empty()).then_some(whole));
    };
    let mut piece = Vec::with_capacity(PIECE);
    while piece.len() < PIECE && !inflate.has_ended() {
        let step = inflate.step(chunk, &mut piece)?;
        let _ = chunk.split_to(step.used);
        if step.stuck {
            break;
        }
    }
    Ok((!piece.is_empty()).then(|| piece.into()))
}

async fn write(writer: &mut SpoolWriter, bytes: Bytes) -> Result<(), FetchError> {
    writer.write(bytes).await.map_err(FetchError::Spool)
}
