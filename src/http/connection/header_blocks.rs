//! The header blocks of an HTTP/2 connection (RFC 9113, 4.3). The parser keeps what it has decoded of a block until the block
//! ends, and a few bytes can stand for megabytes. A block in one frame is over at once. One that goes on in further frames
//! has a place, of which there are few, and a time limit. A client without either loses its connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use huemill_actors::share::{Place, Places};
use huemill_store::Caller;
use tokio::time::{Sleep, sleep};

/// What a client sends before its first frame.
const PREFACE: u32 = 24;
const FRAME_HEAD: usize = 9;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Follows the frames of a connection.
#[derive(Debug)]
pub(super) struct HeaderBlocks {
    places: Places,
    caller: Caller,
    limit: Duration,
    /// Bytes until the next frame begins.
    skip: u32,
    /// The beginning of a frame's head.
    head: Vec<u8>,
    open: Option<OpenBlock>,
}

/// A block that is not over.
#[derive(Debug)]
struct OpenBlock {
    timer: Pin<Box<Sleep>>,
    _place: Place,
}

/// A header block that may not go on.
#[derive(Debug, thiserror::Error)]
#[error("an HTTP/2 header block goes on for too long, or too many do")]
pub(super) struct Refused;

impl HeaderBlocks {
    /// Blocks of this caller take `places` and may take `limit`.
    pub(super) fn new(places: Places, caller: Caller, limit: Duration) -> Self {
        Self { places, caller, limit, skip: PREFACE, head: Vec::with_capacity(FRAME_HEAD), open: None }
    }

    /// Follows the next bytes of the connection.
    ///
    /// # Errors
    /// If a block goes on and there is no place for it.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = bytes.len().min(self.skip as usize);
                self.skip -= skipped as u32;
                bytes = &bytes[skipped..];
                continue;
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(FRAME_HEAD - self.head.len()));
            self.head.extend_from_slice(taken);
            bytes = rest;
            if let [high, middle, low, kind, flags, ..] = self.head[..]
                && self.head.len() == FRAME_HEAD
            {
                self.head.clear();
                self.skip = u32::from_be_bytes([0, high, middle, low]);
                self.begin_frame(kind, flags)?;
            }
        }
        Ok(())
    }

    fn begin_frame(&mut self, kind: u8, flags: u8) -> Result<(), Refused> {
        if !matches!(kind, HEADERS | CONTINUATION) {
            return Ok(());
        }
        if flags & END_HEADERS != 0 {
            self.open = None;
        } else if self.open.is_none() {
            let place = self.places.try_take(self.caller, 1).map_err(|_| Refused)?;
            self.open = Some(OpenBlock { timer: Box::pin(sleep(self.limit)), _place: place });
        }
        Ok(())
    }

    /// Ready once a block has taken too long.
    pub(super) fn poll_late(&mut self, task: &mut Context<'_>) -> Poll<Refused> {
        match &mut self.open {
            Some(open) => open.timer.poll_unpin(task).map(|()| Refused),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let [_, high, middle, low] = (length as u32).to_be_bytes();
        let mut frame = vec![high, middle, low, kind, flags, 0, 0, 0, 1];
        // Bytes that would be the head of a frame if they were taken for one.
        frame.extend(std::iter::repeat_n(HEADERS, length));
        frame
    }

    fn followed(places: &Places, frames: &[Vec<u8>], part: usize) -> (HeaderBlocks, Result<(), Refused>) {
        let caller = Caller::of_address([192, 0, 2, 1].into());
        let mut blocks = HeaderBlocks::new(places.clone(), caller, Duration::from_secs(5));
        let bytes = [&[0; PREFACE as usize][..], &frames.concat()].concat();
        let result = bytes.chunks(part).try_for_each(|bytes| blocks.read(bytes));
        (blocks, result)
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_that_goes_on_has_a_place_until_it_ends_or_is_late() {
        let places = Places::new(6);
        let open = [frame(HEADERS, 0, 50), frame(CONTINUATION, 0, 9)];
        let (mut blocks, result) = followed(&places, &open, 7);
        result.unwrap();
        assert!(blocks.open.is_some());
        tokio::time::advance(Duration::from_secs(6)).await;
        std::future::poll_fn(|task| blocks.poll_late(task)).await;
        let (blocks, result) = followed(&places, &[open.concat(), frame(CONTINUATION, END_HEADERS, 3)], 100);
        result.unwrap();
        assert!(blocks.open.is_none());
    }

    #[tokio::test]
    async fn there_are_few_places() {
        let places = Places::new(2);
        let open = [frame(HEADERS, 0, 50)];
        let held: Vec<_> = (0..4).map(|_| followed(&places, &open, 1_000)).collect();
        assert!(held.iter().any(|(_, result)| result.is_err()));
    }

    proptest! {
        #[test]
        fn blocks_are_found_however_the_bytes_are_cut(
            frames in prop::collection::vec((0_u8..10, any::<u8>(), 0_usize..40), 0..20), part in 1_usize..60,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _entered = runtime.enter();
            let open = frames.iter().rev().find(|(kind, ..)| matches!(*kind, HEADERS | CONTINUATION));
            let expected = open.is_some_and(|(_, flags, _)| flags & END_HEADERS == 0);
            let frames: Vec<_> = frames.iter().map(|(kind, flags, length)| frame(*kind, *flags, *length)).collect();
            let (blocks, result) = followed(&Places::new(100), &frames, part);
            prop_assert!(result.is_ok());
            prop_assert_eq!(blocks.open.is_some(), expected);
        }
    }
}
