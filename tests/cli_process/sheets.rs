//! `--sheet`: contact sheets of all pictures.

use std::fs;

use image::GenericImageView;
use serde_json::{Value, json};

use crate::workspace::{BLUE, RED, Workspace};

#[test]
fn a_sheet_shows_the_pictures_that_were_processed() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, RED);
    fs::write(workspace.path().join("bad.png"), "text").unwrap();
    workspace.picture("c.png", BLUE, BLUE);
    let run = workspace.run(&["--json", "--sheet", "sheet.png", "a.png", "bad.png", "c.png"]);
    assert_eq!((run.code, run.err.lines().count()), (Some(1), 1), "{run:?}");
    let places: Vec<Value> = run.json().iter().map(|answer| answer["sheet"].clone()).collect();
    let place = |number: u32| json!({"path": "sheet.png", "number": number});
    assert_eq!(places, [place(1), Value::Null, place(2)]);
    let sheet = image::open(workspace.path().join("sheet.png")).unwrap();
    let (width, height) = sheet.dimensions();
    assert!(width > 700 && width < 900 && height < 500, "two tiles in a row: {width} x {height}");
    // The middle of each picture, and the palette below it.
    let color = |x: u32, y: u32| <[u8; 3]>::try_from(&sheet.get_pixel(x, y).0[..3]).unwrap();
    assert_eq!((color(width / 4, 160), color(width * 3 / 4, 160)), (RED, BLUE));
    assert_eq!((color(20, 330), color(width / 2 + 20, 330)), (RED, BLUE));
}

#[test]
fn the_extension_decides_the_format() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    for (name, format) in [
        ("s.png", image::ImageFormat::Png),
        ("s.jpg", image::ImageFormat::Jpeg),
        ("new/s.webp", image::ImageFormat::WebP),
    ] {
        let run = workspace.run(&["--sheet", name, "a.png"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.out.ends_with(&format!("  sheet {name} number 1\n")), "{}", run.out);
        let bytes = fs::read(workspace.path().join(name)).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), format);
    }
    let run = workspace.run(&["--sheet", "s.tiff", "a.png"]);
    assert!(run.code == Some(2) && run.err.contains(".png, .jpg or .webp"), "{run:?}");
}

#[test]
fn more_pictures_than_fit_on_a_sheet_go_on_further_ones() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let run = workspace.run(&[&["--json", "--sheet", "s.webp"][..], &["a.png"; 31]].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.json()[30]["sheet"], json!({"path": "s-2.webp", "number": 31}));
    let size = |name: &str| image::open(workspace.path().join(name)).unwrap().dimensions();
    assert!(size("s.webp").0 > 4 * size("s-2.webp").0);
    assert!(!workspace.path().join("s-3.webp").exists());
}

#[test]
fn a_sheet_that_cannot_be_written_is_an_error() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let run = workspace.run(&["--sheet", "a.png/sheet.png", "a.png"]);
    assert!(
        run.code == Some(1) && run.err.starts_with("huemill: cannot write to a.png/sheet.png: "),
        "{run:?}"
    );
    assert!(run.out.starts_with("a.png  60 x 40 png\n"), "{run:?}");
}
