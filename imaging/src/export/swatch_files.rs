//! Writes palettes for graphics programs: Adobe Swatch Exchange and GIMP's format. The exports use it. It cannot fail.
//!
//! Adobe has not published its format. This is what its programs and other readers accept: blocks of big-endian numbers,
//! with names in UTF-16 that end with a zero.

use std::fmt::Write;

use crate::Swatch;

/// The name of the palette in the file.
const TITLE: &str = "Huemill";

/// Version 1.0 as two numbers.
const ASE_VERSION: [u16; 2] = [1, 0];

const GROUP_START: u16 = 0xc001;
const GROUP_END: u16 = 0xc002;
const COLOR: u16 = 0x0001;

/// A plain colour. 0 is a global one, 1 a spot colour.
const NORMAL: u16 = 2;

/// A group of colours.
pub(super) fn ase(palette: &[Swatch]) -> Vec<u8> {
    let mut bytes = b"ASEF".to_vec();
    bytes.extend(ASE_VERSION.into_iter().flat_map(u16::to_be_bytes));
    bytes.extend((palette.len() as u32 + 2).to_be_bytes());
    block(&mut bytes, GROUP_START, &text(TITLE));
    for swatch in palette {
        let mut body = text(swatch.name);
        body.extend(b"RGB ");
        for channel in swatch.rgb {
            body.extend((f32::from(channel) / 255.0).to_be_bytes());
        }
        body.extend(NORMAL.to_be_bytes());
        block(&mut bytes, COLOR, &body);
    }
    block(&mut bytes, GROUP_END, &[]);
    bytes
}

fn block(bytes: &mut Vec<u8>, kind: u16, body: &[u8]) {
    bytes.extend(kind.to_be_bytes());
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend(body);
}

/// A text with its length in front, which counts the zero at the end.
fn text(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let length = units.len() as u16;
    std::iter::once(length).chain(units).flat_map(u16::to_be_bytes).collect()
}

/// A line for each colour, whose name goes to the end of the line.
pub(super) fn gpl(palette: &[Swatch]) -> String {
    let mut text = format!("GIMP Palette\nName: {TITLE}\nColumns: {}\n#\n", palette.len());
    for swatch in palette {
        let [r, g, b] = swatch.rgb;
        let name = swatch.name.replace(char::is_control, " ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{r:3} {g:3} {b:3}\t{name}");
    }
    text
}
