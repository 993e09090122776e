//! File names in an archive that are safe to unpack on any system.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::archive::{UniqueNames, is_invisible, shorten};

/// Maximum length of a name in bytes, without the number that makes it unique. File systems allow 255.
const LONGEST: usize = 200;

/// Assigns a name to each requested name. The names are harmless and unique, even on file systems that ignore case or
/// treat composed and decomposed letters as the same.
pub(super) fn assign<'a>(requested: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names = UniqueNames::by(folded);
    requested.map(|name| names.unique(harmless(name))).collect()
}

/// The key by which names are compared: equal for names that some file system treats as the same. Converts to upper
/// case first, because that makes `ß` and `SS` the same.
fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase().nfc().collect()
}

/// Makes a name harmless: removes folders, invisible characters, characters with a special meaning to some system,
/// special beginnings and endings, and device names of Windows. A harmless name stays as it is.
#[must_use]
pub fn harmless(name: &str) -> String {
    let plain: String = name.nfc().map(|letter| if is_harmful(letter) { '_' } else { letter }).collect();
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
    is_invisible(letter) || MEANINGFUL.contains(&letter)
}

/// Whether Windows treats the name as a device. It ignores the extension.
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

    fn assigned(requested: &[&str]) -> Vec<String> {
        assign(requested.iter().copied())
    }

    #[test]
    fn a_plain_name_is_kept() {
        let plain =
            ["a.png", "Über den Wolken (3).jpg", "日本.webp", "manifest.json", "a.b.c.png", "COM10.png"];
        assert_eq!(assigned(&plain), plain);
    }

    #[test]
    fn harmful_names_are_changed() {
        for (requested, name) in [
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
            assert_eq!(assigned(&[requested]), [name], "{requested:?}");
        }
    }

    #[test]
    fn names_that_a_file_system_treats_as_the_same_get_numbers() {
        assert_eq!(
            assigned(&["a.png", "A.PNG", "a.png", "a (2).png"]),
            ["a.png", "A (2).PNG", "a (3).png", "a (2) (2).png"]
        );
        assert_eq!(assigned(&["é.png", "e\u{301}.png", "É.png"]), ["é.png", "é (2).png", "É (3).png"]);
        assert_eq!(assigned(&["straße.png", "STRASSE.png"]), ["straße.png", "STRASSE (2).png"]);
        assert_eq!(assigned(&["a/b.png", "a_b.png"]), ["a_b.png", "a_b (2).png"]);
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let requested = ["ü".repeat(500) + ".png", "ü".repeat(501) + ".png"];
        let names = assign(requested.iter().map(String::as_str));
        assert_ne!(names[0], names[1]);
        assert!(names[0].ends_with("ü.png") && names[1].ends_with("ü (2).png"), "{names:?}");
        assert!(names.iter().all(|name| name.len() <= 255), "{names:?}");
    }

    proptest! {
        #[test]
        fn a_harmless_name_is_kept(requested in "(CON|[ .-])?(\\PC|[ ./\u{301}\u{200b}]){0,260}[. ]{0,2}") {
            let name = harmless(&requested);
            prop_assert_eq!(harmless(&name), name);
        }
    }
}
