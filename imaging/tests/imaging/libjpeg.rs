//! Runs libjpeg-turbo's tools, reads what they decode, and compares it. Panics where a tool is missing: tests begin with
//! `require!`.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::thread;

use huemill_imaging::Raster;
use palette::color_difference::Ciede2000;
use palette::{IntoColor, Lab, Srgb};

/// Runs a tool on its standard input, without a thread of its own: another test counts the threads. `None` where it
/// fails.
pub(crate) fn pipe(tool: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let name = format!("huemill-{}-{:?}", std::process::id(), thread::current().id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, input).unwrap();
    let file = File::open(&path);
    fs::remove_file(&path).unwrap();
    let mut command = Command::new(tool);
    let output = command.args(arguments).stdin(file.unwrap()).stderr(Stdio::null()).output().unwrap();
    output.status.success().then_some(output.stdout)
}

/// The pixels of a portable pixmap or greymap, as RGB.
pub(crate) fn pixels(pnm: &[u8]) -> Vec<u8> {
    let mut fields = pnm.splitn(4, u8::is_ascii_whitespace);
    let (kind, data) = (fields.next().unwrap(), fields.nth(2).unwrap());
    // The largest value is the last field of the header.
    let data = &data[data.iter().position(u8::is_ascii_whitespace).unwrap() + 1..];
    if kind == b"P6" { data.to_vec() } else { data.iter().flat_map(|&grey| [grey; 3]).collect() }
}

/// The mean difference of two pictures, and that of the pixel which differs most, in ΔE2000.
pub(crate) fn differences(raster: &Raster, expected: &[u8]) -> (f64, f64) {
    assert_eq!(raster.data().len(), expected.len());
    let lab = |pixel: &[u8; 3]| -> Lab { Srgb::from(*pixel).into_format::<f32>().into_color() };
    let pairs = raster.data().as_chunks::<3>().0.iter().zip(expected.as_chunks::<3>().0);
    let differences = pairs.map(|(a, b)| if a == b { 0.0 } else { f64::from(lab(a).difference(lab(b))) });
    let (sum, worst) = differences.fold((0.0, 0.0), |(sum, worst), one| (sum + one, f64::max(worst, one)));
    (sum / (expected.len() / 3) as f64, worst)
}
