//! Names of entries: decodes them, rejects paths that leave the archive, makes them safe to display and unique.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::encoding::NameEncoding;

/// Maximum length of a name in bytes.
pub(super) const LONGEST: usize = 1024;

/// Decodes the name of an entry, with backslashes as the separators that they are on Windows. A Unicode path in the extra
/// fields goes first, then UTF-8, which many tools write without marking it, then the encoding of the archive's other
/// names. A name that is marked as UTF-8 and is none has its invalid bytes replaced.
pub(super) fn decode<'a>(
    raw: &'a [u8],
    claims_utf8: bool,
    unicode_path: Option<&'a str>,
    others: NameEncoding,
) -> Cow<'a, str> {
    let name = match (unicode_path, std::str::from_utf8(raw)) {
        (Some(path), _) | (None, Ok(path)) => Cow::Borrowed(path),
        (None, Err(_)) if claims_utf8 => String::from_utf8_lossy(raw),
        (None, Err(_)) => Cow::Owned(others.decode(raw)),
    };
    // Only now: the second byte of a Japanese or Chinese letter may look like a backslash.
    if name.contains('\\') { Cow::Owned(name.replace('\\', "/")) } else { name }
}

/// The path in an "Info-ZIP Unicode Path" extra field (APPNOTE 4.6.9), if it belongs to this name: programs that know
/// nothing of the field may have changed the name.
pub(super) fn unicode_path<'a>(raw: &[u8], field: &'a [u8]) -> Option<&'a str> {
    let (version, rest) = field.split_first()?;
    let (checksum, path) = rest.split_first_chunk()?;
    let is_valid = *version == 1 && u32::from_le_bytes(*checksum) == crc32fast::hash(raw);
    std::str::from_utf8(path).ok().filter(|path| is_valid && !path.is_empty())
}

/// Whether a path could leave the folder it is unpacked into, on any system. Invisible characters and spaces around a
/// component are ignored, since some systems remove them.
pub(super) fn leaves_archive(name: &str) -> bool {
    let visible: String = name.chars().filter(|&letter| !is_invisible(letter)).collect();
    let path = visible.trim();
    let drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    drive || path.starts_with('/') || path.split('/').any(is_parent)
}

/// Whether a component is `..`, or a variant that some systems treat the same: with spaces around it, or with more
/// dots.
fn is_parent(component: &str) -> bool {
    let dots = component.chars().filter(|&letter| letter == '.').count();
    dots >= 2 && component.chars().all(|letter| letter == '.' || letter.is_whitespace())
}

/// The name for display: without characters that change how the text around them looks, and not too long.
pub(super) fn clean(name: &str) -> String {
    let shown: String = name
        .chars()
        .map(|letter| if is_invisible(letter) { char::REPLACEMENT_CHARACTER } else { letter })
        .collect();
    match shown.as_str() {
        "" => "unnamed".to_owned(),
        shown => shorten(shown, LONGEST),
    }
}

/// Whether a character is a control, bidi or invisible character (Unicode categories Cc, Cf, Zl and Zp, as far as they
/// matter here). The joiner U+200D is not included, since emoji in file names use it.
pub(crate) fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200c}' | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Shortens a name to `limit` bytes by cutting out the middle, so that folder and extension stay.
pub(crate) fn shorten(name: &str, limit: usize) -> String {
    const MARK: &str = "…";
    const TAIL: usize = 64;
    if name.len() <= limit {
        return name.to_owned();
    }
    let head = head(name, limit - TAIL - MARK.len());
    let tail = name.len() - TAIL;
    let tail = (tail..name.len()).find(|&at| name.is_char_boundary(at)).unwrap_or(name.len());
    format!("{head}{MARK}{}", &name[tail..])
}

/// The first whole characters of a text, up to `limit` bytes.
fn head(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// Whether operating systems add such a file on their own.
pub(super) fn is_junk(name: &str) -> bool {
    const FILES: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];
    let file = name.rsplit('/').next().unwrap_or_default();
    file.starts_with("._")
        || FILES.iter().any(|junk| junk.eq_ignore_ascii_case(file))
        || name.split('/').any(|part| part == "__MACOSX")
}

