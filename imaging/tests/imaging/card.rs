//! Tests the card from outside: its layout pixel by pixel, its formats, and that its files contain nothing but pixels.

use crate::bench_pictures;
use huemill_imaging::{
    Card, CardFormat, CardKind, Engine, Layout, Limits, Options, Outcome, Raster, Rect, Theme, Unmonitored,
    probe,
};
use image::{Rgb, RgbImage};

const WHITE: Rgb<u8> = Rgb([255; 3]);

fn process(bytes: &[u8], options: &Options) -> Outcome {
    let probe = probe(bytes, &Limits::default()).unwrap();
    Engine::new().unwrap().process(bytes, &probe, options, &Unmonitored).unwrap()
}

fn card(outcome: &Outcome) -> RgbImage {
    image::load_from_memory(&outcome.card.as_ref().unwrap().bytes).unwrap().to_rgb8()
}

/// A picture whose red encodes the column and whose green encodes the row. No pixel is white.
fn position_map(width: u32, height: u32) -> RgbImage {
    let scaled = |at: u32, side: u32| (f64::from(at) * 200.0 / f64::from(side)) as u8;
    RgbImage::from_fn(width, height, |x, y| Rgb([scaled(x, width), scaled(y, height), 60]))
}

/// Start and end of each run of coloured pixels in row `y`.
fn runs(card: &RgbImage, y: u32) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for x in (0..card.width()).filter(|x| *card.get_pixel(*x, y) != WHITE) {
        match runs.last_mut() {
            Some((_, end)) if *end == x => *end += 1,
            _ => runs.push((x, x + 1)),
        }
    }
    runs
}

#[test]
fn a_card_has_a_white_border_a_picture_and_a_row_of_swatches() {
    let card = card(&process(&bench_pictures::png(&position_map(300, 200)), &Options::default()));
    assert_eq!(card.dimensions(), (1096, 736));
    for (x, y, pixel) in card.enumerate_pixels() {
        let in_picture = (8..1088).contains(&x) && (8..542).contains(&y);
        let beside_swatches = !((8..1088).contains(&x) && (550..728).contains(&y));
        if in_picture {
            assert_ne!(*pixel, WHITE, "{x}, {y} should be part of the picture");
        } else if beside_swatches {
            assert_eq!(*pixel, WHITE, "{x}, {y} should be part of the border or a gap");
        }
    }
}

#[test]
fn swatches_fill_the_width_for_every_number_of_colours() {
    let source = bench_pictures::png(&position_map(300, 200));
    for colors in Options::COLORS {
        let outcome = process(&source, &Options::default().with_colors(colors).unwrap());
        assert_eq!(outcome.palette.len(), usize::from(colors));
        let card = card(&outcome);
        let runs = runs(&card, 550);
        assert_eq!(runs.len(), usize::from(colors), "{runs:?}");
        assert_eq!((runs[0].0, runs[runs.len() - 1].1), (8, 1088), "{runs:?}");
        assert!(runs.windows(2).all(|pair| pair[0].1 + 8 == pair[1].0), "{runs:?}");
        let widths = || runs.iter().map(|(start, end)| end - start);
        assert!(widths().max().unwrap() - widths().min().unwrap() <= 1, "{runs:?}");
        for ((start, end), swatch) in runs.iter().zip(&outcome.palette) {
            for (x, y) in [(*start, 550), (end - 1, 550), (*start, 727), (end - 1, 727)] {
                assert_eq!(card.get_pixel(x, y).0, swatch.rgb, "{x}, {y}");
            }
        }
    }
}

#[test]
fn the_card_shows_the_part_of_the_picture_that_it_names() {
    for (width, height, aspect) in
        [(3000, 2000, "3:2"), (700, 1400, "1:1"), (2400, 400, "1:2"), (120, 90, "16:9")]
    {
        let options = Options::default().with_aspect(aspect.parse().unwrap());
        let outcome = process(&bench_pictures::png(&position_map(width, height)), &options);
        let crop = outcome.card_crop.unwrap();
        let card = card(&outcome);
        let scale = (f64::from(crop.width) / 1080.0).min(f64::from(crop.height) / 534.0);
        // The source position of a pixel of the card's picture, in the scale of the map.
        let expected = |x: u32, y: u32| {
            let across =
                f64::from(crop.x) + f64::from(crop.width) / 2.0 + (f64::from(x) + 0.5 - 540.0) * scale;
            let down =
                f64::from(crop.y) + f64::from(crop.height) / 2.0 + (f64::from(y) + 0.5 - 267.0) * scale;
            (across * 200.0 / f64::from(width), down * 200.0 / f64::from(height))
        };
        for (x, y) in [(20, 20), (540, 267), (1060, 20), (20, 514), (1060, 514)] {
            let found = card.get_pixel(8 + x, 8 + y).0;
            let (red, green) = expected(x, y);
            let near = |found: u8, expected: f64| (f64::from(found) - expected).abs() < 2.5;
            assert!(
                near(found[0], red) && near(found[1], green),
                "{aspect} {x}, {y}: {found:?} instead of {red} {green}"
            );
        }
    }
}

