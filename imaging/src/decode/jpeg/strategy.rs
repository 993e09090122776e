//! The table of JPEG variants: which of the two decoders gets a picture, at which size, or by which name it is refused.
//! The decoder asks before it starts. The table holds what each decoder was seen to decode as libjpeg-turbo does, over
//! all sampling factors, orders of scans and sizes (`tests/imaging/jpeg_variants.rs`).
//!
//! | variant | decoder |
//! |---|---|
//! | full size: grey; YCbCr with luma and chroma as in [`is_ordinary`], progressive or all in one scan | zune-jpeg |
//! | full size: all others; 1/2, 1/4, 1/8: all where [`keeps_detail`] | jpeg-decoder |
//! | factors of which one is no multiple of the other | refused, as by libjpeg-turbo |
//! | factors of 4 and 2 in one direction, with scans of one component whose blocks jpeg-decoder miscounts | refused |
//! | progressive, with quantisation tables between scans | refused |
//! | 12 bits, lossless, arithmetic, hierarchical, 2 or more than 4 components, no height | refused by the probe |

use crate::{
    Error,
    probe::jpeg::{ColorEncoding, Header},
};

/// Minimum number of pixels for decoding at 1/2. Below it, the smaller raster does not pay for the slower decoder.
const MIN_PIXELS_FOR_HALF: u64 = 3_000_000;

/// Which decoder to use, and at how many eighths of the full width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strategy {
    pub(super) use_zune: bool,
    pub(super) eighths: u32,
}

impl Strategy {
    /// Picks the smallest size that is worth it, and the decoder for it.
    pub(super) fn new(header: &Header, smallest_scale: f64) -> Self {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let worth = |eighths: u32| eighths < 4 || header.progressive || pixels >= MIN_PIXELS_FOR_HALF;
        let covers = |eighths: u32| f64::from(eighths) / 8.0 >= smallest_scale;
        // jpeg-decoder picks its scale by one side only. From 8 pixels on, no two scales give the same side.
        let scalable = header.width.min(header.height) >= 8 && keeps_detail(header);
        let eighths = [1, 2, 4].into_iter().find(|&e| scalable && covers(e) && worth(e)).unwrap_or(8);
        Self { use_zune: eighths == 8 && suits_zune(header), eighths }
    }

    pub(super) fn size(self, header: &Header) -> (u32, u32) {
        let side = |side: u32| (side * self.eighths).div_ceil(8);
        (side(header.width), side(header.height))
    }
}

/// Refuses the variants that neither decoder decodes right.
pub(in crate::decode) fn check(header: &Header) -> Result<(), Error> {
    let (h_max, v_max) = header.max_factors();
    let is_whole = |&(h, v): &(u8, u8)| h_max % u64::from(h) == 0 && v_max % u64::from(v) == 0;
    if !header.factors().iter().all(is_whole) {
        return Err(Error::Unsupported("JPEG with fractional sampling"));
    }
    if header.progressive && header.requantised {
        // Which table counts depends on the decoder.
        return Err(Error::Unsupported("progressive JPEG that changes its quantisation"));
    }
    if !header.components_alone().all(|index| is_counted_right(header, index)) {
        return Err(Error::Unsupported("JPEG with sampling factors of 2 and 4 and separate scans"));
    }
    Ok(())
}

/// Whether jpeg-decoder reads as many blocks as there are from a scan of this component alone. It reads those of
/// interleaved scans, less those that begin beyond the picture.
fn is_counted_right(header: &Header, index: usize) -> bool {
    let (padded, alone) = (header.padded_blocks(index), header.blocks_alone(index));
    let read = |padded: u64, side: u32| padded.min(u64::from(side).div_ceil(8));
    (read(padded.0, header.width), read(padded.1, header.height)) == alone
}

/// Whether zune-jpeg decodes the picture at full size. Baseline pictures in several scans come out in wrong colours.
fn suits_zune(header: &Header) -> bool {
    match header.color {
        ColorEncoding::Grey => true,
        ColorEncoding::YCbCr => is_ordinary(header.factors()) && (header.progressive || header.interleaved),
        ColorEncoding::Rgb | ColorEncoding::Cmyk | ColorEncoding::Ycck => false,
    }
}

/// Whether luma is the finest, both chroma components are alike, and either no factor is above 2, or chroma has a factor
/// of 1 in both directions. The others are an error in zune-jpeg, or have wrong colours.
fn is_ordinary(factors: &[(u8, u8)]) -> bool {
    let &[luma, chroma, other] = factors else { return false };
    let is_small = luma.0.max(luma.1) <= 2 && chroma.0 <= luma.0 && chroma.1 <= luma.1;
    chroma == other && (is_small || chroma == (1, 1) && luma.0 != 3)
}

/// Whether no component is too coarse to be reduced. jpeg-decoder reduces all components alike and enlarges the coarser
/// ones then, so that little would be left of chroma below a half, and of the others below the full resolution.
fn keeps_detail(header: &Header) -> bool {
    let (h_max, v_max) = header.max_factors();
    header.factors().iter().enumerate().all(|(index, &(h, v))| {
        let is_chroma = header.color == ColorEncoding::YCbCr && index > 0;
        let times = if is_chroma { 2 } else { 1 };
        u64::from(h) * times >= h_max && u64::from(v) * times >= v_max
    })
}
