//! Writes palettes as JSON: with the members that responses have, or as design tokens. The exports use it. It cannot fail.
//! Members are in the order of the palette.
//!
//! Tokens follow the Design Tokens Format Module 2025.10 and its Color Module. There is a group of colours, one of roles,
//! and one for each theme. A role is an alias of its colour.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::entries::{Entries, hex};
use crate::{Roles, Scheme, SchemeColors, Swatch};

/// An object whose members keep their order.
struct Object<V>(Vec<(String, V)>);

impl<V: Serialize> Serialize for Object<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Plain<'a> {
    colors: Vec<&'a Swatch>,
    roles: Object<Option<String>>,
    scheme: Themes<Object<String>>,
}

#[derive(Serialize)]
struct Themes<T> {
    light: T,
    dark: T,
}

pub(super) fn plain(entries: &Entries<'_>, roles: &Roles, scheme: &Scheme) -> Vec<u8> {
    let theme =
        |theme: &SchemeColors| Object(members(theme.by_name(), |name, rgb| (name.to_owned(), hex(rgb))));
    write(&Plain {
        colors: entries.iter().map(|(_, swatch)| swatch).collect(),
        roles: Object(members(roles.by_name(), |name, swatch| (name.to_owned(), swatch.map(Swatch::hex)))),
        scheme: Themes { light: theme(&scheme.light), dark: theme(&scheme.dark) },
    })
}

#[derive(Serialize)]
struct Tokens {
    color: Group<Token>,
    role: Group<Alias>,
    scheme: Themes<Group<Token>>,
}

/// A group whose tokens are colours.
struct Group<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Group<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len() + 1))?;
        map.serialize_entry("$type", "color")?;
        for (name, token) in &self.0 {
            map.serialize_entry(name, token)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Token {
    #[serde(rename = "$value")]
    value: TokenColor,
    #[serde(rename = "$description", skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
}

#[derive(Serialize)]
struct TokenColor {
    #[serde(rename = "colorSpace")]
    color_space: &'static str,
    components: [f64; 3],
    hex: String,
}

#[derive(Serialize)]
struct Alias {
    #[serde(rename = "$value")]
    value: String,
}

impl Token {
    fn new(rgb: [u8; 3], description: Option<&'static str>) -> Self {
        let components = rgb.map(|channel| rounded(f64::from(channel) / 255.0));
        Self { value: TokenColor { color_space: "srgb", components, hex: hex(rgb) }, description }
    }
}

pub(super) fn tokens(entries: &Entries<'_>, roles: &Roles, scheme: &Scheme) -> Vec<u8> {
    let color = |(id, swatch): (&str, &Swatch)| (id.to_owned(), Token::new(swatch.rgb, Some(swatch.name)));
    // A token needs a value: a role without a colour has none.
    let role = |(role, swatch): (&str, Option<&Swatch>)| {
        let id = entries.id_of(swatch?)?;
        Some((role.to_owned(), Alias { value: format!("{{color.{id}}}") }))
    };
    let theme = |theme: &SchemeColors| {
        Group(members(theme.by_name(), |name, rgb| (name.replace('_', "-"), Token::new(rgb, None))))
    };
    write(&Tokens {
        color: Group(entries.iter().map(color).collect()),
        role: Group(roles.by_name().into_iter().filter_map(role).collect()),
        scheme: Themes { light: theme(&scheme.light), dark: theme(&scheme.dark) },
    })
}

fn members<T, V, const N: usize>(
    named: [(&'static str, T); N],
    member: impl Fn(&str, T) -> (String, V),
) -> Vec<(String, V)> {
    named.into_iter().map(|(name, value)| member(name, value)).collect()
}

/// Four decimals: finer than a level of sRGB, and short.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn write(value: &impl Serialize) -> Vec<u8> {
    // Writing to memory cannot fail, nor can text, numbers and objects with keys of text.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
