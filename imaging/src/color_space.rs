//! What a picture says about the colours of its samples: an ICC profile, the colour chunks of PNG, or EXIF. The decoders
//! read it here and give it to the [`ColorConversion`](crate::profile::ColorConversion). It cannot fail: what is invalid
//! or unknown is passed over, and the next source counts. A picture that says nothing is sRGB.

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, MatrixCoefficients, ToneReprCurve,
    TransferCharacteristics, XyY,
};

use crate::probe::png::{FIRST_CHUNK, chunk_at};

/// One source of colour.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ColorSpace<'a> {
    Srgb,
    /// The bytes of an ICC profile, which may be unusable.
    Icc(&'a [u8]),
    Cicp(Cicp),
    Calibrated(Calibration),
    /// Adobe RGB (1998), as the DCF option of EXIF names it.
    AdobeRgb,
}

/// Code points of ITU-T H.273 for RGB samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cicp {
    primaries: CicpColorPrimaries,
    transfer: TransferCharacteristics,
    /// Where black and white lie in narrow-range samples, as shares of the largest sample.
    range: Option<(f64, f64)>,
}

/// The `gAMA` and `cHRM` chunks of PNG, each of which may be missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Calibration {
    /// The power that turns samples into light. `None` is the curve of sRGB.
    exponent: Option<f32>,
    /// Chromaticities (x, y) of white, red, green and blue. `None` are those of sRGB.
    chromaticities: Option<[[f64; 2]; 4]>,
}

/// Number of entries in a tone curve that is computed here.
const CURVE_ENTRIES: u32 = 4096;

/// Luminance of the white of text and paper in HDR pictures, in cd/m² (ITU-R BT.2408).
const HDR_WHITE: f64 = 203.0;
/// Luminance in cd/m² that becomes the white of sRGB: the peak that most HDR pictures are graded for.
const HDR_PEAK: f64 = 1000.0;
/// Luminance of the largest sample of PQ in cd/m² (SMPTE ST 2084).
const PQ_PEAK: f64 = 10_000.0;

/// The chromaticities of sRGB: white, red, green, blue.
const SRGB_CHROMATICITIES: [[f64; 2]; 4] = [[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]];

/// How far a chromaticity may be from that of sRGB to count as the same. Some writers round to three digits.
const SAME_CHROMATICITY: f64 = 0.0015;

/// How far the `gAMA` of PNG may be from 1/2.2 to count as the curve of sRGB. The PNG specification (third edition,
/// 11.3.2.4) has writers of sRGB state that value.
const SAME_GAMMA: u32 = 500;
const SRGB_GAMMA: u32 = 45_455;

impl<'a> ColorSpace<'a> {
    /// The sources of a picture that can have a profile and EXIF, in the order in which they count.
    pub(crate) fn tagged(profile: Option<&'a [u8]>, adobe_rgb: bool) -> impl Iterator<Item = Self> {
        profile.map(Self::Icc).into_iter().chain(adobe_rgb.then_some(Self::AdobeRgb))
    }

    /// The sources of a PNG in the order in which they count (third edition, 4.3), and EXIF behind them. `profile` is the
    /// inflated profile.
    pub(crate) fn of_png(
        bytes: &[u8],
        depth: u8,
        profile: Option<&'a [u8]>,
        adobe_rgb: bool,
    ) -> impl Iterator<Item = Self> {
        let chunks = ColorChunks::read(bytes);
        let cicp = chunks.cicp.and_then(|data| Cicp::new(data, depth)).map(Self::Cicp);
        let calibrated = Calibration::new(chunks.gamma, chunks.chromaticities).map(Self::Calibrated);
        let sources = [
            cicp,
            profile.map(Self::Icc),
            chunks.srgb.then_some(Self::Srgb),
            calibrated,
            adobe_rgb.then_some(Self::AdobeRgb),
        ];
        sources.into_iter().flatten()
    }

