//! The framing of HTTP/1 request bodies. If a chunk is malformed, actix closes the connection without an answer, and with
//! it the request's handler. So the chunks are checked before actix sees them: a connection ends its input at the first
//! byte that cannot be right, and the handler answers a request whose body is incomplete.
//!
//! This follows actix's own decoder byte by byte. It reads of a head only how long the body is; what actix refuses in a
//! head is left to actix. In addition, chunk extensions and trailers of one body may take 16 kB.

mod chunks;
mod head;

use memchr::memchr;

use chunks::Chunks;
use head::{Body, Head, HeadEnd};

/// The longest head that actix reads.
const MAX_HEAD_BYTES: usize = 131_072;

/// Follows the requests of a connection.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    /// The beginning of a line whose end has not arrived yet.
    line: Vec<u8>,
    complete_heads: u64,
    /// How many requests have arrived with their bodies.
    ended: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Head(Head),
    /// A body of this many more bytes.
    Sized(u64),
    Chunked(Chunks),
    /// Nothing is checked any more: there are no further requests.
    Unchecked,
    /// actix refuses this head once it is complete. Nothing is checked any more.
    Refused,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self { state: State::Head(Head::default()), line: Vec::new(), complete_heads: 0, ended: 0 }
    }

    /// Follows the next bytes of the connection, up to the end of a request. Returns how many these are.
    ///
    /// # Errors
    /// The position of the first byte that makes a chunk malformed. Nothing after it means anything.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        let (mut at, ended) = (0, self.ended);
        while at < bytes.len() && self.ended == ended {
            let rest = &bytes[at..];
            match &mut self.state {
                State::Head(_) => at += self.read_line(rest),
                State::Sized(left) => {
                    let taken = (*left).min(rest.len() as u64);
                    *left -= taken;
                    at += taken as usize;
                    if *left == 0 {
                        self.end_request();
                    }
                }
                State::Chunked(chunks) => {
                    at += chunks.read(rest).ok_or(at)?;
                    if chunks.have_ended() {
                        self.end_request();
                    }
                }
                State::Unchecked | State::Refused => return Ok(bytes.len()),
            }
        }
        Ok(at)
    }

    fn end_head(&mut self, body: Body) {
        self.complete_heads += 1;
        match body {
            Body::None => self.end_request(),
            Body::Sized(length) => self.state = State::Sized(length),
            Body::Chunked => self.state = State::Chunked(Chunks::new()),
            Body::Unknown => self.state = State::Unchecked,
        }
    }

    fn end_request(&mut self) {
        self.state = State::Head(Head::default());
        self.ended += 1;
    }

    /// How many requests have arrived with their bodies.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    /// Whether no byte of a further request has arrived.
    pub(super) fn is_between_requests(&self) -> bool {
        matches!(self.state, State::Head(Head { is_under_way: false, .. }))
    }

    /// The number of the head that has begun and is not complete, if there is one.
    pub(super) fn head_under_way(&self) -> Option<u64> {
        let is_under_way = match self.state {
            State::Head(head) => head.is_under_way,
            State::Refused => true,
            _ => false,
        };
        is_under_way.then_some(self.complete_heads)
    }

    /// Reads the next line of a head, or the beginning of one. Returns its length.
    fn read_line(&mut self, bytes: &[u8]) -> usize {
        let State::Head(mut head) = self.state else { return 0 };
        head.is_under_way = true;
        self.state = State::Head(head);
        let Some(end) = memchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            if self.line.len() > MAX_HEAD_BYTES {
                self.state = State::Refused;
            }
            return bytes.len();
        };
        let next = if self.line.is_empty() {
            head.next(&bytes[..end])
        } else {
            self.line.extend_from_slice(&bytes[..end]);
            let next = head.next(&self.line);
            self.line.clear();
            next
        };
        match next {
            None => self.state = State::Head(head),
            Some(HeadEnd::Refused) => self.state = State::Refused,
            Some(HeadEnd::Complete(body)) => self.end_head(body),
        }
        end + 1
    }
}

#[cfg(test)]
mod tests;