#[test]
fn every_kind_shows_the_picture_and_the_swatches_where_its_layout_says() {
    let source = bench_pictures::png(&position_map(900, 700));
    for kind in CardKind::ALL {
        let options = Options::default().with_card_kind(kind).with_theme(Theme::Dark);
        let outcome = process(&source, &options);
        let Some(layout) = Layout::of(&options) else {
            assert!(outcome.card.is_none() && outcome.card_crop.is_none());
            continue;
        };
        let card = card(&outcome);
        assert_eq!(card.dimensions(), layout.size, "{kind:?}");
        let inside = |rect: Rect, x: u32, y: u32| {
            (rect.x..rect.x + rect.width).contains(&x) && (rect.y..rect.y + rect.height).contains(&y)
        };
        let spans: Vec<_> = layout.spans(10).collect();
        for (x, y, pixel) in card.enumerate_pixels() {
            if inside(layout.picture, x, y) {
                assert!(pixel.0[2].abs_diff(60) < 4, "{kind:?} {x}, {y} should be part of the picture");
            } else {
                let swatch = spans.iter().position(|span| inside(layout.swatches, x, y) && span.contains(&x));
                let expected = swatch.map_or([18; 3], |swatch| outcome.palette[swatch].rgb);
                assert_eq!(pixel.0, expected, "{kind:?} {x}, {y}");
            }
        }
    }
}

#[test]
fn the_part_that_the_card_shows_is_reported_in_upright_pixels() {
    for orientation in [1, 3, 6] {
        let source = bench_pictures::oriented_jpeg(&bench_pictures::photo(900, 600, 2), orientation);
        for kind in [CardKind::Palette, CardKind::Og, CardKind::Story, CardKind::Crop] {
            let options = Options::default().with_card_kind(kind);
            let outcome = process(&source, &options);
            let (shown, crop) = (outcome.card_crop.unwrap(), outcome.crop);
            let picture = Layout::of(&options).unwrap().picture;
            let shape = f64::from(shown.width) / f64::from(shown.height);
            let expected = f64::from(picture.width) / f64::from(picture.height);
            assert!((shape / expected - 1.0).abs() < 0.01, "{kind:?} {orientation}: {shown:?}");
            assert!(shown.x + shown.width <= outcome.source.width, "{kind:?} {orientation}: {shown:?}");
            assert!(shown.y + shown.height <= outcome.source.height, "{kind:?} {orientation}: {shown:?}");
            if kind == CardKind::Crop {
                let Rect { x, y, width, height } = shown;
                assert_eq!((x, y, width, height), (crop.x, crop.y, crop.width, crop.height));
            }
        }
    }
}

#[test]
fn auto_gives_a_dark_picture_a_dark_ground() {
    let corner = |rgb, theme| {
        let source = bench_pictures::png(&RgbImage::from_pixel(60, 40, Rgb(rgb)));
        card(&process(&source, &Options::default().with_theme(theme))).get_pixel(0, 0).0
    };
    assert_eq!(corner([20, 20, 60], Theme::Auto), corner([200; 3], Theme::Dark));
    assert_eq!(corner([220, 220, 160], Theme::Auto), corner([20; 3], Theme::Light));
    assert_eq!(corner([20; 3], Theme::Light), WHITE.0);
}