/// Makes names unique within an archive. Remembers the last number of each stem, so that the work does not grow with
/// the square of the number of entries.
#[derive(Debug)]
pub(crate) struct UniqueNames {
    /// Maps names that count as the same to the same key.
    key: fn(&str) -> String,
    seen: HashSet<String>,
    counted: HashMap<(String, String), usize>,
}

impl UniqueNames {
    /// Compares names by this key.
    pub(crate) fn by(key: fn(&str) -> String) -> Self {
        Self { key, seen: HashSet::new(), counted: HashMap::new() }
    }

    /// Returns the name as it is the first time, and with a number before its extension after that.
    pub(crate) fn unique(&mut self, name: String) -> String {
        let at = extension_of(&name);
        self.unique_with(name, at)
    }

    /// Returns the name as it is the first time, and with a number at this position after that.
    fn unique_with(&mut self, name: String, at: usize) -> String {
        if self.seen.insert((self.key)(&name)) {
            return name;
        }
        let (stem, extension) = split(&name, at);
        let count = self.counted.entry(((self.key)(stem), (self.key)(extension))).or_insert(1);
        loop {
            *count += 1;
            let numbered = format!("{stem} ({count}){extension}");
            if self.seen.insert((self.key)(&numbered)) {
                return numbered;
            }
        }
    }
}

/// With its dot.
const LONGEST_EXTENSION: usize = 16;

/// Whether what follows the last dot of a name is an extension. The end of an address, of a date or of a version is none.
#[must_use]
pub fn is_extension(text: &str) -> bool {
    let has_letter = text.chars().any(char::is_alphabetic);
    text.len() < LONGEST_EXTENSION
        && text.chars().all(char::is_alphanumeric)
        && (has_letter || text.is_empty())
}

/// Where the extension of a name begins, with its dot; at the end if there is none.
fn extension_of(name: &str) -> usize {
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = name[file..].rfind('.').filter(|&dot| dot > 0).map(|dot| file + dot);
    dot.filter(|dot| is_extension(&name[dot + 1..])).unwrap_or(name.len())
}

/// Splits a name where a number goes, and shortens it so that the number fits.
fn split(name: &str, at: usize) -> (&str, &str) {
    const LONGEST_NUMBER: usize = 16;
    let (stem, extension) = name.split_at(at);
    (head(stem, LONGEST - LONGEST_NUMBER - LONGEST_EXTENSION), extension)
}

/// The name that is wanted for a file.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// The name of a file, which may have an extension.
    File(&'a str),
    /// The host that it comes from. A dot in it begins no extension.
    Host(&'a str),
}

/// Names for a list of files as its readers see them: safe to display, not too long, and unique.
pub fn distinct<'a>(wanted: impl Iterator<Item = Wanted<'a>>) -> Vec<String> {
    let mut names = UniqueNames::by(str::to_owned);
    let unique = |wanted| match wanted {
        Wanted::File(name) => names.unique(clean(name)),
        Wanted::Host(name) => {
            let name = clean(name);
            let end = name.len();
            names.unique_with(name, end)
        }
    };
    wanted.map(unique).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_an_extension_and_behind_everything_else() {
        for (name, second) in [
            ("a.png", "a (2).png"),
            ("a.b/c", "a.b/c (2)"),
            ("127.0.0.1", "127.0.0.1 (2)"),
            ("[2606:4700::1]", "[2606:4700::1] (2)"),
            ("2026.11.30", "2026.11.30 (2)"),
            ("clip.mp4", "clip (2).mp4"),
            (".png", ".png (2)"),
            ("v1.2 final", "v1.2 final (2)"),
        ] {
            assert_eq!(distinct([name, name].into_iter().map(Wanted::File)), [name, second]);
        }
        let hosts = ["example.org", "example.org"].into_iter().map(Wanted::Host);
        assert_eq!(distinct(hosts), ["example.org", "example.org (2)"]);
    }
}
