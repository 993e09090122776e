//! Draws a palette as a strip, in which the width of each part is the share of its colour. The exports use it. It cannot
//! fail. Derived shades have no share and therefore no part.

use std::fmt::Write;

use crate::Swatch;

const WIDTH: f64 = 1000.0;
const HEIGHT: u32 = 100;

pub(super) fn strip(palette: &[Swatch]) -> String {
    let real = || palette.iter().filter(|swatch| swatch.share > 0.0);
    let total: f64 = real().map(|swatch| swatch.share).sum();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         shape-rendering=\"crispEdges\">\n  <title>Palette</title>\n"
    );
    let mut end = 0.0;
    for swatch in real() {
        // Each part begins where the one before ends, rounded alike, so that there are no gaps.
        let start = thousandths(end);
        end += swatch.share / total * WIDTH;
        let width = thousandths(thousandths(end) - start);
        let (hex, name) = (swatch.hex(), escaped(swatch.name));
        let percent = (swatch.share / total * 1000.0).round() / 10.0;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  <rect x=\"{start}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{hex}\">\
             <title>{name} {hex} {percent} %</title></rect>"
        );
    }
    text.push_str("</svg>\n");
    text
}

fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Text as the content of an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(char::is_control, " ")
}