/// Black and white pixels in turn reflect half of the light, which is 188 in sRGB.
#[test]
fn a_fine_checkerboard_keeps_its_light() {
    let board = |x: u32, y: u32| Rgb([if (x + y).is_multiple_of(2) { 255 } else { 0 }; 3]);
    let source = bench_pictures::png(&RgbImage::from_fn(3000, 2000, board));
    for kind in [CardKind::Palette, CardKind::Og, CardKind::Crop] {
        let options = Options::default().with_card_kind(kind);
        let card = card(&process(&source, &options));
        let Rect { x, y, width, height } = Layout::of(&options).unwrap().picture;
        let picture = image::imageops::crop_imm(&card, x, y, width, height).to_image().into_raw();
        let sum: u64 = picture.iter().map(|sample| u64::from(*sample)).sum();
        let mean = sum as f64 / picture.len() as f64;
        assert!((mean - 188.0).abs() < 2.0, "{kind:?}: the mean is {mean}");
    }
}

/// Halved chroma would mix the colours of two swatches over eight pixels on each side of their edge.
#[test]
fn a_jpeg_keeps_the_edges_of_swatches() {
    let (red, blue) = ([200, 30, 40], [30, 60, 200]);
    let pixels = (0..64 * 64).flat_map(|at| if at % 64 < 33 { red } else { blue }).collect();
    let raster = Raster::new(64, 64, pixels).unwrap();
    let card = Card::encode(&raster, CardFormat::Jpeg { quality: CardFormat::DEFAULT_QUALITY }).unwrap();
    let decoded = image::load_from_memory(&card.bytes).unwrap().to_rgb8();
    for (x, _, pixel) in decoded.enumerate_pixels() {
        let expected = if x < 33 { red } else { blue };
        let apart = pixel.0.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(apart < 24, "column {x} is {pixel:?}");
    }
}

#[test]
fn every_format_gives_the_same_card() {
    let source = bench_pictures::jpeg(600, 500, 3);
    let format = |card| process(&source, &Options::default().with_card(card));
    let png = format(CardFormat::Png);
    let webp = format(CardFormat::WebP);
    let jpeg = format(CardFormat::Jpeg { quality: 95 });
    assert_eq!(image::guess_format(&png.card.as_ref().unwrap().bytes).unwrap(), image::ImageFormat::Png);
    assert_eq!(image::guess_format(&webp.card.as_ref().unwrap().bytes).unwrap(), image::ImageFormat::WebP);
    assert_eq!(image::guess_format(&jpeg.card.as_ref().unwrap().bytes).unwrap(), image::ImageFormat::Jpeg);
    assert!(card(&png) == card(&webp), "PNG and WebP are both lossless");
    let (png, jpeg) = (card(&png), card(&jpeg));
    assert_eq!(jpeg.dimensions(), (1096, 736));
    let distance: u64 = png.iter().zip(jpeg.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(distance / (png.len() as u64) < 4, "a high-quality JPEG is close to the PNG");
}

#[test]
fn a_lower_quality_makes_a_smaller_jpeg() {
    let source = bench_pictures::jpeg(600, 500, 3);
    let size = |quality| {
        let card = CardFormat::Jpeg { quality };
        process(&source, &Options::default().with_card(card)).card.unwrap().bytes.len()
    };
    assert!(size(1) < size(50) && size(50) < size(85) && size(85) < size(100));
}

#[test]
fn a_card_contains_nothing_but_pixels() {
    let source = bench_pictures::oriented_jpeg(&bench_pictures::photo(300, 200, 4), 6);
    let bytes = |card| process(&source, &Options::default().with_card(card)).card.unwrap().bytes;

    let png = bytes(CardFormat::Png);
    let mut chunks = Vec::new();
    let mut at = 8;
    while at < png.len() {
        chunks.push(String::from_utf8_lossy(&png[at + 4..at + 8]).into_owned());
        at += 12 + u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
    }
    chunks.dedup();
    assert_eq!(chunks, ["IHDR", "IDAT", "IEND"]);

    let webp = bytes(CardFormat::WebP);
    assert_eq!(&webp[12..16], b"VP8L");
    let length = u32::from_le_bytes(webp[16..20].try_into().unwrap()) as usize;
    assert_eq!(webp.len(), 20 + length.next_multiple_of(2), "there is only one chunk");

    let jpeg = bytes(CardFormat::Jpeg { quality: 85 });
    let mut at = 2;
    while jpeg[at + 1] != 0xda {
        let marker = jpeg[at + 1];
        let application = (0xe1..=0xef).contains(&marker) || marker == 0xfe;
        assert!(!application, "unexpected segment {marker:02x}");
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
}
