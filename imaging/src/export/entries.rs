//! Gives each colour of a palette an identifier that is valid in all text formats. The exports use it. It cannot fail.
//!
//! An identifier is the colour's name with hyphens: a letter, then letters, digits and hyphens. So no format needs escapes.
//! Colours with the same name are numbered.

use crate::Swatch;

/// The identifier of a name without any letter.
const NAMELESS: &str = "color";

/// The colours of a palette, in order, each with an identifier of its own.
pub(super) struct Entries<'a>(Vec<(String, &'a Swatch)>);

impl<'a> Entries<'a> {
    pub(super) fn of(palette: &'a [Swatch]) -> Self {
        let mut entries: Vec<(String, &Swatch)> = Vec::with_capacity(palette.len());
        for swatch in palette {
            let base = identifier(swatch.name);
            let is_free = |id: &String| entries.iter().all(|(taken, _)| taken != id);
            let numbered = (2..).map(|number| format!("{base}-{number}"));
            let id = std::iter::once(base.clone()).chain(numbered).find(is_free).unwrap_or(base);
            entries.push((id, swatch));
        }
        Self(entries)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a Swatch)> {
        self.0.iter().map(|(id, swatch)| (id.as_str(), *swatch))
    }

    /// The identifier of a colour of the palette.
    pub(super) fn id_of(&self, swatch: &Swatch) -> Option<&str> {
        self.iter().find(|(_, other)| other.rgb == swatch.rgb).map(|(id, _)| id)
    }
}

/// "robin's egg blue" becomes "robins-egg-blue".
fn identifier(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for char in name.chars().filter(|char| *char != '\'') {
        match char {
            'A'..='Z' | 'a'..='z' => id.push(char.to_ascii_lowercase()),
            '0'..='9' if !id.is_empty() => id.push(char),
            _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
            _ => {}
        }
    }
    let end = id.trim_end_matches('-').len();
    id.truncate(end);
    if id.is_empty() { NAMELESS.to_owned() } else { id }
}

/// `#rrggbb` in lower case.
pub(super) fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swatch::describe;

    fn ids(names: &[&'static str]) -> Vec<String> {
        let swatch = |(index, name)| Swatch { name, ..describe([index as u8; 3], 0.0, false) };
        let palette: Vec<_> = names.iter().copied().enumerate().map(swatch).collect();
        Entries::of(&palette).iter().map(|(id, _)| id.to_owned()).collect()
    }

    #[test]
    fn an_identifier_has_letters_digits_and_single_hyphens() {
        for (name, id) in [
            ("robin's egg blue", "robins-egg-blue"),
            ("} a { b: url(x) /*", "a-b-url-x"),
            ("$2 {x.y}", "x-y"),
            ("Käse 3", "k-se-3"),
            ("", "color"),
            ("<\"\\\n", "color"),
        ] {
            assert_eq!(ids(&[name]), [id], "{name}");
        }
    }

    #[test]
    fn no_two_colours_share_an_identifier() {
        let ids = ids(&["red", "red 2", "red", "red", "red!"]);
        assert_eq!(ids, ["red", "red-2", "red-3", "red-4", "red-5"]);
    }
}
