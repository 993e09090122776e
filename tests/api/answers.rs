//! What every answer must contain, whatever the picture: a palette, a crop and a card.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::DynamicImage;
use serde_json::Value;

/// A small picture in this format that looks like a photograph and is always the same.
pub fn photo(format: &str) -> Vec<u8> {
    let format = image::ImageFormat::from_extension(format).unwrap();
    let picture = image::RgbImage::from_fn(300, 200, |x, y| {
        let noise =
            (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) >> 28;
        let inside = (f64::from(x) - 200.0).hypot(f64::from(y) - 80.0) < 45.0;
        if inside {
            image::Rgb([220 + noise as u8, 170, 140])
        } else {
            image::Rgb([(x / 2) as u8 + noise as u8, (y / 2) as u8 + 40, (x + y) as u8 / 3 + 60])
        }
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Checks that the answer is complete: colours, shares, a crop inside the source, and a card that can be decoded.
#[track_caller]
pub fn assert_complete_answer(body: &Value, colors: usize) {
    assert_eq!(body["success"], true, "{body}");
    assert_complete_result(body, colors);
}

/// Checks that one result, as of a picture in a ZIP, is complete.
#[track_caller]
pub fn assert_complete_result(body: &Value, colors: usize) {
    let palette = body["palette"].as_array().unwrap();
    let described = body["colors"].as_array().unwrap();
    assert_eq!((palette.len(), described.len()), (colors, colors));
    for (rgb, color) in palette.iter().zip(described) {
        assert_eq!(rgb, &color["rgb"]);
        let [r, g, b] = [0, 1, 2].map(|i| rgb[i].as_u64().unwrap());
        assert_eq!(color["hex"], format!("#{r:02x}{g:02x}{b:02x}"));
        assert!(matches!(color["text"].as_str(), Some("#000000" | "#ffffff")), "{color}");
        assert!(color["name"].as_str().is_some_and(|name| !name.is_empty()), "{color}");
        assert!(color["oklch"]["l"].as_f64().is_some_and(|l| (0.0..=1.0).contains(&l)), "{color}");
    }
    let shares: Vec<f64> = described.iter().map(|color| color["share"].as_f64().unwrap()).collect();
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{shares:?}");
    assert!(shares.windows(2).all(|pair| pair[0] >= pair[1]), "{shares:?}");
    let side = |member: &str, name: &str| body[member][name].as_u64().unwrap();
    assert!(side("crop", "x") + side("crop", "width") <= side("source", "width"), "{}", body["crop"]);
    assert!(side("crop", "y") + side("crop", "height") <= side("source", "height"), "{}", body["crop"]);
    let card = card(body);
    assert_eq!((card.width(), card.height()), (1096, 736));
}

/// Decodes the card of an answer.
pub fn card(body: &Value) -> DynamicImage {
    let (kind, text) = body["social_image"].as_str().unwrap().split_once(";base64,").unwrap();
    let format = image::ImageFormat::from_mime_type(kind.strip_prefix("data:").unwrap()).unwrap();
    image::load_from_memory_with_format(&STANDARD.decode(text).unwrap(), format).unwrap()
}
