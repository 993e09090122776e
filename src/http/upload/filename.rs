//! The name of a file in a form, as its sender has it (RFC 7578, 4.2). It is shown and becomes part of results' names;
//! it is never a path here. One that could harm whoever uses it is refused, whether it is used or not.

use std::borrow::Cow;

use actix_multipart::Field;
use actix_web::http::header::{CONTENT_DISPOSITION, ContentDisposition, HeaderValue};
use huemill_actors::fault::Fault;

use super::multipart::invalid;

/// A file's name, where it has one.
///
/// # Errors
/// `INVALID_INPUT` where it leads upwards or holds control characters.
pub(super) fn of(part: &Field) -> Result<Option<String>, Fault> {
    let Some(head) = part.headers().get(CONTENT_DISPOSITION) else { return Ok(None) };
    // The form's reader has taken it already, so it can be read.
    let Some(disposition) = read(head) else { return Ok(None) };
    let extended =
        disposition.get_filename_ext().map(|name| String::from_utf8_lossy(&name.value).into_owned());
    let plain = disposition.get_filename().map(str::to_owned);
    if !extended.iter().chain(&plain).all(|name| is_plain(name)) {
        return Err(invalid("The file's name holds a path or control characters: send a plain name."));
    }
    let name = extended.or(plain);
    Ok(name.map(|name| shown(&name).to_owned()).filter(|name| !name.is_empty()))
}

fn read(head: &HeaderValue) -> Option<ContentDisposition> {
    let literal = literal(head.as_bytes());
    ContentDisposition::from_raw(&HeaderValue::from_bytes(&literal).ok()?).ok()
}

/// The header with each backslash doubled that stands before neither a quote nor another one: browsers write those of
/// a name as they are (WHATWG HTML, 4.10.21.8), where a reader of mail would drop them.
fn literal(head: &[u8]) -> Cow<'_, [u8]> {
    if !head.contains(&b'\\') {
        return head.into();
    }
    let (mut literal, mut at) = (Vec::with_capacity(head.len() + 16), 0);
    while let Some(&byte) = head.get(at) {
        literal.push(byte);
        at += 1;
        if byte != b'\\' {
            continue;
        }
        if let Some(&next @ (b'"' | b'\\')) = head.get(at) {
            literal.push(next);
            at += 1;
        } else {
            literal.push(b'\\');
        }
    }
    literal.into()
}

fn is_plain(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let climbs = name.split(['/', '\\']).any(|step| step == "..");
    !climbs && !name.chars().any(char::is_control) && !upper.contains("%0D") && !upper.contains("%0A")
}

/// The name without the sender's own folders: of an absolute path and of one of Windows the last part, as old browsers
/// send them (`C:\fakepath\a.jpg`). A relative path stays, as one in a ZIP does.
fn shown(name: &str) -> &str {
    let drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    let own = drive || name.starts_with('/') || name.contains('\\');
    let path = if drive { &name[2..] } else { name };
    if own { path.rsplit(['/', '\\']).next().unwrap_or(path) } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(parameter: &str) -> Option<String> {
        let head = HeaderValue::from_str(&format!("form-data; name=\"images\"; {parameter}")).unwrap();
        read(&head).and_then(|disposition| Some(shown(disposition.get_filename()?).to_owned()))
    }

    #[test]
    fn the_senders_own_folders_are_left_out() {
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
    fn a_name_that_could_harm_is_told() {
        for name in ["..", "../x", "a/../x", r"..\..\x", r"a\..", "a\nb", "a\0", "a%0d%0ab"] {
            assert!(!is_plain(name), "{name:?}");
        }
        for name in ["a.png", "..a.png", "a..b", "trip/a.png", r"C:\fakepath\z.jpg", "50%0.png"] {
            assert!(is_plain(name), "{name:?}");
        }
    }
}
