//! Seeds for fuzzing the decoder: small valid and hostile pictures of every kind.

use crate::support::pictures::{self, Jpeg};
use crate::support::{containers, hostile};

/// Maximum size of a seed in bytes. Larger inputs slow the fuzzer down.
const MAX_SEED_BYTES: usize = 8192;

/// All seeds, the same each time.
pub fn seeds() -> Vec<Vec<u8>> {
    let sizes = [(1, 24, 18), (2, 1, 1), (3, 9, 40)];
    let valid = sizes.into_iter().flat_map(|(seed, width, height)| pictures::all(seed, width, height));
    let picture = pictures::photo(4, 12, 10);
    let profiles = [
        moxcms::ColorProfile::new_display_p3(),
        moxcms::ColorProfile::new_gray_with_gamma(1.8),
        moxcms::ColorProfile::new_bt2020(),
    ];
    let profiled = profiles.iter().filter_map(|profile| profile.encode().ok());
    let profiled = profiled.map(|profile| Jpeg::default().with(&picture, &containers::exif(5), &profile));
    let bytes =
        valid.map(|sample| sample.bytes).chain(hostile::pictures().into_iter().map(|picture| picture.bytes));
    bytes.chain(profiled).chain([cmyk()]).filter(|bytes| bytes.len() <= MAX_SEED_BYTES).collect()
}

fn cmyk() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.add_icc_profile(&containers::ink_profile()).expect("the profile is short");
    encoder.encode(&[99; 8 * 8 * 4], 8, 8, jpeg_encoder::ColorType::Cmyk).expect("the picture is small");
    bytes
}
