//! Reads the names in the head of a form's part (RFC 7578, 4.2): the field's and the file's. A file's name is shown and
//! becomes part of the names of results; it is never used as a path. An unsafe name of a wanted file is rejected even if
//! it is not used.

use std::borrow::Cow;

use actix_multipart::Field;
use actix_web::http::header::{CONTENT_DISPOSITION, ContentDisposition, DispositionType, HeaderValue};
use encoding_rs::{Encoding, WINDOWS_1252};
use huemill_actors::fault::Fault;

use crate::http::problem::invalid;

/// The field's name, if the part has one.
pub(super) fn of_field(part: &Field) -> Option<String> {
    let disposition = parse(part.headers().get(CONTENT_DISPOSITION)?)?;
    let name = disposition.get_name().filter(|name| !name.is_empty());
    name.filter(|_| disposition.disposition == DispositionType::FormData).map(str::to_owned)
}

/// The file's name, if it has one.
///
/// # Errors
/// `INVALID_INPUT` if the name leads to a parent folder or contains control characters.
pub(super) fn of(part: &Field) -> Result<Option<String>, Fault> {
    part.headers().get(CONTENT_DISPOSITION).map_or(Ok(None), read)
}

fn read(header: &HeaderValue) -> Result<Option<String>, Fault> {
    let Some(disposition) = parse(header) else { return Ok(None) };
    let extended = disposition.get_filename_ext().map(|name| {
        let label = name.charset.to_string();
        let encoding = Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8);
        encoding.decode_without_bom_handling(&name.value).0.into_owned()
    });
    let plain = disposition.get_filename().map(str::to_owned);
    if !extended.iter().chain(&plain).all(|name| is_safe(name)) {
        return Err(invalid("The file's name contains a path or control characters. Send a plain name."));
    }
    let name = extended.or(plain);
    Ok(name.map(|name| without_folders(&name).to_owned()).filter(|name| !name.is_empty()))
}

fn parse(header: &HeaderValue) -> Option<ContentDisposition> {
    let text = text(header.as_bytes());
    let header = double_backslashes(text.as_bytes());
    ContentDisposition::from_raw(&HeaderValue::from_bytes(&header).ok()?).ok()
}

/// The text of a header. Browsers send names in UTF-8; older programs send them in the code page of their computer, which
/// nothing tells. The name is not worth refusing a picture, so that of Western Europe is assumed.
fn text(header: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(header) {
        return text.into();
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(header);
    text.replace(|letter: char| matches!(letter, '\u{80}'..='\u{9f}'), "\u{fffd}").into()
}

/// Doubles each backslash that is not followed by a quote or a backslash. Browsers send backslashes in names as they are
/// (WHATWG HTML, 4.10.21.8), but the parser follows the rules for mail and would drop them.
fn double_backslashes(header: &[u8]) -> Cow<'_, [u8]> {
    if !header.contains(&b'\\') {
        return header.into();
    }
    let (mut doubled, mut at) = (Vec::with_capacity(header.len() + 16), 0);
    while let Some(&byte) = header.get(at) {
        doubled.push(byte);
        at += 1;
        if byte != b'\\' {
            continue;
        }
        if let Some(&next @ (b'"' | b'\\')) = header.get(at) {
            doubled.push(next);
            at += 1;
        } else {
            doubled.push(b'\\');
        }
    }
    doubled.into()
}

fn is_safe(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let path = without_drive(name).unwrap_or(name);
    let climbs = path.split(['/', '\\']).any(|segment| segment == "..");
    !climbs && !name.chars().any(char::is_control) && !upper.contains("%0D") && !upper.contains("%0A")
}

/// The name without the client's own folders: only the last part of an absolute path or a Windows path, which old browsers
/// send (`C:\fakepath\a.jpg`). A relative path is kept, as in a ZIP.
fn without_folders(name: &str) -> &str {
    let local = without_drive(name);
    let is_local = local.is_some() || name.starts_with('/') || name.contains('\\');
    let path = local.unwrap_or(name);
    if is_local { path.rsplit(['/', '\\']).next().unwrap_or(path) } else { path }
}

