//! Compares what is decoded with what the libraries of others decode: libjpeg-turbo, libtiff, libwebp and Pillow. A tool
//! writes seeded variants of all formats. Each must come out right, or be refused by the name of what is not supported.
//! `HUEMILL_REFERENCES` is their number, `HUEMILL_REFERENCES_SEED` chooses others.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use huemill_imaging::{Decoder, Error, Limits, Raster, Unmonitored, probe};
use palette::color_difference::Ciede2000;
use palette::{FromColor, Lab, Srgb};
use servers::Tool;

#[path = "../../store/tests/support/servers.rs"]
mod servers;

/// Variants in a short run.
const COUNT: u32 = 2000;

/// The mean difference (CIEDE2000) that two decoders may have, since they interpolate colour differently.
const TOLERANCE: f64 = 1.0;

/// A file and how another decoder reads it.
#[derive(serde::Deserialize)]
struct Variant {
    file: PathBuf,
    number: u32,
    width: u32,
    height: u32,
    what: String,
}

#[test]
fn pictures_come_out_as_other_decoders_read_them() {
    servers::require!(ReferenceDecoders);
    let number = |name| std::env::var(name).ok().and_then(|value: String| value.parse().ok());
    let (count, seed) =
        (number("HUEMILL_REFERENCES").unwrap_or(COUNT), number("HUEMILL_REFERENCES_SEED").unwrap_or(1));
    let folder = tempfile::tempdir().unwrap();
    write_variants(folder.path(), count, seed);
    let listed = std::fs::read_to_string(folder.path().join("list.jsonl")).unwrap();
    let variants: Vec<Variant> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(variants.len() as u32 > count * 9 / 10, "other decoders read {} of {count} only", variants.len());

    let mut decoder = Decoder::new().unwrap();
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for variant in &variants {
        match judge(&mut decoder, folder.path(), variant) {
            Ok(()) => {}
            Err(Verdict::Refused) => refused += 1,
            Err(Verdict::Wrong(why)) => {
                wrong.push(format!("{} ({}): {why}", variant.file.display(), variant.what));
            }
        }
    }
    assert!(wrong.is_empty(), "seed {seed}: {} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused < count / 5, "{refused} of {count} variants are not supported");
}

/// What may be wrong with a variant.
enum Verdict {
    /// It is not supported, and the error says so.
    Refused,
    Wrong(String),
}

fn judge(decoder: &mut Decoder, folder: &Path, variant: &Variant) -> Result<(), Verdict> {
    let bytes = std::fs::read(folder.join(&variant.file)).unwrap();
    let reference = std::fs::read(folder.join(format!("{}.rgba", variant.number))).unwrap();
    let refused = |error| match error {
        Error::Unsupported(_) => Verdict::Refused,
        error => Verdict::Wrong(format!("{error}")),
    };
    let probe = probe(&bytes, &Limits::default()).map_err(refused)?;
    let raster = decoder.decode(&bytes, &probe, 1.0, &Unmonitored).map_err(refused)?;
    if (raster.width(), raster.height()) != (variant.width, variant.height) {
        return Err(Verdict::Wrong(format!("{} × {} pixels", raster.width(), raster.height())));
    }
    let difference = difference(&raster, reference.as_chunks().0);
    if difference < TOLERANCE {
        return Ok(());
    }
    Err(Verdict::Wrong(format!("differs by {difference:.1} on average")))
}

/// The mean difference of two pictures on white.
fn difference(raster: &Raster, reference: &[[u8; 4]]) -> f64 {
    let mut sum = 0.0;
    for (index, (&rgb, &[r, g, b, opacity])) in raster.pixels().iter().zip(reference).enumerate() {
        let own_opacity = raster.opacity().map_or(255, |opacity| opacity[index]);
        let (own, other) = (on_white(rgb, own_opacity), on_white([r, g, b], opacity));
        if own != other {
            sum += f64::from(lab(own).difference(lab(other)));
        }
    }
    sum / reference.len() as f64
}

fn on_white(rgb: [u8; 3], opacity: u8) -> [u8; 3] {
    rgb.map(|sample| {
        let (sample, opacity) = (u32::from(sample), u32::from(opacity));
        ((sample * opacity + 255 * (255 - opacity) + 127) / 255) as u8
    })
}

fn lab(rgb: [u8; 3]) -> Lab {
    Lab::from_color(Srgb::from(rgb).into_linear::<f32>())
}

fn write_variants(folder: &Path, count: u32, seed: u32) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/references/write.py");
    let python = Tool::ReferenceDecoders.path().join("python/bin/python");
    let arguments = [program, folder.to_owned(), count.to_string().into(), seed.to_string().into()];
    // What the other decoders cannot read either is told on standard error, and is not this test's business.
    let done = Command::new(python).args(arguments).env("PYTHONWARNINGS", "ignore").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
