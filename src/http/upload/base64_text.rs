//! Decodes base64 as clients write it: bare or in a data: URL, with or without white space.

use huemill_actors::fault::Fault;

use crate::http::input_error::invalid;

/// Decodes `text`; `None` if it holds no data. The media type of a data: URL is ignored, because the content decides.
///
/// # Errors
/// `INVALID_INPUT` if the text is not base64.
pub(super) fn decode(text: &str) -> Result<Option<Vec<u8>>, Fault> {
    let payload = payload(text)?;
    if payload.bytes().all(|byte| byte.is_ascii_whitespace()) {
        return Ok(None);
    }
    // WHATWG "forgiving-base64 decode": white space is skipped, padding is optional.
    base64_simd::forgiving_decode_to_vec(payload.as_bytes())
        .map(Some)
        .map_err(|_| invalid("The base64 text has invalid characters or is incomplete."))
}

/// The base64 text, without the head of a data: URL.
fn payload(text: &str) -> Result<&str, Fault> {
    let text = text.trim_ascii_start();
    if !text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Ok(text);
    }
    let (head, payload) =
        text.split_once(',').ok_or_else(|| invalid("The data: URL has no comma before its content."))?;
    let is_base64 =
        head.get(head.len().saturating_sub(7)..).is_some_and(|end| end.eq_ignore_ascii_case(";base64"));
    if is_base64 { Ok(payload) } else { Err(invalid("The data: URL must contain ;base64.")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bare_base64_data_urls_and_white_space_are_decoded() {
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
    fn an_empty_text_or_data_url_is_no_data() {
        for text in ["", "  \n", "data:;base64,", "data:image/png;base64, "] {
            assert_eq!(decode(text).unwrap(), None, "{text:?}");
        }
    }

    #[test]
    fn invalid_base64_is_rejected() {
        for text in ["a", "aGVsbG8*", "aGVs=bG8=", "data:image/png,aGVsbG8=", "data:image/png;base64", "ä"] {
            assert_eq!(
                decode(text).map_err(|fault| fault.code),
                Err(huemill_actors::fault::Code::InvalidInput),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn decoding_reverses_encoding(bytes: Vec<u8>) {
            let text = base64_simd::STANDARD.encode_to_string(&bytes);
            let decoded = decode(&format!("data:x/y;base64,{text}")).unwrap();
            prop_assert_eq!(decoded.unwrap_or_default(), bytes);
        }

        #[test]
        fn no_text_causes_a_panic(text: String) {
            let _ = decode(&text);
        }
    }
}
