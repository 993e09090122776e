//! The summary of one picture as JSON: the members that HTTP answers, the command line and job results share. It
//! borrows from an [`Outcome`]. The card is not part of it, since the caller decides whether to send it inline, as
//! a link or as a file.

use huemill_imaging::{ColorSummary, Crop, Outcome, Rect, SchemeColors, Source, Swatch};
use serde::{Serialize, Serializer};

/// The members of one picture.
#[derive(Debug, Serialize)]
pub struct PictureSummary {
    palette: Vec<[u8; 3]>,
    colors: Vec<Swatch>,
    roles: Members<Option<Swatch>, 8>,
    scheme: SchemeMember,
    average: String,
    is_dark: bool,
    placeholder: String,
    crop: CropMember,
    card_crop: Option<RectMember>,
    subject: RectMember,
    faces: Vec<RectMember>,
    source: SourceMember,
}

/// Members with the same type, in the order in which they are documented.
#[derive(Debug)]
struct Members<T, const N: usize>([(&'static str, T); N]);

impl<T: Serialize, const N: usize> Serialize for Members<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(Debug, Serialize)]
struct SchemeMember {
    light: Members<String, 6>,
    dark: Members<String, 6>,
}

#[derive(Debug, Serialize)]
struct CropMember {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    score: f64,
}

#[derive(Debug, Serialize)]
struct RectMember {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize)]
struct SourceMember {
    format: &'static str,
    width: u32,
    height: u32,
    orientation: u8,
}

impl From<&Outcome> for PictureSummary {
    fn from(outcome: &Outcome) -> Self {
        let ColorSummary { roles, scheme, average, is_dark, placeholder } = &outcome.summary;
        Self {
            palette: outcome.palette.iter().map(|swatch| swatch.rgb).collect(),
            colors: outcome.palette.clone(),
            roles: Members(roles.by_name().map(|(name, swatch)| (name, swatch.cloned()))),
            scheme: SchemeMember { light: hex_colors(&scheme.light), dark: hex_colors(&scheme.dark) },
            average: hex(*average),
            is_dark: *is_dark,
            placeholder: placeholder.clone(),
            crop: CropMember::from(&outcome.crop),
            card_crop: outcome.card_crop.map(RectMember::from),
            subject: outcome.subject.into(),
            faces: outcome.faces.iter().copied().map(RectMember::from).collect(),
            source: SourceMember::from(&outcome.source),
        }
    }
}

impl From<&Crop> for CropMember {
    fn from(crop: &Crop) -> Self {
        Self { x: crop.x, y: crop.y, width: crop.width, height: crop.height, score: crop.score }
    }
}

impl From<Rect> for RectMember {
    fn from(Rect { x, y, width, height }: Rect) -> Self {
        Self { x, y, width, height }
    }
}

impl From<&Source> for SourceMember {
    fn from(source: &Source) -> Self {
        Self {
            format: source.format,
            width: source.width,
            height: source.height,
            orientation: source.orientation,
        }
    }
}

fn hex_colors(colors: &SchemeColors) -> Members<String, 6> {
    Members(colors.by_name().map(|(name, rgb)| (name, hex(rgb))))
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}
