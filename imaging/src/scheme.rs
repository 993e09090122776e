//! Makes a light and a dark colour scheme for a page that shows the picture. Exports and the colour summary use it. It
//! cannot fail: every palette has a scheme, and that of an empty palette is grey.
//!
//! The colours keep the hues of the palette. If the contrast of a pair is too low, lightness changes (in Oklch, within sRGB)
//! until it is high enough. So the pairs of every scheme meet WCAG 2.2, level AA.

use ::palette::Oklch;

use crate::contrast::{GRAPHIC_CONTRAST, TEXT_CONTRAST, contrast, needs_dark_text};
use crate::oklch::shown;
use crate::{Roles, Swatch};

/// Steps of the search for a lightness. The error is below one of 256 levels.
const HALVINGS: usize = 9;

/// The colours of one theme, in sRGB.
///
/// Text has a contrast of at least [`TEXT_CONTRAST`] on background and surface, and `on_primary` has it on `primary`.
/// `primary` and `accent` have at least [`GRAPHIC_CONTRAST`] on background and surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemeColors {
    /// The ground of the page.
    pub background: [u8; 3],
    /// The ground of cards and panels.
    pub surface: [u8; 3],
    /// Buttons and links.
    pub primary: [u8; 3],
    /// Text on `primary`.
    pub on_primary: [u8; 3],
    /// Highlights.
    pub accent: [u8; 3],
    /// Text on background and surface.
    pub text: [u8; 3],
}

impl SchemeColors {
    /// All colours by their names, in order.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, [u8; 3]); 6] {
        [
            ("background", self.background),
            ("surface", self.surface),
            ("primary", self.primary),
            ("on_primary", self.on_primary),
            ("accent", self.accent),
            ("text", self.text),
        ]
    }
}

/// A light and a dark theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    /// Dark text on a light ground.
    pub light: SchemeColors,
    /// Light text on a dark ground.
    pub dark: SchemeColors,
}

/// What distinguishes the two themes: lightness and maximum chroma of grounds and text, and where lightness moves to.
struct Tone {
    background: (f32, f32),
    surface: (f32, f32),
    text: (f32, f32),
    /// The lightness with the highest contrast to the ground.
    far: f32,
}

const LIGHT: Tone = Tone { background: (0.985, 0.012), surface: (0.955, 0.02), text: (0.25, 0.04), far: 0.0 };
const DARK: Tone = Tone { background: (0.18, 0.02), surface: (0.235, 0.025), text: (0.94, 0.02), far: 1.0 };

impl Scheme {
    /// Makes the scheme of a palette with its roles.
    #[must_use]
    pub fn of(palette: &[Swatch], roles: &Roles) -> Self {
        let primary = roles.vibrant.as_ref().or(roles.accent.as_ref()).or(roles.dominant.as_ref());
        let accent = roles.accent.as_ref().filter(|accent| Some(*accent) != primary);
        let accent = accent.or_else(|| primary.and_then(|primary| farthest(palette, primary)));
        let neutral = [&roles.muted, &roles.background, &roles.dominant].into_iter().find_map(Option::as_ref);
        let seeds = |ground: &Option<Swatch>, ink: &Option<Swatch>| Seeds {
            ground: seed(ground.as_ref().or(neutral)),
            ink: seed(ink.as_ref().or(neutral)),
            primary: seed(primary),
            accent: seed(accent.or(primary)),
        };
        Self {
            light: theme(&LIGHT, &seeds(&roles.light, &roles.dark)),
            dark: theme(&DARK, &seeds(&roles.dark, &roles.light)),
        }
    }
}

/// The colours that a theme's are made from.
struct Seeds {
    ground: Oklch,
    ink: Oklch,
    primary: Oklch,
    accent: Oklch,
}

/// The colour of a swatch, or grey.
fn seed(swatch: Option<&Swatch>) -> Oklch {
    let [l, c, h] = swatch.map_or([0.5, 0.0, 0.0], |swatch| swatch.oklch);
    Oklch::new(l, c, h)
}

/// The colour of the picture that differs most from `from`. Where there is only one, there is none.
fn farthest<'a>(palette: &'a [Swatch], from: &Swatch) -> Option<&'a Swatch> {
    let place = |swatch: &Swatch| {
        let [l, c, h] = swatch.oklch;
        let (sin, cos) = h.to_radians().sin_cos();
        [l, c * cos, c * sin]
    };
    let at = place(from);
    let distance =
        |swatch: &Swatch| -> f32 { place(swatch).into_iter().zip(at).map(|(a, b)| (a - b) * (a - b)).sum() };
    let others = palette.iter().filter(|swatch| !swatch.derived && swatch.rgb != from.rgb);
    others.max_by(|a, b| distance(a).total_cmp(&distance(b)))
}

fn theme(tone: &Tone, seeds: &Seeds) -> SchemeColors {
    let tinted = |(l, most): (f32, f32), seed: Oklch| Oklch::new(l, seed.chroma.min(most), seed.hue);
    let background = shown(tinted(tone.background, seeds.ground));
    let surface = shown(tinted(tone.surface, seeds.ground));
    let on_grounds = |color: Oklch, least: f64| {
        move_lightness(color, tone.far, |rgb| {
            contrast(rgb, background) >= least && contrast(rgb, surface) >= least
        })
    };
    let primary = on_grounds(seeds.primary, GRAPHIC_CONTRAST);
    let text = on_grounds(tinted(tone.text, seeds.ink), TEXT_CONTRAST);
    SchemeColors {
        background,
        surface,
        primary,
        on_primary: readable(primary, [background, text]),
        accent: on_grounds(seeds.accent, GRAPHIC_CONTRAST),
        text,
    }
}

/// Moves the lightness of `color` towards `far` (0 or 1), as little as necessary, until `holds`. Black or white, at `far`
/// itself, must hold.
fn move_lightness(mut color: Oklch, far: f32, holds: impl Fn([u8; 3]) -> bool) -> [u8; 3] {
    let start = shown(color);
    if holds(start) {
        return start;
    }
    let (mut near, mut far) = (color.l, far);
    let mut found = if far > 0.5 { [255; 3] } else { [0; 3] };
    for _ in 0..HALVINGS {
        color.l = f32::midpoint(near, far);
        let rgb = shown(color);
        if holds(rgb) {
            (found, far) = (rgb, color.l);
        } else {
            near = color.l;
        }
    }
    found
}

/// Returns the more readable of two tints on `ground`. If neither is readable, returns black or white: one of them always is.
fn readable(ground: [u8; 3], tints: [[u8; 3]; 2]) -> [u8; 3] {
    let [one, other] = tints.map(|tint| contrast(ground, tint));
    let tint = if one >= other { tints[0] } else { tints[1] };
    match one.max(other) >= TEXT_CONTRAST {
        true => tint,
        false if needs_dark_text(ground) => [0; 3],
        false => [255; 3],
    }
}
