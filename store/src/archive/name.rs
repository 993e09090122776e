//! Names of entries: decoded, judged, made safe to show, made unique.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::Entry;

/// Code page 437 from 0x80 on: what a name is in if nothing says UTF-8 (APPNOTE appendix D).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The text of a name. Most tools write UTF-8, many without saying so; what is not UTF-8 is taken as code page
/// 437, unless it claims to be UTF-8: then the bad bytes are replaced.
pub(super) fn decode(raw: &[u8], claims_utf8: bool) -> Cow<'_, str> {
    match std::str::from_utf8(raw) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if claims_utf8 => String::from_utf8_lossy(raw),
        Err(_) => {
            let table: Vec<char> = CP437.chars().collect();
            let letter = |byte: &u8| match byte.checked_sub(0x80) {
                None => char::from(*byte),
                Some(index) => table[usize::from(index)],
            };
            Cow::Owned(raw.iter().map(letter).collect())
        }
    }
}

/// Whether a path could lead out of the folder it is unpacked into, on any system. Characters that are not seen
/// are taken out first, and blanks around a component, since some systems do that too.
pub(super) fn leaves_archive(name: &str) -> bool {
    let visible: String = name.chars().filter(|&letter| !is_unseen(letter)).collect();
    let path = visible.trim();
    let drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    drive || path.starts_with('/') || path.contains('\\') || path.split('/').any(is_upwards)
}

/// `..`, and what some systems make the same of: with blanks around it, or with more dots.
fn is_upwards(part: &str) -> bool {
    let dots = part.chars().filter(|&letter| letter == '.').count();
    dots >= 2 && part.chars().all(|letter| letter == '.' || letter.is_whitespace())
}

/// The name as it is shown: without characters that change how the text around them is shown, and not too long.
pub(super) fn clean(name: &str) -> String {
    let shown: String = name
        .chars()
        .map(|letter| if is_unseen(letter) { char::REPLACEMENT_CHARACTER } else { letter })
        .collect();
    match shown.as_str() {
        "" => "unnamed".to_owned(),
        shown => shorten(shown, Entry::LONGEST_NAME),
    }
}

/// Control, bidi and invisible characters (Unicode categories Cc, Cf, Zl and Zp, as far as they matter here; the
/// joiner U+200D stays, since emoji in file names are made with it).
pub(crate) fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200c}' | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Takes out the middle, so that folder and extension stay.
pub(crate) fn shorten(name: &str, most: usize) -> String {
    const MARK: &str = "…";
    const TAIL: usize = 64;
    if name.len() <= most {
        return name.to_owned();
    }
    let head = head(name, most - TAIL - MARK.len());
    let tail = name.len() - TAIL;
    let tail = (tail..name.len()).find(|&at| name.is_char_boundary(at)).unwrap_or(name.len());
    format!("{head}{MARK}{}", &name[tail..])
}

/// The first whole characters of a text, `most` bytes at most.
fn head(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// Whether systems leave such a file beside the ones that people mean.
pub(super) fn is_junk(name: &str) -> bool {
    const FILES: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];
    let file = name.rsplit('/').next().unwrap_or_default();
    file.starts_with("._")
        || FILES.iter().any(|junk| junk.eq_ignore_ascii_case(file))
        || name.split('/').any(|part| part == "__MACOSX")
}

/// Makes names unique within an archive. The work does not grow with the square of the entries: how far each
/// stem was counted is remembered.
#[derive(Debug)]
pub(crate) struct Names {
    /// What is equal for names that count as the same.
    key: fn(&str) -> String,
    seen: HashSet<String>,
    counted: HashMap<(String, String), usize>,
}

impl Names {
    /// Names that count as the same if this makes the same of them.
    pub(crate) fn by(key: fn(&str) -> String) -> Self {
        Self { key, seen: HashSet::new(), counted: HashMap::new() }
    }

    /// The name itself the first time; after that with a number before its extension.
    pub(crate) fn unique(&mut self, name: String) -> String {
        if self.seen.insert((self.key)(&name)) {
            return name;
        }
        let (stem, extension) = split(&name);
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

/// A name before and behind the place where a number goes, cut so that the number fits.
fn split(name: &str) -> (&str, &str) {
    const LONGEST_EXTENSION: usize = 16;
    const LONGEST_NUMBER: usize = 16;
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = name[file..].rfind('.').filter(|&dot| dot > 0).map(|dot| file + dot);
    let dot = dot.filter(|dot| name.len() - dot <= LONGEST_EXTENSION).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    (head(stem, Entry::LONGEST_NAME - LONGEST_NUMBER - LONGEST_EXTENSION), extension)
}

/// Names for a list of files that its readers see: each safe to show, none too long, none twice.
pub fn distinct<'a>(wishes: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names = Names::by(str::to_owned);
    wishes.map(|wish| names.unique(clean(wish))).collect()
}
