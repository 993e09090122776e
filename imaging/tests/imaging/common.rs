//! Seeded pictures, which are the same on every machine, and helpers that several tests share.
use huemill_imaging::Raster;

/// A hash of position and seed.
pub(crate) fn hash(x: u32, y: u32, seed: u32) -> u32 {
    let mut h = x
        .wrapping_mul(374_761_393)
        .wrapping_add(y.wrapping_mul(668_265_263))
        .wrapping_add(seed.wrapping_mul(0x85eb_ca77));
    h = (h ^ (h >> 13)).wrapping_mul(1_274_126_177);
    h ^= h >> 16;
    h = h.wrapping_mul(0x7feb_352d);
    h ^ (h >> 15)
}

/// A raster with `color(x, y)` as the pixel at (x, y).
pub(crate) fn raster(width: u32, height: u32, color: impl Fn(u32, u32) -> [u8; 3]) -> Raster {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let data = pixels.flat_map(|(x, y)| color(x, y)).collect();
    Raster::new(width, height, data).expect("the length fits")
}

/// `color` with noise of at most `spread` in each channel.
pub(crate) fn grainy(color: [u8; 3], spread: i32, x: u32, y: u32, seed: u32) -> [u8; 3] {
    let mut channel = 0;
    color.map(|value| {
        channel += 1;
        let noise = (hash(x, y, seed + channel) % (2 * spread as u32 + 1)) as i32 - spread;
        (i32::from(value) + noise).clamp(0, 255) as u8
    })
}

/// The seeded pictures in the palette's golden file.
pub(crate) fn palette_pictures() -> Vec<(&'static str, Raster)> {
    let noise = raster(96, 64, |x, y| [1, 2, 3].map(|seed| hash(x, y, seed) as u8));
    let ramps =
        raster(160, 120, |x, y| [(x * 255 / 159) as u8, (y * 255 / 119) as u8, ((x + y) % 256) as u8]);
    vec![
        ("noise", noise),
        ("ramps", ramps),
        ("clusters", raster(160, 120, |x, y| clusters(x, y, 7))),
        ("clusters-2", raster(120, 160, |x, y| clusters(x, y, 99))),
        ("landscape", raster(240, 160, landscape)),
        ("paper", raster(128, 128, paper)),
    ]
}

/// Tiles of grainy colours, some of which are much more frequent than others.
fn clusters(x: u32, y: u32, seed: u32) -> [u8; 3] {
    let tile = hash(x / 5, y / 5, seed) % 64;
    let kind = (0..8).find(|kind| tile < 64 - (56 >> kind)).unwrap_or(7);
    let center = [11, 12, 13].map(|channel| hash(kind, channel, seed) as u8);
    grainy(center, 22, x, y, seed)
}

/// Sky, hills and a meadow, each shaded from top to bottom.
fn landscape(x: u32, y: u32) -> [u8; 3] {
    let hill = 70 + (x as i32 % 120 - 60).unsigned_abs() / 2;
    let base = match y {
        _ if y < hill => [(90 + y) as u8, (150 + y) as u8, 235 - (y / 4) as u8],
        _ if y < 115 => [70 + (y % 40) as u8, 80, 95 - (y % 30) as u8],
        _ => [60 + (x / 8) as u8, 140 - (y - 115) as u8, 40],
    };
    grainy(base, 14, x, y, 5)
}

/// Grainy ink on white paper.
fn paper(x: u32, y: u32) -> [u8; 3] {
    if hash(x / 16, y / 16, 3).is_multiple_of(3) { clusters(x, y, 21) } else { [255; 3] }
}

/// The seeded pictures in the crop's golden file.
pub(crate) fn crop_pictures() -> Vec<(&'static str, Raster)> {
    let scene = |width, height, face: (u32, u32), box_at: (u32, u32)| {
        raster(width, height, move |x, y| scene(x, y, face, box_at))
    };
    vec![
        ("face-left", scene(600, 256, (110, 120), (520, 60))),
        ("face-right", scene(600, 256, (500, 140), (60, 60))),
        ("face-top", scene(256, 600, (120, 90), (60, 500))),
        ("face-bottom", scene(200, 420, (90, 330), (100, 50))),
        ("square", scene(256, 256, (70, 190), (200, 30))),
        ("no-face", scene(640, 200, (10_000, 10_000), (430, 90))),
    ]
}

/// A dull, grainy wall, a round face and a red box.
fn scene(x: u32, y: u32, face: (u32, u32), box_at: (u32, u32)) -> [u8; 3] {
    let square = |a: u32, b: u32| a.abs_diff(b).pow(2);
    let base = if square(x, face.0) + square(y, face.1) < 45 * 45 {
        [222, 165, 128]
    } else if x.abs_diff(box_at.0) < 22 && y.abs_diff(box_at.1) < 22 {
        [200, 30, 40]
    } else {
        [(100 + x / 12) as u8, (110 + y / 14) as u8, 120]
    };
    grainy(base, 6, x, y, 17)
}

/// Reads all pictures in the folder that `HUEMILL_PHOTOS` names, upright and sorted by file name.
///
/// Prints a note if the variable is missing, because a test that compares fewer pictures should not hide it.
pub(crate) fn photos() -> Vec<(String, Raster)> {
    let Some(folder) = std::env::var_os("HUEMILL_PHOTOS") else {
        println!("HUEMILL_PHOTOS is not set: only seeded pictures are compared, no photographs");
        return Vec::new();
    };
    let entries = std::fs::read_dir(&folder).expect("HUEMILL_PHOTOS is a folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), open(path))).collect()
}

fn open(path: &std::path::Path) -> Raster {
    use image::{DynamicImage, ImageDecoder, ImageReader};
    let reader = ImageReader::open(path).unwrap().with_guessed_format().unwrap();
    let mut decoder = reader.into_decoder().unwrap();
    let orientation = decoder.orientation().unwrap();
    let mut picture = DynamicImage::from_decoder(decoder).unwrap();
    picture.apply_orientation(orientation);
    let picture = picture.into_rgb8();
    Raster::new(picture.width(), picture.height(), picture.into_raw()).unwrap()
}
