//! Options by the names that requests, stored jobs and fingerprints use. One table for all of them, so that an option has
//! one name, one range and one message. Nothing here knows where the text came from.

use std::str::FromStr;

use crate::{CardFormat, CardKind, CropMethod, Options, Theme};

/// The names of all options.
pub const NAMES: [&str; 11] =
    ["colors", "palette", "aspect", "crop", "focus", "faces", "card", "width", "theme", "format", "quality"];

/// Options that are being read, each of which may be given once.
#[derive(Debug, Clone, Default)]
pub struct OptionFields {
    options: Options,
    format: Option<FormatName>,
    quality: Option<u8>,
    width: Option<u16>,
    theme: Option<Theme>,
    seen: Vec<&'static str>,
}

/// A card's encoding without its quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatName {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
}

/// Why options are not accepted. The text is for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// The value is outside of what the option takes.
    #[error("`{name}` must be {allowed}.")]
    Invalid {
        /// The option.
        name: &'static str,
        /// What it takes.
        allowed: &'static str,
    },
    /// The option was given before.
    #[error("`{0}` was given more than once.")]
    Twice(&'static str),
    /// The option changes nothing beside the others.
    #[error("`{name}` has no effect {beside}.")]
    NoEffect {
        /// The option.
        name: &'static str,
        /// The other option.
        beside: &'static str,
    },
}

impl OptionFields {
    /// Reads one option. A name that is no option is ignored.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), OptionError> {
        let Some(name) = NAMES.into_iter().find(|known| *known == name) else { return Ok(()) };
        if self.seen.contains(&name) {
            return Err(OptionError::Twice(name));
        }
        self.seen.push(name);
        self.read(name, value).ok_or(OptionError::Invalid { name, allowed: allowed(name) })
    }

    /// The names of the options that were read.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.seen
    }

    fn read(&mut self, name: &str, value: &str) -> Option<()> {
        let options = &mut self.options;
        match name {
            "colors" => *options = options.with_colors(whole(value)?)?,
            "palette" => options.palette = parsed(value)?,
            "aspect" => options.aspect = parsed(value)?,
            "crop" => options.crop = parsed(value)?,
            "focus" => options.focus = Some(parsed(value)?),
            "faces" => options.faces = switch(value)?,
            "card" => options.card_kind = parsed(value)?,
            "width" => {
                let width = whole(value)?;
                *options = options.with_card_width(width)?;
                self.width = Some(width);
            }
            "theme" => {
                options.theme = parsed(value)?;
                self.theme = Some(options.theme);
            }
            "format" => self.format = Some(parsed(value)?),
            _ => self.quality = Some(whole(value).filter(|quality| (1..=100).contains(quality))?),
        }
        Some(())
    }

    /// The options. `accepted` is an encoding that goes before the one that was named.
    pub fn finish(self, accepted: Option<FormatName>) -> Result<Options, OptionError> {
        let format = accepted.or(self.format).unwrap_or(FormatName::Png);
        self.refuse_without_effect(format, accepted.is_some())?;
        let card = match format {
            FormatName::Png => CardFormat::Png,
            FormatName::WebP => CardFormat::WebP,
            FormatName::Jpeg => {
                CardFormat::Jpeg { quality: self.quality.unwrap_or(CardFormat::DEFAULT_QUALITY) }
            }
        };
        Ok(self.options.with_card(card))
    }

    fn refuse_without_effect(&self, format: FormatName, is_accepted: bool) -> Result<(), OptionError> {
        let kind = self.options.card_kind;
        let without_jpeg = if is_accepted {
            "on the format that `Accept` asks for; accept image/jpeg instead"
        } else {
            "without `format=jpeg`"
        };
        let rules = [
            ("quality", self.quality.is_some() && format != FormatName::Jpeg, without_jpeg),
            ("width", self.width.is_some() && kind != CardKind::Crop, "without `card=crop`"),
            (
                "theme",
                self.theme.is_some() && kind == CardKind::Crop,
                "with `card=crop`, which has no background",
            ),
            ("theme", self.theme.is_some() && kind == CardKind::None, "with `card=none`"),
            ("format", self.format.is_some() && kind == CardKind::None, "with `card=none`"),
            ("crop", self.seen.contains(&"crop") && self.options.focus.is_some(), "with `focus`"),
            ("faces", self.seen.contains(&"faces") && self.options.focus.is_some(), "with `focus`"),
            (
                "faces",
                self.seen.contains(&"faces") && self.options.crop == CropMethod::Classic,
                "with `crop=classic`",
            ),
        ];
        match rules.into_iter().find(|(_, applies, _)| *applies) {
            Some((name, _, beside)) => Err(OptionError::NoEffect { name, beside }),
            None => Ok(()),
        }
    }
}

