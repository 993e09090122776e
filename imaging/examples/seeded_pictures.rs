//! Writes the seeded pictures of the golden tests as PNG files. The reference programs read them to make the golden
//! files.
//!
//! `cargo run -p huemill-imaging --example seeded_pictures -- FOLDER` creates `FOLDER/palette` and `FOLDER/crop`.

use std::error::Error;
use std::path::PathBuf;

#[path = "../tests/imaging/common.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::print_stdout, reason = "the golden tests use the rest")]
mod common;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("missing argument: the folder to write to")?);
    for (kind, pictures) in [("palette", common::palette_pictures()), ("crop", common::crop_pictures())] {
        let folder = folder.join(kind);
        std::fs::create_dir_all(&folder)?;
        for (name, raster) in pictures {
            let path = folder.join(name).with_extension("png");
            image::save_buffer(path, raster.data(), raster.width(), raster.height(), image::ColorType::Rgb8)?;
        }
    }
    Ok(())
}
