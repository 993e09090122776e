//! Base64 as clients write it: bare or in a data: URL, with white space inside or not.

use huemill_actors::fault::{Code, Fault};

/// The bytes that `text` stands for. The media type of a data: URL is ignored: content decides.
///
/// # Errors
/// `None` in place of bytes where there is nothing behind the comma or in the text; `INVALID_INPUT` for anything
/// that is no base64.
pub(super) fn decode(text: &str) -> Result<Option<Vec<u8>>, Fault> {
    let payload = payload(text)?;
    if payload.bytes().all(|byte| byte.is_ascii_whitespace()) {
        return Ok(None);
    }
    // WHATWG "forgiving-base64 decode": white space is skipped, padding may be left out.
    base64_simd::forgiving_decode_to_vec(payload.as_bytes()).map(Some).map_err(|_| {
        Fault::new(Code::InvalidInput)
            .with_message("The base64 text holds characters that are none, or is cut short.")
    })
}

fn payload(text: &str) -> Result<&str, Fault> {
    let text = text.trim_ascii_start();
    if !text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Ok(text);
    }
    let (head, payload) = text.split_once(',').ok_or_else(|| {
        Fault::new(Code::InvalidInput).with_message("The data: URL has no comma before its content.")
    })?;
    let coded =
        head.get(head.len().saturating_sub(7)..).is_some_and(|end| end.eq_ignore_ascii_case(";base64"));
    if coded {
        Ok(payload)
    } else {
        Err(Fault::new(Code::InvalidInput).with_message("The data: URL must say ;base64."))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bare_base64_data_urls_and_white_space_are_taken() {
        for text in [
            "aGVsbG8=",
            "aGVsbG8",
            "data:image/png;base64,aGVsbG8=",
            "DATA:;BASE64,aGVs\r\n bG8=",
            "  aGVsbG8=\n",
        ] {
            assert_eq!(decode(text).unwrap().as_deref(), Some(b"hello".as_slice()), "{text:?}");
        }
    }

    #[test]
    fn nothing_behind_the_comma_is_nothing() {
        for text in ["", "  \n", "data:;base64,", "data:image/png;base64, "] {
            assert_eq!(decode(text).unwrap(), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["a", "aGVsbG8*", "aGVs=bG8=", "data:image/png,aGVsbG8=", "data:image/png;base64", "ä"] {
            assert_eq!(decode(text).map_err(|fault| fault.code), Err(Code::InvalidInput), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(bytes: Vec<u8>) {
            let text = base64_simd::STANDARD.encode_to_string(&bytes);
            let decoded = decode(&format!("data:x/y;base64,{text}")).unwrap();
            prop_assert_eq!(decoded.unwrap_or_default(), bytes);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = decode(&text);
        }
    }
}
