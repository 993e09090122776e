//! Reads the lines of a request's head, as far as they say how long its body is. A head that actix refuses is not followed any
//! further. Nothing here fails.

use memchr::memchr;

/// What the lines of a head have said so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head {
    /// Whether any byte of it has arrived, if only of an empty line.
    pub is_under_way: bool,
    has_started: bool,
    is_chunked: bool,
    length: Option<u64>,
    tunnel: Option<Tunnel>,
}

/// What a connection may turn into. It then has no further requests.
#[derive(Debug, Clone, Copy)]
enum Tunnel {
    Connect,
    WebSocket,
}

/// How a head ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum HeadEnd {
    /// With an empty line.
    Complete(Body),
    /// actix refuses it once it is complete.
    Refused,
}

/// What follows a head.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    /// The next request.
    None,
    /// This many bytes.
    Sized(u64),
    Chunked,
    /// Anything: the connection has no further requests.
    Unknown,
}

impl Head {
    /// Takes a line into account. Returns how the head ends if it ends with this line, or if it is not worth following.
    pub(super) fn next(&mut self, line: &[u8]) -> Option<HeadEnd> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !self.has_started {
            // Empty lines before a request are skipped.
            self.has_started = !line.is_empty();
            self.tunnel = line.starts_with(b"CONNECT ").then_some(Tunnel::Connect);
            return None;
        }
        if line.is_empty() {
            return Some(HeadEnd::Complete(self.body()));
        }
        let colon = memchr(b':', line)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_chunked = value.eq_ignore_ascii_case(b"chunked");
            return (!self.is_chunked).then_some(HeadEnd::Refused);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            return self.length.is_none().then_some(HeadEnd::Refused);
        }
        if name.eq_ignore_ascii_case(b"upgrade") && value.eq_ignore_ascii_case(b"websocket") {
            self.tunnel = Some(Tunnel::WebSocket);
        }
        None
    }

    fn body(self) -> Body {
        match (self.tunnel, self.length) {
            _ if self.is_chunked => Body::Chunked,
            (Some(Tunnel::WebSocket), _) | (Some(Tunnel::Connect), None) => Body::Unknown,
            (_, None | Some(0)) => Body::None,
            (_, Some(length)) => Body::Sized(length),
        }
    }
}
