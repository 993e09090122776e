//! Assigns roles to the colours of a palette: which one dominates, which is vivid, which pair serves as background and text.
//! Exports and the colour summary use it. It cannot fail: a role that no colour suits is empty.
//!
//! Only colours of the picture have roles; derived shades have none. A colour may have several roles. Lightness and chroma
//! are those of Oklch.

use crate::Swatch;
use crate::contrast::{TEXT_CONTRAST, contrast};

/// Below this chroma a colour is grey rather than muted.
const COLORLESS: f32 = 0.015;

/// From this chroma on a colour is no longer muted.
const MUTED_END: f32 = 0.08;

/// From this chroma on a colour is vibrant: terracotta has 0.11, a rose 0.09.
const VIBRANT_START: f32 = 0.10;

/// The lightness at which a colour looks most vivid. Darker and lighter ones of the same chroma are less so.
const VIVID_LIGHTNESS: f32 = 0.65;

/// The lightness below which a colour is dark, and above which it is light.
const DARK_END: f32 = 0.40;
const LIGHT_START: f32 = 0.78;

/// Minimum distance of an accent from the dominant colour, in the plane of chroma and hue.
const ACCENT_DISTANCE: f32 = 0.07;

/// Contrast of text beyond which more is no advantage (WCAG's level AAA asks for 7).
const AMPLE_CONTRAST: f64 = 10.0;

/// The colours of a palette by their use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Roles {
    /// The most frequent colour.
    pub dominant: Option<Swatch>,
    /// The most vivid colour, large areas preferred.
    pub vibrant: Option<Swatch>,
    /// The most frequent colour of low chroma that is not grey.
    pub muted: Option<Swatch>,
    /// A dark colour.
    pub dark: Option<Swatch>,
    /// A light colour.
    pub light: Option<Swatch>,
    /// A vivid colour unlike the dominant one, small areas preferred.
    pub accent: Option<Swatch>,
    /// A colour for large areas. Either both this and [`Roles::text`] are set, or neither.
    pub background: Option<Swatch>,
    /// A colour for text on [`Roles::background`]: the contrast is at least [`TEXT_CONTRAST`].
    pub text: Option<Swatch>,
}

impl Roles {
    /// Assigns the roles of a palette.
    #[must_use]
    pub fn of(palette: &[Swatch]) -> Self {
        let real: Vec<_> = palette.iter().filter(|swatch| !swatch.derived).collect();
        let dominant = best(&real, |swatch| Some(swatch.share as f32));
        let vibrant = best(&real, vibrant_score);
        let others: Vec<_> = real.iter().copied().filter(|swatch| Some(*swatch) != vibrant).collect();
        let accent = dominant.and_then(|dominant| {
            let score = |swatch: &Swatch| accent_score(swatch, dominant);
            best(&others, score).or_else(|| best(&real, score))
        });
        let (background, text) = ground(&real).unzip();
        Self {
            dominant: dominant.cloned(),
            vibrant: vibrant.cloned(),
            muted: best(&real, muted_score).cloned(),
            dark: best(&real, |swatch| shade_score(swatch, DARK_END - swatch.oklch[0])).cloned(),
            light: best(&real, |swatch| shade_score(swatch, swatch.oklch[0] - LIGHT_START)).cloned(),
            accent: accent.cloned(),
            background: background.cloned(),
            text: text.cloned(),
        }
    }

    /// All roles by their names, in order.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, Option<&Swatch>); 8] {
        [
            ("dominant", self.dominant.as_ref()),
            ("vibrant", self.vibrant.as_ref()),
            ("muted", self.muted.as_ref()),
            ("dark", self.dark.as_ref()),
            ("light", self.light.as_ref()),
            ("accent", self.accent.as_ref()),
            ("background", self.background.as_ref()),
            ("text", self.text.as_ref()),
        ]
    }
}

/// The swatch with the highest score. Of equal ones the first wins. Those without a score do not count.
fn best<'a>(swatches: &[&'a Swatch], score: impl Fn(&Swatch) -> Option<f32>) -> Option<&'a Swatch> {
    let scored = swatches.iter().filter_map(|swatch| Some((*swatch, score(swatch)?)));
    scored.reduce(|a, b| if b.1 > a.1 { b } else { a }).map(|(swatch, _)| swatch)
}

fn vibrant_score(swatch: &Swatch) -> Option<f32> {
    // A hundred times the area is worth twice the chroma.
    (swatch.oklch[1] >= VIBRANT_START).then(|| vividness(swatch) * (swatch.share as f32).powf(0.15))
}

fn vividness(swatch: &Swatch) -> f32 {
    let [l, c, _] = swatch.oklch;
    c * (1.0 - (l - VIVID_LIGHTNESS).abs())
}

fn muted_score(swatch: &Swatch) -> Option<f32> {
    let [l, c, _] = swatch.oklch;
    let is_muted = (COLORLESS..MUTED_END).contains(&c) && (DARK_END..0.9).contains(&l);
    is_muted.then_some(swatch.share as f32)
}

/// The score of a dark or a light colour, which is beyond its limit by `excess`.
fn shade_score(swatch: &Swatch, excess: f32) -> Option<f32> {
    (excess > 0.0).then(|| (0.1 + excess) * (swatch.share as f32).sqrt())
}

fn accent_score(swatch: &Swatch, dominant: &Swatch) -> Option<f32> {
    let distance = hue_distance(swatch.oklch, dominant.oklch);
    let stands_out = swatch.oklch[1] >= MUTED_END && distance >= ACCENT_DISTANCE;
    stands_out.then(|| distance * vividness(swatch) * (1.0 - swatch.share as f32))
}

/// The distance of two colours in the plane of chroma and hue.
fn hue_distance([_, c1, h1]: [f32; 3], [_, c2, h2]: [f32; 3]) -> f32 {
    let turn = (h1 - h2).to_radians().cos();
    (c1 * c1 + c2 * c2 - 2.0 * c1 * c2 * turn).max(0.0).sqrt()
}

/// Chooses background and text: a large, calm area that is light or dark, and the colour with the best contrast on it.
fn ground<'a>(swatches: &[&'a Swatch]) -> Option<(&'a Swatch, &'a Swatch)> {
    let pairs = swatches.iter().flat_map(|background| swatches.iter().map(move |text| (*background, *text)));
    let scored = pairs.filter_map(|(background, text)| {
        let contrast = contrast(background.rgb, text.rgb);
        let score = ground_score(background) * f64::from(calm(text)) * contrast.min(AMPLE_CONTRAST);
        (contrast >= TEXT_CONTRAST).then_some((background, text, score))
    });
    let (background, text, _) = scored.reduce(|a, b| if b.2 > a.2 { b } else { a })?;
    Some((background, text))
}

fn ground_score(swatch: &Swatch) -> f64 {
    let extreme = 0.1 + (swatch.oklch[0] - 0.6).abs();
    swatch.share.sqrt() * f64::from(extreme * calm(swatch))
}

/// 1 for a grey, and less for colours that attract the eye.
fn calm(swatch: &Swatch) -> f32 {
    1.0 - 3.0 * swatch.oklch[1].min(0.25)
}
