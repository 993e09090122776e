//! Writes palettes as style sheets: CSS, SCSS and a Tailwind theme. The exports use it. It cannot fail.
//!
//! Properties begin with `--color-`, `--role-` or `--scheme-`, so that their names cannot collide. The dark scheme applies if
//! the reader prefers dark pages.

use std::fmt::Write;

use super::entries::{Entries, hex};
use crate::{Roles, Scheme, SchemeColors};

pub(super) fn css(entries: &Entries<'_>, roles: &Roles, scheme: &Scheme) -> String {
    let mut text = String::from(":root {\n");
    for (id, swatch) in entries.iter() {
        line(&mut text, &format!("  --color-{id}: {};", swatch.hex()));
    }
    for (role, swatch) in roles.by_name() {
        if let Some(id) = swatch.and_then(|swatch| entries.id_of(swatch)) {
            line(&mut text, &format!("  --role-{role}: var(--color-{id});"));
        }
    }
    scheme_properties(&mut text, "  ", &scheme.light);
    text.push_str("}\n\n");
    dark_scheme(&mut text, scheme);
    text
}

/// Tailwind generates utilities (`bg-dusty-rose`) from theme variables. These cannot depend on the reader's preference, so
/// the ones of the scheme refer to properties that do.
pub(super) fn tailwind(entries: &Entries<'_>, scheme: &Scheme) -> String {
    let mut text = String::from("@theme {\n");
    for (id, swatch) in entries.iter() {
        line(&mut text, &format!("  --color-{id}: {};", swatch.hex()));
    }
    text.push_str("}\n\n@theme inline {\n");
    for (name, _) in scheme.light.by_name() {
        let name = hyphenated(name);
        line(&mut text, &format!("  --color-scheme-{name}: var(--scheme-{name});"));
    }
    text.push_str("}\n\n:root {\n");
    scheme_properties(&mut text, "  ", &scheme.light);
    text.push_str("}\n\n");
    dark_scheme(&mut text, scheme);
    text
}

pub(super) fn scss(entries: &Entries<'_>, roles: &Roles, scheme: &Scheme) -> String {
    let mut text = String::new();
    for (id, swatch) in entries.iter() {
        line(&mut text, &format!("$color-{id}: {};", swatch.hex()));
    }
    // Keys in quotes: without them, Sass reads names such as `red` as colours.
    let colors = entries.iter().map(|(id, _)| (id.to_owned(), format!("$color-{id}")));
    map(&mut text, "palette", colors);
    let role = |(role, swatch): (&str, Option<_>)| {
        let id = swatch.and_then(|swatch| entries.id_of(swatch));
        (role.to_owned(), id.map_or_else(|| "null".to_owned(), |id| format!("$color-{id}")))
    };
    map(&mut text, "roles", roles.by_name().into_iter().map(role));
    for (name, theme) in [("scheme-light", &scheme.light), ("scheme-dark", &scheme.dark)] {
        map(&mut text, name, theme.by_name().into_iter().map(|(name, rgb)| (hyphenated(name), hex(rgb))));
    }
    text
}

fn dark_scheme(text: &mut String, scheme: &Scheme) {
    text.push_str("@media (prefers-color-scheme: dark) {\n  :root {\n");
    scheme_properties(text, "    ", &scheme.dark);
    text.push_str("  }\n}\n");
}

fn scheme_properties(text: &mut String, indent: &str, theme: &SchemeColors) {
    for (name, rgb) in theme.by_name() {
        line(text, &format!("{indent}--scheme-{}: {};", hyphenated(name), hex(rgb)));
    }
}

/// A map of Sass.
fn map(text: &mut String, name: &str, members: impl Iterator<Item = (String, String)>) {
    line(text, &format!("\n${name}: ("));
    for (key, value) in members {
        line(text, &format!("  \"{key}\": {value},"));
    }
    line(text, ");");
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

fn hyphenated(name: &str) -> String {
    name.replace('_', "-")
}
