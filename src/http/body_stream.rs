//! Streams for response bodies: a spool's bytes, text pieces, base64, and the empty body of a HEAD response.
//!
//! A finished result stays in the spool until its client has read it, and is sent one chunk at a time. However many
//! clients read slowly, they hold no more memory than the spool allows.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream::{self, Stream, StreamExt};
use huemill_actors::fault::Fault;
use huemill_store::Spool;

/// Bytes of a spool that are sent at a time. A client that does not read holds one such chunk, and as much again in the
/// connection's buffer.
const CHUNK: usize = 32 * 1024;

/// A body of this size or less is sent at once, with its length, even if it is produced in pieces.
const BUFFERED: usize = 32 * 1024;

/// The bytes of a spool.
pub(crate) fn spool_chunks(spool: Spool) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((spool, 0), |(spool, sent)| async move {
        let chunk = spool.chunk(sent, CHUNK).await?;
        let sent = sent + chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some((chunk, (spool, sent))))
    })
}

/// One piece of a body.
pub(crate) fn piece<E>(bytes: impl Into<Bytes>) -> impl Stream<Item = Result<Bytes, E>> {
    stream::once(ready(Ok(bytes.into())))
}

/// A response whose body comes in pieces. A failure before the buffer is full becomes an ordinary error response.
pub(crate) async fn buffered_start(
    mut builder: HttpResponseBuilder,
    pieces: impl Stream<Item = Result<Bytes, Fault>> + 'static,
) -> Result<HttpResponse, Fault> {
    let mut pieces = Box::pin(pieces);
    let mut start = Vec::new();
    while let Some(next) = pieces.next().await {
        start.extend_from_slice(&next?);
        if start.len() > BUFFERED {
            return Ok(builder.streaming(piece(start).chain(pieces)));
        }
    }
    Ok(builder.body(start))
}

/// Encodes a stream as base64, whatever the lengths of its chunks.
pub(crate) fn base64<E>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> impl Stream<Item = Result<Bytes, E>> {
    stream::try_unfold(Some((chunks, Base64Encoder::default())), |state| async move {
        let Some((mut chunks, mut encoder)) = state else { return Ok(None) };
        match chunks.next().await.transpose()? {
            Some(chunk) => Ok(Some((encoder.encode(&chunk).into(), Some((chunks, encoder))))),
            None => Ok(Some((encoder.finish().into(), None))),
        }
    })
}

/// Encodes bytes that come in pieces. Up to two bytes wait for the next piece, so that padding comes only at the end.
#[derive(Debug, Default)]
struct Base64Encoder {
    pending: Vec<u8>,
}

impl Base64Encoder {
    fn encode(&mut self, chunk: &[u8]) -> String {
        self.pending.extend_from_slice(chunk);
        let complete = self.pending.len() / 3 * 3;
        let text = base64_simd::STANDARD.encode_to_string(&self.pending[..complete]);
        self.pending.drain(..complete);
        text
    }

    fn finish(&mut self) -> String {
        base64_simd::STANDARD.encode_to_string(std::mem::take(&mut self.pending))
    }
}

/// The body of a HEAD response: no bytes, only their length if it is known.
pub(crate) struct HeadBody(pub BodySize);

impl MessageBody for HeadBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use huemill_store::{SpoolRoom, SpoolSettings};
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn the_base64_of_a_spool_is_the_base64_of_its_bytes() {
        let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
        for length in [0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 2] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
            let spool = Spool::from_bytes(&room, bytes.clone()).unwrap();
            let pieces: Vec<_> = base64(Box::pin(spool_chunks(spool))).collect().await;
            let text: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect();
            assert_eq!(text.len(), length.div_ceil(3) * 4);
            assert_eq!(text, base64_simd::STANDARD.encode_to_string(&bytes).into_bytes(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn pieces_encode_to_the_base64_of_the_whole(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..10)) {
            let mut encoder = Base64Encoder::default();
            let mut text: String = pieces.iter().map(|piece| encoder.encode(piece)).collect();
            text.push_str(&encoder.finish());
            prop_assert_eq!(text, base64_simd::STANDARD.encode_to_string(pieces.concat()));
        }
    }
}
