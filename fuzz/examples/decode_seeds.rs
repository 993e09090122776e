//! Writes the seed corpus of the fuzz target `decode`: small valid and hostile pictures of every kind.

#[path = "../../imaging/tests/support/mod.rs"]
mod support;

use std::path::Path;

use support::{
    containers, hostile,
    pictures::{self, Jpeg},
};

/// Maximum size of a seed in bytes. Larger inputs slow the fuzzer down.
const MAX_SEED_BYTES: usize = 8192;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/decode");
    std::fs::create_dir_all(&folder)?;
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
    let mut cmyk = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut cmyk, 90);
    encoder.add_icc_profile(&containers::ink_profile()).map_err(std::io::Error::other)?;
    encoder.encode(&[99; 8 * 8 * 4], 8, 8, jpeg_encoder::ColorType::Cmyk).map_err(std::io::Error::other)?;
    let bytes =
        valid.map(|sample| sample.bytes).chain(hostile::pictures().into_iter().map(|picture| picture.bytes));
    for (index, bytes) in bytes.chain(profiled).chain([cmyk]).enumerate() {
        if bytes.len() <= MAX_SEED_BYTES {
            std::fs::write(folder.join(format!("seed-{index:03}")), bytes)?;
        }
    }
    Ok(())
}