/// What follows the drive of a Windows path (`C:`), if the name begins with one.
fn without_drive(name: &str) -> Option<&str> {
    let has_drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    has_drive.then(|| &name[2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(parameter: &str) -> Option<String> {
        let head = HeaderValue::from_str(&format!("form-data; name=\"images\"; {parameter}")).unwrap();
        parse(&head).and_then(|disposition| Some(without_folders(disposition.get_filename()?).to_owned()))
    }

    #[test]
    fn the_clients_own_folders_are_removed() {
        for (parameter, name) in [
            (r#"filename="z.jpg""#, "z.jpg"),
            (r#"filename="C:\fakepath\z.jpg""#, "z.jpg"),
            (r#"filename="C:\\fakepath\\z.jpg""#, "z.jpg"),
            (r#"filename="C:/fakepath/z.jpg""#, "z.jpg"),
            (r#"filename="C:z.jpg""#, "z.jpg"),
            (r#"filename="\\server\share/z.jpg""#, "z.jpg"),
            (r#"filename="/home/me/z.jpg""#, "z.jpg"),
            (r#"filename="/home/12:30.jpg""#, "12:30.jpg"),
            (r#"filename="trip/z.jpg""#, "trip/z.jpg"),
            (r#"filename="12:30.jpg""#, "12:30.jpg"),
            (r#"filename="a \"b\".jpg""#, "a \"b\".jpg"),
            (r#"filename="C:\fakepath\a \"b\".jpg""#, "a \"b\".jpg"),
            (r#"filename="C:\fakepath\\""#, ""),
            ("filename=z.jpg", "z.jpg"),
        ] {
            assert_eq!(named(parameter).as_deref(), Some(name), "{parameter}");
        }
    }

    #[test]
    fn names_in_any_charset_are_read() {
        for (name, shown) in [
            (&b"Stra\xc3\x9fe.png"[..], "Straße.png"),
            (b"F\xfc\xdfe.png", "Füße.png"),
            (b"\x8f\x90\x81.png", "\u{fffd}\u{fffd}\u{fffd}.png"),
        ] {
            let raw = [b"form-data; name=\"image\"; filename=\"", name, b"\""].concat();
            let disposition = parse(&HeaderValue::from_bytes(&raw).unwrap()).unwrap();
            assert_eq!(disposition.get_filename(), Some(shown));
            assert!(is_safe(shown));
        }
    }

    #[test]
    fn arbitrary_heads_give_names_that_are_safe() {
        let seeds = [
            r#"form-data; name="image"; filename="C:\fakepath\a \"b\".jpg""#,
            "form-data; name=images; filename*=iso-8859-1''%a3%20rates; filename=\"trip/z.jpg\"",
            "form-data; name=\"images\"; filename=\"F\u{fc}\u{df}e..png\"; filename*=UTF-8''..%2f%0d%0ax",
        ];
        crate::http::short_run::fuzz(2, &seeds.map(|seed| seed.as_bytes().to_vec()), |bytes| {
            let Ok(Ok(Some(name))) = HeaderValue::from_bytes(bytes).map(|header| read(&header)) else {
                return;
            };
            assert!(is_safe(&name) && !name.is_empty() && !name.starts_with('/'), "{name:?}");
        });
    }

    #[test]
    fn unsafe_names_are_detected() {
        for name in [
            "..", "../x", "a/../x", r"..\..\x", r"a\..", "C:..", r"C:..\x", "z:../x", "a\nb", "a\0",
            "a%0d%0ab",
        ] {
            assert!(!is_safe(name), "{name:?}");
        }
        for name in ["a.png", "..a.png", "a..b", "trip/a.png", r"C:\fakepath\z.jpg", "50%0.png"] {
            assert!(is_safe(name), "{name:?}");
        }
    }
}