impl Options {
    /// The options that are not the default ones, by their names. [`OptionFields`] reads them back.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let default = Self::default();
        let mut fields = Vec::new();
        let mut add = |name, differs, value: &dyn std::fmt::Display| {
            if differs {
                fields.push((name, value.to_string()));
            }
        };
        add("colors", self.colors() != default.colors(), &self.colors());
        add("palette", self.palette != default.palette, &self.palette.name());
        add("aspect", self.aspect != default.aspect, &self.aspect);
        add("crop", self.crop != default.crop, &self.crop.name());
        if let Some(focus) = self.focus {
            add("focus", true, &focus);
        }
        add("faces", !self.faces, &"off");
        add("card", self.card_kind != default.card_kind, &self.card_kind.name());
        add("width", self.card_width() != default.card_width(), &self.card_width());
        add("theme", self.theme != default.theme, &self.theme.name());
        match self.card {
            CardFormat::Png => {}
            CardFormat::WebP => add("format", true, &"webp"),
            CardFormat::Jpeg { quality } => {
                add("format", true, &"jpeg");
                add("quality", true, &quality);
            }
        }
        fields
    }
}

impl FromStr for FormatName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "png" => Ok(Self::Png),
            "jpeg" | "jpg" => Ok(Self::Jpeg),
            "webp" => Ok(Self::WebP),
            _ => Err(()),
        }
    }
}

/// The values that an option takes, in words, such as "on or off".
#[must_use]
pub fn allowed(name: &str) -> &'static str {
    match name {
        "colors" => "a whole number from 2 to 20",
        "palette" => "balanced or classic",
        "aspect" => "two numbers up to 100, separated by a colon, such as 3:2 or 1.91:1",
        "crop" => "subject or classic",
        "focus" => "two numbers from 0 to 1, separated by a comma, such as 0.5,0.3",
        "faces" => "on or off",
        "card" => "palette, og, square, portrait, story, crop or none",
        "width" => "a whole number from 16 to 2048",
        "theme" => "light, dark or auto",
        "format" => "png, jpeg or webp",
        _ => "a whole number from 1 to 100",
    }
}

fn parsed<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

/// A whole number in digits alone.
fn whole<T: FromStr>(value: &str) -> Option<T> {
    value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten()
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Aspect, Focus, PaletteMethod};

    fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Options, OptionError> {
        let mut parsed = OptionFields::default();
        fields.into_iter().try_for_each(|(name, value)| parsed.set(name, value))?;
        parsed.finish(None)
    }

    #[test]
    fn an_error_names_the_option_and_what_it_takes() {
        for name in NAMES {
            let message = read([(name, "x")]).unwrap_err().to_string();
            assert!(message.starts_with(&format!("`{name}` must be ")), "{message}");
        }
        assert_eq!(read([("colors", "5"), ("colors", "5")]), Err(OptionError::Twice("colors")));
        assert_eq!(read([("other", "x")]), Ok(Options::default()));
    }

    #[test]
    fn what_has_no_effect_is_refused() {
        for (fields, name) in [
            (&[("quality", "70")][..], "quality"),
            (&[("quality", "70"), ("format", "webp")], "quality"),
            (&[("width", "300")], "width"),
            (&[("theme", "dark"), ("card", "crop")], "theme"),
            (&[("theme", "dark"), ("card", "none")], "theme"),
            (&[("format", "webp"), ("card", "none")], "format"),
            (&[("crop", "classic"), ("focus", "0,0")], "crop"),
            (&[("faces", "off"), ("focus", "0,0")], "faces"),
            (&[("faces", "off"), ("crop", "classic")], "faces"),
        ] {
            let error = read(fields.iter().copied()).unwrap_err();
            assert!(
                matches!(error, OptionError::NoEffect { name: found, .. } if found == name),
                "{fields:?}: {error}"
            );
        }
    }

    fn options() -> impl Strategy<Value = Options> {
        let palette = prop::sample::select(PaletteMethod::ALL.to_vec());
        let kind = prop::sample::select(CardKind::ALL.to_vec());
        let theme = prop::sample::select(Theme::ALL.to_vec());
        let place = prop_oneof![
            Just((CropMethod::Subject, None, true)),
            Just((CropMethod::Subject, None, false)),
            Just((CropMethod::Classic, None, true)),
            (0.0..=1.0, 0.0..=1.0).prop_map(|(x, y)| (CropMethod::Subject, Focus::new(x, y), true)),
        ];
        let card = prop_oneof![
            Just(CardFormat::Png),
            Just(CardFormat::WebP),
            (1_u8..=100).prop_map(|quality| CardFormat::Jpeg { quality })
        ];
        (2_u8..=20, palette, (1_u32..=100, 1_u32..=100), place, kind, 16_u16..=2048, theme, card).prop_map(
            |(colors, palette, (across, down), (crop, focus, faces), kind, width, theme, card)| {
                let options = Options::default().with_palette(palette).with_crop(crop);
                let mut options = options.with_colors(colors).unwrap().with_card_kind(kind);
                (options.focus, options.faces) = (focus, faces);
                options.aspect = Aspect::new(across, down).unwrap();
                if kind == CardKind::Crop {
                    options = options.with_card_width(width).unwrap();
                } else if kind != CardKind::None {
                    options.theme = theme;
                }
                if kind == CardKind::None { options } else { options.with_card(card) }
            },
        )
    }

    proptest! {
        #[test]
        fn options_survive_a_round_trip(options in options()) {
            let fields = options.fields();
            let pairs = fields.iter().map(|(name, value)| (*name, value.as_str()));
            prop_assert_eq!(read(pairs), Ok(options));
        }

        #[test]
        fn no_text_causes_a_panic(name in prop::sample::select(NAMES.to_vec()), value in "\\PC{0,12}") {
            let _ = read([(name, value.as_str())]);
        }
    }
}
