//! Chooses the colours of a palette: they cover large areas and small vivid accents, no two look alike, and each is there.
//! It cannot fail.
//!
//! The heaviest colour comes first, and each next one is that which lies farthest from all before, by squared distance and
//! weight (after k-means++, Arthur and Vassilvitskii 2007, but without chance). Rounds of k-means follow. Colours that look
//! alike are merged, and others are found in their place. All this happens on a small copy of the picture: there, what
//! compression and resizing do to single pixels has no say. The colours themselves, and their shares, are those of the
//! pixels of the picture.

use ::palette::color_difference::Ciede2000;
use ::palette::{FromColor, Lab, Srgb};

use super::histogram::{Bin, ColorCount};
use super::points::{Place, Points};

/// The exponent of a point's weight where the next colour is sought. Lower than 1, so that rare colours are found.
const SEEK_EXPONENT: f32 = 0.6;

/// The least difference of a new colour from those before, in CIEDE2000.
const LEAST_DIFFERENCE: f32 = 4.0;

/// Colours that differ by less than this, in CIEDE2000, look alike.
const ALIKE: f32 = 6.5;

/// Rounds of k-means after each search.
const ROUNDS: usize = 12;

/// How often colours that look alike are merged and replaced.
const REFILLS: usize = 4;

/// How far from its centre a pixel counts for a colour. A wider mean is muddier, a narrower one is noise.
const REACH: f32 = 0.04;

/// Chooses up to `colors` of the colours in `bins`, with the help of `small`, the bins of a small copy.
pub(super) fn choose(small: &[Bin], bins: &[Bin], colors: usize) -> Vec<ColorCount> {
    let points = Points::new(small);
    let mut centres = Vec::new();
    for refill in 0..=REFILLS {
        seek(&points, &mut centres, colors);
        points.move_to_means(&mut centres, ROUNDS);
        if refill < REFILLS && !merge_alike(&points, &mut centres) {
            break;
        }
    }
    distinct(colors_at(&Points::new(bins), &centres).filter(|color| color.count > 0).collect())
}

/// Adds centres where the points are that are missed most.
fn seek(points: &Points<'_>, centres: &mut Vec<Place>, colors: usize) {
    let mut taken: Vec<Lab> = colors_at(points, centres).map(|color| lab(color.rgb)).collect();
    let weights: Vec<_> = points.weights.iter().map(|weight| weight.powf(SEEK_EXPONENT)).collect();
    let mut nearest: Vec<_> =
        if centres.is_empty() { vec![1.0; points.len()] } else { points.nearest(centres).distances };
    while centres.len() < colors {
        let missed = nearest.iter().zip(&weights).map(|(distance, weight)| distance * weight).enumerate();
        // Of equals the first wins.
        let Some((point, missed)) = missed.reduce(|a, b| if b.1 > a.1 { b } else { a }) else { return };
        if missed <= 0.0 {
            return;
        }
        let color = lab(points.bins[point].mean());
        if taken.iter().any(|other| other.difference(color) < LEAST_DIFFERENCE) {
            nearest[point] = 0.0;
            continue;
        }
        let is_first = centres.is_empty();
        centres.push(points.place(point));
        taken.push(color);
        for (nearest, distance) in nearest.iter_mut().zip(points.distances(points.place(point))) {
            *nearest = if is_first { distance } else { nearest.min(distance) };
        }
    }
}

/// Merges centres whose colours look alike. Returns whether there were any.
fn merge_alike(points: &Points<'_>, centres: &mut Vec<Place>) -> bool {
    let mut colors: Vec<Lab> = colors_at(points, centres).map(|color| lab(color.rgb)).collect();
    let mut weights = points.weights_at(centres);
    let before = centres.len();
    let mut kept = 0;
    while kept < centres.len() {
        let alike = (kept + 1..centres.len()).find(|&other| colors[kept].difference(colors[other]) < ALIKE);
        let Some(other) = alike else {
            kept += 1;
            continue;
        };
        let (place, weight, color) = (centres.remove(other), weights.remove(other), colors.remove(other));
        let total = weights[kept] + weight;
        for (at, from) in centres[kept].iter_mut().zip(place) {
            *at = (*at * weights[kept] + from * weight) / total;
        }
        if weight > weights[kept] {
            colors[kept] = color;
        }
        weights[kept] = total;
    }
    centres.len() < before
}

/// The colour at each centre: the mean of the pixels around it, which count the less, the farther away they are. Its count
/// is that of all pixels which no other centre is nearer to. A centre without any is black and has count 0.
fn colors_at(points: &Points<'_>, centres: &[Place]) -> impl Iterator<Item = ColorCount> {
    let mut sums = vec![([0.0_f64; 3], 0.0_f64, 0_u64); centres.len()];
    if !centres.is_empty() {
        let nearest = points.nearest(centres);
        let places = nearest.centres.into_iter().zip(nearest.distances);
        for (bin, (centre, distance)) in points.bins.iter().zip(places) {
            let (sum, total, count) = &mut sums[centre as usize];
            // Never 0, so that a centre far from all of its pixels has a colour too.
            let closeness = f64::from((-distance / (REACH * REACH)).exp()) + 1e-9;
            sum.iter_mut().zip(bin.sum).for_each(|(sum, channel)| *sum += f64::from(channel) * closeness);
            *total += f64::from(bin.count) * closeness;
            *count += u64::from(bin.count);
        }
    }
    sums.into_iter().map(|(sum, total, count)| {
        let mean = |sum: f64| if count > 0 { (sum / total).round() as u8 } else { 0 };
        ColorCount { rgb: sum.map(mean), count }
    })
}

/// Merges colours that turned out to look alike in the picture itself, into the more frequent one.
fn distinct(mut colors: Vec<ColorCount>) -> Vec<ColorCount> {
    colors.sort_unstable_by_key(|color| (std::cmp::Reverse(color.count), color.rgb));
    let mut kept: Vec<ColorCount> = Vec::with_capacity(colors.len());
    for color in colors {
        let is_like = |other: &&mut ColorCount| lab(other.rgb).difference(lab(color.rgb)) < LEAST_DIFFERENCE;
        match kept.iter_mut().find(is_like) {
            Some(other) => other.count += color.count,
            None => kept.push(color),
        }
    }
    kept
}

fn lab(rgb: [u8; 3]) -> Lab {
    Lab::from_color(Srgb::from(rgb).into_linear::<f32>())
}