    /// Whether the samples are sRGB as they are, so that no profile has to be built to find out.
    pub(crate) fn is_srgb(&self) -> bool {
        match self {
            Self::Srgb => true,
            Self::Cicp(cicp) => {
                cicp.range.is_none()
                    && cicp.primaries == CicpColorPrimaries::Bt709
                    && cicp.transfer == TransferCharacteristics::Srgb
            }
            Self::Calibrated(calibration) => *calibration == Calibration::SRGB,
            Self::Icc(_) | Self::AdobeRgb => false,
        }
    }

    /// A profile of RGB samples. Not for ICC profiles, which are read elsewhere.
    pub(crate) fn rgb_profile(&self) -> Option<ColorProfile> {
        match self {
            Self::Icc(_) => None,
            Self::Srgb => Some(ColorProfile::new_srgb()),
            Self::AdobeRgb => Some(ColorProfile::new_adobe_rgb()),
            Self::Cicp(cicp) => cicp.profile(),
            Self::Calibrated(calibration) => Some(calibration.profile()),
        }
    }
}

/// The chunks of a PNG that describe its colours. Of each kind, the first before the pixels counts.
#[derive(Default)]
struct ColorChunks {
    cicp: Option<[u8; 4]>,
    gamma: Option<u32>,
    chromaticities: Option<[u32; 8]>,
    srgb: bool,
}

impl ColorChunks {
    fn read(bytes: &[u8]) -> Self {
        let (mut found, mut at) = (Self::default(), FIRST_CHUNK);
        while let Some(chunk) = chunk_at(bytes, at).filter(|chunk| chunk.name != *b"IDAT") {
            let numbers = || chunk.data.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes));
            match &chunk.name {
                b"cICP" if found.cicp.is_none() => found.cicp = chunk.data.try_into().ok(),
                b"gAMA" if found.gamma.is_none() => found.gamma = numbers().next(),
                b"cHRM" if found.chromaticities.is_none() && chunk.data.len() == 32 => {
                    let mut values = [0; 8];
                    values.iter_mut().zip(numbers()).for_each(|(value, number)| *value = number);
                    found.chromaticities = Some(values);
                }
                b"sRGB" => found.srgb = true,
                _ => {}
            }
            at = chunk.end;
        }
        found
    }
}

impl Cicp {
    /// Reads the four code points of the `cICP` chunk. `None` for what PNG does not allow and for values without a meaning.
    fn new([primaries, transfer, matrix, range]: [u8; 4], depth: u8) -> Option<Self> {
        let largest = f64::from((1_u32 << depth) - 1);
        // ITU-T H.273, equations 20 to 22: 16 and 235 of 8 bits.
        let unit = f64::from(1_u32 << depth) / 256.0 / largest;
        let range = match (matrix, range) {
            (0, 1) => None,
            (0, 0) => Some((16.0 * unit, 235.0 * unit)),
            _ => return None,
        };
        let cicp = Self { primaries: primaries.try_into().ok()?, transfer: transfer.try_into().ok()?, range };
        cicp.profile().is_some().then_some(cicp)
    }

    fn profile(&self) -> Option<ColorProfile> {
        let mut profile = ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: self.primaries,
            transfer_characteristics: self.transfer,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        });
        // Without a curve, the primaries or the transfer function have no meaning.
        profile.red_trc.as_ref()?;
        if self.range.is_some() || self.peak().is_some() {
            set_curve(&mut profile, computed_curve(|sample| self.light(sample)));
        }
        Some(profile)
    }

    /// Luminance of the largest sample of an HDR picture.
    fn peak(&self) -> Option<f64> {
        match self.transfer {
            TransferCharacteristics::Smpte2084 => Some(PQ_PEAK),
            TransferCharacteristics::Hlg => Some(HDR_PEAK),
            _ => None,
        }
    }

    /// The light of a sample, both from 0 to 1.
    fn light(&self, sample: f64) -> f64 {
        let (black, white) = self.range.unwrap_or((0.0, 1.0));
        let light = self.transfer.linearize(((sample - black) / (white - black)).clamp(0.0, 1.0));
        match self.peak() {
            Some(peak) => reduce_range(light * peak / HDR_WHITE),
            None => light,
        }
    }
}

