//! What files are called in an archive that people unpack, on whatever system they do it.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::archive::{Names, is_unseen, shorten};

/// Most bytes of a name, before a number that makes it unique: file systems take 255.
const LONGEST: usize = 200;

/// A name for each wish: harmless, and unlike all others even to a file system that ignores case or takes composed
/// and decomposed letters for the same.
pub(super) fn settle<'a>(wishes: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names = Names::by(folded);
    wishes.map(|wish| names.unique(harmless(wish))).collect()
}

/// What two names have in common that some file system takes for the same. Upper case first, since `ß` and `SS` are
/// the same then.
fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase().nfc().collect()
}

/// The wish without folders, without characters that are not seen or mean something to a system, without a
/// beginning or an end that does, and no device of Windows. What is harmless already stays as it is.
#[must_use]
pub fn harmless(wish: &str) -> String {
    let plain: String = wish.nfc().map(|letter| if is_harmful(letter) { '_' } else { letter }).collect();
    let trimmed = plain.trim_start().trim_end_matches(|letter: char| letter == '.' || letter.is_whitespace());
    let name: Cow<'_, str> = match trimmed.strip_prefix(['.', '-']) {
        Some(rest) => format!("_{rest}").into(),
        None if trimmed.is_empty() => "unnamed".into(),
        None if is_device(trimmed) => format!("_{trimmed}").into(),
        None => trimmed.into(),
    };
    shorten(&name, LONGEST)
}

fn is_harmful(letter: char) -> bool {
    const MEANINGFUL: &[char] = &['/', '\\', ':', '*', '?', '"', '<', '>', '|', char::REPLACEMENT_CHARACTER];
    is_unseen(letter) || MEANINGFUL.contains(&letter)
}

/// Whether Windows takes the name for a device, whatever its extension.
fn is_device(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let port = ["COM", "LPT"].iter().find_map(|port| stem.strip_prefix(port));
    let numbered = port.is_some_and(|number| {
        let mut letters = number.chars();
        matches!((letters.next(), letters.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    numbered || DEVICES.contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settled(wishes: &[&str]) -> Vec<String> {
        settle(wishes.iter().copied())
    }

    #[test]
    fn a_plain_name_stays() {
        let plain =
            ["a.png", "Über den Wolken (3).jpg", "日本.webp", "manifest.json", "a.b.c.png", "COM10.png"];
        assert_eq!(settled(&plain), plain);
    }

    #[test]
    fn names_that_could_harm_are_changed() {
        for (wish, name) in [
            ("folder/sub\\a.png", "folder_sub_a.png"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("/abs.png", "_abs.png"),
            ("C:\\x.png", "C__x.png"),
            (".htaccess", "_htaccess"),
            ("..", "unnamed"),
            ("", "unnamed"),
            (" . ", "unnamed"),
            ("-rf.png", "_rf.png"),
            ("a.png. .", "a.png"),
            ("a\n\x1b[2J.png", "a__[2J.png"),
            ("a\u{202e}gnp.exe", "a_gnp.exe"),
            ("a\0.png", "a_.png"),
            ("a\u{fffd}.png", "a_.png"),
            ("con", "_con"),
            ("Aux.png", "_Aux.png"),
            ("nul .tar.gz", "_nul .tar.gz"),
            ("LPT¹.png", "_LPT¹.png"),
            ("e\u{301}.png", "é.png"),
        ] {
            assert_eq!(settled(&[wish]), [name], "{wish:?}");
        }
    }

    #[test]
    fn names_that_a_file_system_takes_for_the_same_are_numbered() {
        assert_eq!(
            settled(&["a.png", "A.PNG", "a.png", "a (2).png"]),
            ["a.png", "A (2).PNG", "a (3).png", "a (2) (2).png"]
        );
        assert_eq!(settled(&["é.png", "e\u{301}.png", "É.png"]), ["é.png", "é (2).png", "É (3).png"]);
        assert_eq!(settled(&["straße.png", "STRASSE.png"]), ["straße.png", "STRASSE (2).png"]);
        assert_eq!(settled(&["a/b.png", "a_b.png"]), ["a_b.png", "a_b (2).png"]);
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let wishes = ["ü".repeat(500) + ".png", "ü".repeat(501) + ".png"];
        let names = settle(wishes.iter().map(String::as_str));
        assert_ne!(names[0], names[1]);
        assert!(names[0].ends_with("ü.png") && names[1].ends_with("ü (2).png"), "{names:?}");
        assert!(names.iter().all(|name| name.len() <= 255), "{names:?}");
    }

    proptest! {
        #[test]
        fn what_is_harmless_stays(wish in "(CON|[ .-])?(\\PC|[ ./\u{301}\u{200b}]){0,260}[. ]{0,2}") {
            let name = harmless(&wish);
            prop_assert_eq!(harmless(&name), name);
        }
    }
}
