//! Chooses the colours of a palette: they cover large areas and small vivid accents, no two look alike, and each is there.
//! It cannot fail.
//!
//! The heaviest colour comes first, and each next one is that which lies farthest from all before, by squared distance and
//! weight (after k-means++, Arthur and Vassilvitskii 2007, but without chance), moved to the mean of what is around it.
//! Rounds of k-means follow, in which what is near decides. Colours that look alike are merged, and others are found in
//! their place. All this happens on a small copy of the picture: there, what compression and resizing do to single pixels
//! has no say. The colours themselves, and their shares, are those of the pixels of the picture.

use ::palette::color_difference::Ciede2000;
use ::palette::{FromColor, Lab, Srgb};

use super::histogram::{Bin, ColorCount};
use super::points::{Place, Points, closeness};

/// The exponent of a colour's share in its weight. Below 1, so that small areas count for more than their size.
const SHARE_EXPONENT: f32 = 0.7;

/// How much more a colour counts for its chroma. This saves accents of one per cent of the picture.
const CHROMA_WEIGHT: f32 = 20.0;

/// The exponent of a point's weight where the next colour is sought. Lower than 1, so that rare colours are found.
const SEEK_EXPONENT: f32 = 0.75;

/// How far around the point that was found its neighbours move the new colour. One point alone changes with each
/// compression.
const SEEK_REACH: f32 = 0.043;

/// The least difference of a new colour from those before, in CIEDE2000.
const LEAST_DIFFERENCE: f32 = 4.0;

/// Colours that differ by less than this, in CIEDE2000, look alike.
const ALIKE: f32 = 6.0;

/// Rounds of k-means after each search.
const ROUNDS: usize = 4;

/// How often colours that look alike are merged and replaced.
const REFILLS: usize = 4;

/// How many more colours than requested are looked for at most, where some look alike.
const MOST_ALIKE: usize = 6;

/// How far from its centre a point moves it, and a pixel counts for its colour. A wider mean is muddier, a narrower one is
/// noise.
const REACH: f32 = 0.052;

/// What a pixel without any chroma counts for a colour, as a chroma. The more vivid of the pixels around a centre say more
/// about it than those that shade or blur has dulled.
const GREY: f64 = 0.02;

/// Chooses up to `colors` of the colours in `bins`, with the help of `small`, the bins of a small copy.
pub(super) fn choose(small: &[Bin], bins: &[Bin], colors: usize) -> Vec<ColorCount> {
    let (points, pixels) = (Points::new(small), Points::new(bins));
    let weights = weights(&points);
    for wanted in colors.. {
        let centres = centres(&points, &weights, wanted);
        let mut found = distinct(colors_at(&pixels, &centres).filter(|color| color.count > 0).collect());
        // Some may turn out to look alike in the picture itself. Then others are found in their place.
        if found.len() >= colors || centres.len() < wanted || wanted == colors + MOST_ALIKE {
            found.truncate(colors);
            return found;
        }
    }
    Vec::new()
}

/// Finds up to `colors` centres.
fn centres(points: &Points<'_>, weights: &[f32], colors: usize) -> Vec<Place> {
    let mut centres = Vec::new();
    for refill in 0..=REFILLS {
        seek(points, weights, &mut centres, colors);
        points.move_to_means(&mut centres, weights, REACH, ROUNDS);
        if refill < REFILLS && !merge_alike(points, weights, &mut centres) {
            break;
        }
    }
    centres
}

/// What each point counts for.
fn weights(points: &Points<'_>) -> Vec<f32> {
    let total: f32 = points.bins.iter().map(|bin| bin.count as f32).sum();
    let weight = |(bin, chroma): (&&Bin, &f32)| {
        (bin.count as f32 / total).powf(SHARE_EXPONENT) * (1.0 + CHROMA_WEIGHT * chroma)
    };
    points.bins.iter().zip(&points.chromas).map(weight).collect()
}

/// Adds centres where the points are that are missed most.
fn seek(points: &Points<'_>, weights: &[f32], centres: &mut Vec<Place>, colors: usize) {
    let mut taken: Vec<Lab> = colors_at(points, centres).map(|color| lab(color.rgb)).collect();
    let sought: Vec<_> = weights.iter().map(|weight| weight.powf(SEEK_EXPONENT)).collect();
    let mut nearest: Vec<_> =
        if centres.is_empty() { vec![1.0; points.len()] } else { points.nearest(centres).distances };
    while centres.len() < colors {
        let missed = nearest.iter().zip(&sought).map(|(distance, weight)| distance * weight).enumerate();
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
        let place = points.mean_around(points.place(point), weights, SEEK_REACH);
        centres.push(place);
        taken.push(color);
        for (nearest, distance) in nearest.iter_mut().zip(points.distances(place)) {
            *nearest = if is_first { distance } else { nearest.min(distance) };
        }
        // It may still be the farthest, where its neighbours moved the colour away.
        nearest[point] = 0.0;
    }
}

/// Merges centres whose colours look alike. Returns whether there were any.
fn merge_alike(points: &Points<'_>, weights: &[f32], centres: &mut Vec<Place>) -> bool {
    let mut colors: Vec<Lab> = colors_at(points, centres).map(|color| lab(color.rgb)).collect();
    let mut sums = vec![0.0; centres.len()];
    for (&weight, centre) in weights.iter().zip(points.nearest(centres).centres) {
        sums[centre as usize] += weight;
    }
    let before = centres.len();
    let mut kept = 0;
    while kept < centres.len() {
        let alike = (kept + 1..centres.len()).find(|&other| colors[kept].difference(colors[other]) < ALIKE);
        let Some(other) = alike else {
            kept += 1;
            continue;
        };
        let (place, weight, color) = (centres.remove(other), sums.remove(other), colors.remove(other));
        let total = sums[kept] + weight;
        for (at, from) in centres[kept].iter_mut().zip(place) {
            *at = (*at * sums[kept] + from * weight) / total;
        }
        if weight > sums[kept] {
            colors[kept] = color;
        }
        sums[kept] = total;
    }
    centres.len() < before
}

/// The colour at each centre: the mean of the pixels around it, which count the more, the nearer and the more vivid they
/// are. Its count is that of all pixels which no other centre is nearer to. A centre without any is black and has count 0.
fn colors_at(points: &Points<'_>, centres: &[Place]) -> impl Iterator<Item = ColorCount> {
    let mut sums = vec![([0.0_f64; 3], 0.0_f64, 0_u64); centres.len()];
    if !centres.is_empty() {
        let nearest = points.nearest(centres);
        let places = nearest.centres.into_iter().zip(nearest.distances);
        for ((bin, chroma), (centre, distance)) in points.bins.iter().zip(&points.chromas).zip(places) {
            let (sum, total, count) = &mut sums[centre as usize];
            // Never 0, so that a centre far from all of its pixels has a colour too.
            let counts = (f64::from(closeness(distance, REACH)) + 1e-9) * (f64::from(*chroma) + GREY);
            sum.iter_mut().zip(bin.sum).for_each(|(sum, channel)| *sum += f64::from(channel) * counts);
            *total += f64::from(bin.count) * counts;
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