/// Reduces the light of an HDR picture, in multiples of the white of text, to that of sRGB, where [`HDR_PEAK`] becomes 1.
/// E. Reinhard et al., "Photographic Tone Reproduction for Digital Images" (2002), equation 4.
fn reduce_range(light: f64) -> f64 {
    let peak = HDR_PEAK / HDR_WHITE;
    (light * (1.0 + light / (peak * peak)) / (1.0 + light)).min(1.0)
}

impl Calibration {
    const SRGB: Self = Self { exponent: None, chromaticities: None };

    /// Reads the values of the chunks, in 1/100,000. `None` where both are missing or invalid.
    fn new(gamma: Option<u32>, chromaticities: Option<[u32; 8]>) -> Option<Self> {
        let gamma = gamma.filter(|gamma| *gamma > 0);
        let chromaticities = chromaticities.and_then(plausible_chromaticities);
        if gamma.is_none() && chromaticities.is_none() {
            return None;
        }
        let far = |gamma: &u32| gamma.abs_diff(SRGB_GAMMA) > SAME_GAMMA;
        let same =
            |a: &[f64; 2], b: &[f64; 2]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME_CHROMATICITY);
        let is_srgb =
            |points: &[[f64; 2]; 4]| points.iter().zip(&SRGB_CHROMATICITIES).all(|(a, b)| same(a, b));
        Some(Self {
            exponent: gamma.filter(far).map(|gamma| (100_000.0 / f64::from(gamma)) as f32),
            chromaticities: chromaticities.filter(|points| !is_srgb(points)),
        })
    }

    fn profile(&self) -> ColorProfile {
        let mut profile = ColorProfile::new_srgb();
        if let Some([white, red, green, blue]) = self.chromaticities {
            let point = |[x, y]: [f64; 2]| XyY::new(x, y, 1.0);
            let [red, green, blue] = [red, green, blue].map(|corner| point(corner).to_xyzd());
            profile.update_rgb_colorimetry_triplet(point(white), red, green, blue);
        }
        if let Some(exponent) = self.exponent {
            set_curve(&mut profile, ToneReprCurve::Parametric(vec![exponent]));
        }
        profile
    }
}

/// The chromaticities as numbers, if they span a triangle around white. Others give no colours.
fn plausible_chromaticities(values: [u32; 8]) -> Option<[[f64; 2]; 4]> {
    let numbers = values.map(|value| f64::from(value) / 100_000.0);
    let points: [[f64; 2]; 4] = [0, 2, 4, 6].map(|at| [numbers[at], numbers[at + 1]]);
    let [white, red, green, blue] = points;
    let side =
        |a: [f64; 2], b: [f64; 2], c: [f64; 2]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    let whole = side(red, green, blue);
    let parts = [side(white, green, blue), side(red, white, blue), side(red, green, white)];
    let is_color = |[_, y]: &[f64; 2]| *y > 0.0;
    let is_around_white = whole.abs() > 1e-3 && parts.iter().all(|part| part / whole > 1e-3);
    (is_around_white && points.iter().all(is_color)).then_some(points)
}

fn set_curve(profile: &mut ColorProfile, curve: ToneReprCurve) {
    // The code points would count before the curves.
    profile.cicp = None;
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
}

/// A curve of the values that a function from 0–1 to 0–1 takes.
fn computed_curve(value: impl Fn(f64) -> f64) -> ToneReprCurve {
    let entry = |index| value(f64::from(index) / f64::from(CURVE_ENTRIES - 1)).clamp(0.0, 1.0);
    ToneReprCurve::Lut((0..CURVE_ENTRIES).map(|index| (entry(index) * 65_535.0).round() as u16).collect())
}
