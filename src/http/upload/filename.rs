//! Reads a file's name from a form (RFC 7578, 4.2). The name is shown and becomes part of the names of results; it is
//! never used as a path. An unsafe name is rejected even if it is not used.

use std::borrow::Cow;

use actix_multipart::Field;
use actix_web::http::header::{CONTENT_DISPOSITION, ContentDisposition, HeaderValue};
use huemill_actors::fault::Fault;

use crate::http::problem::invalid;

/// The file's name, if it has one.
///
/// # Errors
/// `INVALID_INPUT` if the name leads to a parent folder or contains control characters.
pub(super) fn of(part: &Field) -> Result<Option<String>, Fault> {
    let Some(header) = part.headers().get(CONTENT_DISPOSITION) else { return Ok(None) };
    // The form's parser has accepted the header already, so it can be parsed.
    let Some(disposition) = parse(header) else { return Ok(None) };
    let extended =
        disposition.get_filename_ext().map(|name| String::from_utf8_lossy(&name.value).into_owned());
    let plain = disposition.get_filename().map(str::to_owned);
    if !extended.iter().chain(&plain).all(|name| is_safe(name)) {
        return Err(invalid("The file's name contains a path or control characters. Send a plain name."));
    }
    let name = extended.or(plain);
    Ok(name.map(|name| without_folders(&name).to_owned()).filter(|name| !name.is_empty()))
}

fn parse(header: &HeaderValue) -> Option<ContentDisposition> {
    let header = double_backslashes(header.as_bytes());
    ContentDisposition::from_raw(&HeaderValue::from_bytes(&header).ok()?).ok()
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
    let climbs = name.split(['/', '\\']).any(|segment| segment == "..");
    !climbs && !name.chars().any(char::is_control) && !upper.contains("%0D") && !upper.contains("%0A")
}

/// The name without the client's own folders: only the last part of an absolute path or a Windows path, which old browsers
/// send (`C:\fakepath\a.jpg`). A relative path is kept, as in a ZIP.
fn without_folders(name: &str) -> &str {
    let has_drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    let is_local = has_drive || name.starts_with('/') || name.contains('\\');
    let path = if has_drive { &name[2..] } else { name };
    if is_local { path.rsplit(['/', '\\']).next().unwrap_or(path) } else { path }
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
    fn unsafe_names_are_detected() {
        for name in ["..", "../x", "a/../x", r"..\..\x", r"a\..", "a\nb", "a\0", "a%0d%0ab"] {
            assert!(!is_safe(name), "{name:?}");
        }
        for name in ["a.png", "..a.png", "a..b", "trip/a.png", r"C:\fakepath\z.jpg", "50%0.png"] {
            assert!(is_safe(name), "{name:?}");
        }
    }
}
