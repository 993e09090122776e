//! Tests of the framing: against bodies that are known to be right or wrong, and against actix's own decoder.

use actix_http::error::ParseError;
use actix_http::h1::Codec;
use actix_web::web::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::Decoder;

use super::chunks::MAX_EXTRA_BYTES;
use super::*;

const HEAD: &[u8] = b"POST /process HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

impl Framing {
    /// Follows all requests in these bytes.
    fn check(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < bytes.len() {
            at += self.next(&bytes[at..]).map_err(|bad| at + bad)?;
        }
        Ok(())
    }
}

fn check(bytes: &[u8]) -> Result<(), usize> {
    Framing::new().check(bytes)
}

#[test]
fn a_request_ends_with_its_body() {
    let get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_slice();
    let post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".as_slice();
    let chunked = [HEAD, b"3\r\nabc\r\n0\r\n\r\n"].concat();
    let mut framing = Framing::new();
    for (number, request) in [get, post, &chunked, post, get].into_iter().enumerate() {
        // With what follows at once, and byte by byte.
        let bytes = [request, b"GET"].concat();
        assert_eq!(Framing::new().next(&bytes), Ok(request.len()));
        for byte in request {
            assert_eq!((framing.ended(), framing.next(&[*byte])), (number as u64, Ok(1)));
        }
        assert!(framing.is_between_requests());
    }
    assert_eq!(framing.next(b"\r\n"), Ok(2));
    assert!(!framing.is_between_requests());
}

/// Why actix refuses the bytes, if it does.
fn refused_by_actix(bytes: &[u8]) -> Option<ParseError> {
    // The codec starts a clock on its thread's runtime.
    let runtime = actix_rt::Runtime::new().unwrap();
    runtime.block_on(async {
        let (mut codec, mut buffer) = (Codec::default(), BytesMut::from(bytes));
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    })
}

/// Whether actix takes the bytes for a malformed body, which it never answers.
fn breaks_actix(bytes: &[u8]) -> bool {
    matches!(refused_by_actix(bytes), Some(ParseError::Io(_)))
}

#[test]
fn a_head_is_under_way_from_its_first_byte_to_its_last() {
    let after = |bytes: &[u8]| {
        let mut framing = Framing::new();
        framing.check(bytes).unwrap();
        framing.head_under_way()
    };
    let get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_slice();
    assert_eq!((after(b""), after(b"G"), after(b"\r\n")), (None, Some(0), Some(0)));
    assert_eq!((after(get), after(&get[..get.len() - 1])), (None, Some(0)));
    assert_eq!(after(&[get, get, b"GET"].concat()), Some(2));
    assert_eq!(after(&[HEAD, b"5\r\nabc"].concat()), None);
    for refused in ["Transfer-Encoding: x", "Content-Length: x"] {
        assert_eq!(after(format!("GET / HTTP/1.1\r\n{refused}\r\n").as_bytes()), Some(0));
    }
}

#[test]
fn well_formed_bodies_pass() {
    for body in [
        "0\r\n\r\n",
        "5\r\nabcde\r\n0\r\n\r\n",
        "5 ;a=b\r\nabcde\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
        "5\r\nabcde\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        assert_eq!(check(&[HEAD, body.as_bytes()].concat()), Ok(()), "{body:?}");
    }
}

#[test]
fn the_first_malformed_byte_is_found() {
    for (good, bad) in [
        ("", "x\r\n"),
        ("5", "x\r\nabcde\r\n"),
        ("5\r\nabcde", "f\r\n"),
        ("5\r", "abcde"),
        ("5;a=b", "\u{1}\r\n"),
        ("1000000000000000", "0\r\n"),
        ("5\r\nabcde\r\n0\r\nTrailer: x\r", "y"),
    ] {
        let bytes = [HEAD, good.as_bytes(), bad.as_bytes()].concat();
        assert_eq!(check(&bytes), Err(HEAD.len() + good.len()), "{good:?} {bad:?}");
        assert!(breaks_actix(&bytes), "{good:?} {bad:?}");
    }
}

#[test]
fn extensions_and_trailers_have_an_end() {
    let body = [HEAD, b"5;", &vec![b'x'; MAX_EXTRA_BYTES + 10]].concat();
    assert!(check(&body).is_err());
    let trailers = [HEAD, b"0\r\n", &b"X: y\r\n".repeat(MAX_EXTRA_BYTES)].concat();
    assert!(check(&trailers).is_err());
}

#[test]
fn bodies_with_a_length_and_upgrades_are_not_chunks() {
    let sized = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz";
    let upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\nxyz\r\n\r\n";
    assert_eq!(check(&[&sized[..], HEAD, b"nonsense"].concat()), Err(sized.len() + HEAD.len()));
    assert_eq!(check(&[&upgrade[..], HEAD, b"nonsense"].concat()), Ok(()));
}

/// A piece of a connection: parts of requests, right and wrong.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => Just(HEAD.to_vec()),
        1 => Just(b"POST / HTTP/1.1\r\nHost: x\r\ntransfer-encoding:   CHUNKED \r\n\r\n".to_vec()),
        1 => Just(b"\r\nGET / HTTP/1.1\nHost: x\n\n".to_vec()),
        1 => Just(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n1234567".to_vec()),
        1 => Just(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_vec()),
        1 => Just(b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        6 => proptest::collection::vec(any::<u8>(), 1..40)
            .prop_map(|data| [format!("{:x}\r\n", data.len()).into_bytes(), data, b"\r\n".to_vec()].concat()),
        2 => Just(b"3;name=value\r\nabc\r\n".to_vec()),
        4 => Just(b"0\r\n\r\n".to_vec()),
        1 => Just(b"0\r\nA: b\r\n\r\n".to_vec()),
        2 => "[0-9a-fA-F;\r\n \tx]{1,12}".prop_map(String::into_bytes),
    ]
}

proptest! {
    /// Whatever is sent and however it is cut, actix never sees what it would not answer; and nothing is refused that
    /// actix would read.
    #[test]
    fn actix_never_sees_a_malformed_chunk(
        pieces in proptest::collection::vec(piece(), 1..8),
        cuts in proptest::collection::vec(1usize..50, 1..20),
    ) {
        let bytes = pieces.concat();
        let (mut framing, mut at, mut bad) = (Framing::new(), 0, None);
        for cut in cuts.iter().cycle() {
            let next = &bytes[at..bytes.len().min(at + cut)];
            if let Err(position) = framing.check(next) {
                bad = Some(at + position);
                break;
            }
            at += next.len();
            if at == bytes.len() {
                break;
            }
        }
        let prefix = |end: usize| breaks_actix(&bytes[..end]);
        match refused_by_actix(&bytes) {
            None => prop_assert_eq!(bad, None),
            Some(ParseError::Io(_)) => {
                prop_assert!(bad.is_some_and(|bad| !prefix(bad) && prefix(bad + 1)), "{:?}", bad);
            }
            // It answers a malformed head itself, and reads no further.
            Some(_) => prop_assert!(bad.is_none_or(|bad| !prefix(bad))),
        }
    }
}
