//! How much each cell differs from the colours at the picture's border. A subject is rarely cut by the border, so what
//! the border shows is background (Wei et al., "Geodesic saliency using background priors", 2012). It cannot fail.

use super::cells::Cells;
use crate::oklch::oklab;

/// How many colours stand for the border.
const COLOURS: usize = 8;

/// Width of the border as a part of the picture's short side.
const WIDTH: f32 = 0.04;

/// Hue and chroma count for more than lightness, which differs within one thing by light and shade.
const CHROMA: f32 = 2.0;

/// Rounds of k-means after the colours are chosen.
const ROUNDS: usize = 2;

/// A colour in Oklab with its chroma stretched.
type Place = [f32; 3];

/// The distance of each cell to the nearest colour of the border.
pub(super) fn distances(cells: &Cells) -> Vec<f32> {
    let places: Vec<_> = cells.colours.iter().map(|&colour| place(colour)).collect();
    let colours = border_colours(&ring(cells, &places));
    places.iter().map(|&place| nearest(place, &colours).1.sqrt()).collect()
}

fn place(colour: [u8; 3]) -> Place {
    let lab = oklab(colour);
    [lab.l, CHROMA * lab.a, CHROMA * lab.b]
}

/// The cells along the border.
fn ring(cells: &Cells, places: &[Place]) -> Vec<Place> {
    let (columns, rows) = (cells.detail.columns, cells.detail.rows);
    let width = ((columns.min(rows) as f32 * WIDTH).round() as usize).max(1);
    let is_near = |at: usize, length: usize| at < width || at + width >= length;
    let indexed = places.iter().enumerate();
    indexed
        .filter(|(index, _)| is_near(index % columns, columns) || is_near(index / columns, rows))
        .map(|(_, &place)| place)
        .collect()
}

/// The colours that stand for those of the border: each the one that is farthest from those before, then moved to the
/// mean of what is nearest to it.
fn border_colours(ring: &[Place]) -> Vec<Place> {
    let mut colours = vec![mean(ring)];
    let mut distances = vec![f32::MAX; ring.len()];
    while colours.len() < COLOURS {
        let last = colours[colours.len() - 1];
        distances.iter_mut().zip(ring).for_each(|(least, &place)| *least = least.min(distance(place, last)));
        let farthest = distances.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        colours.extend(farthest.map(|(index, _)| ring[index]));
    }
    for _ in 0..ROUNDS {
        let mut members = vec![Vec::new(); colours.len()];
        for &place in ring {
            members[nearest(place, &colours).0].push(place);
        }
        for (colour, members) in colours.iter_mut().zip(&members) {
            if !members.is_empty() {
                *colour = mean(members);
            }
        }
    }
    colours
}

fn mean(places: &[Place]) -> Place {
    let sum = places.iter().fold([0.0; 3], |sum: Place, place| [0, 1, 2].map(|axis| sum[axis] + place[axis]));
    sum.map(|sum| sum / places.len().max(1) as f32)
}

fn distance(a: Place, b: Place) -> f32 {
    [0, 1, 2].map(|axis| (a[axis] - b[axis]) * (a[axis] - b[axis])).iter().sum()
}

/// Number and squared distance of the nearest colour.
fn nearest(place: Place, colours: &[Place]) -> (usize, f32) {
    let distances = colours.iter().map(|&colour| distance(place, colour)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default()
}
