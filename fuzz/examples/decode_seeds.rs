//! Writes small pictures of every kind, good and hostile, where `cargo fuzz run decode` looks for its first inputs.

#[path = "../../imaging/tests/support/mod.rs"]
mod support;

use std::path::Path;

use support::{
    containers, hostile,
    pictures::{self, Jpeg},
};

/// Longer inputs slow the search down.
const LONGEST: usize = 8192;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/decode");
    std::fs::create_dir_all(&folder)?;
    let good = [(1, 24, 18), (2, 1, 1), (3, 9, 40)];
    let good = good.into_iter().flat_map(|(seed, width, height)| pictures::all(seed, width, height));
    let picture = pictures::photo(4, 12, 10);
    let profiles = [
        moxcms::ColorProfile::new_display_p3(),
        moxcms::ColorProfile::new_gray_with_gamma(1.8),
        moxcms::ColorProfile::new_bt2020(),
    ];
    let profiled = profiles.iter().filter_map(|profile| profile.encode().ok());
    let profiled = profiled.map(|profile| Jpeg::default().with(&picture, &containers::exif(5), &profile));
    let mut inked = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut inked, 90);
    encoder.add_icc_profile(&containers::ink_profile()).map_err(std::io::Error::other)?;
    encoder.encode(&[99; 8 * 8 * 4], 8, 8, jpeg_encoder::ColorType::Cmyk).map_err(std::io::Error::other)?;
    let bytes =
        good.map(|sample| sample.bytes).chain(hostile::pictures().into_iter().map(|picture| picture.bytes));
    for (index, bytes) in bytes.chain(profiled).chain([inked]).enumerate() {
        if bytes.len() <= LONGEST {
            std::fs::write(folder.join(format!("seed-{index:03}")), bytes)?;
        }
    }
    Ok(())
}
