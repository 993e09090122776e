//! The colours of a picture as weighted points of a space in which the method of `balanced` measures distances. It cannot
//! fail.
//!
//! The space is Oklab (Ottosson 2020), in which lightness counts about a quarter, and strong chroma is compressed: two
//! colours of different hue are more different to a viewer than a lit and a shaded part of one thing.

use super::histogram::Bin;
use crate::oklch::oklab;

/// Scale of lightness.
const LIGHTNESS: f32 = 0.22;

/// The least share of a bin that counts. What is rarer is noise.
const LEAST_SHARE: f32 = 1e-5;

/// What a point counts for a mean that is far from it. Never 0, so that a mean far from all of its points is one too.
const FAR: f32 = 0.01;

/// A place in the space.
pub(super) type Place = [f32; 3];

/// The points of a picture, one for each bin that counts.
pub(super) struct Points<'a> {
    axes: [Vec<f32>; 3],
    /// Chroma in Oklab.
    pub(super) chromas: Vec<f32>,
    pub(super) bins: Vec<&'a Bin>,
}

impl<'a> Points<'a> {
    pub(super) fn new(bins: &'a [Bin]) -> Self {
        let total: f32 = bins.iter().map(|bin| bin.count as f32).sum();
        let mut points = Self { axes: Default::default(), chromas: Vec::new(), bins: Vec::new() };
        for bin in bins {
            if bin.count as f32 >= LEAST_SHARE * total {
                let (place, chroma) = place_of(bin.mean());
                points.axes.iter_mut().zip(place).for_each(|(axis, at)| axis.push(at));
                points.chromas.push(chroma);
                points.bins.push(bin);
            }
        }
        points
    }

    pub(super) fn len(&self) -> usize {
        self.bins.len()
    }

    pub(super) fn place(&self, point: usize) -> Place {
        [0, 1, 2].map(|axis| self.axes[axis][point])
    }

    /// The squared distances of all points to a place.
    pub(super) fn distances(&self, [x, y, z]: Place) -> impl Iterator<Item = f32> {
        let [xs, ys, zs] = &self.axes;
        xs.iter().zip(ys).zip(zs).map(move |((&px, &py), &pz)| {
            let (dx, dy, dz) = (px - x, py - y, pz - z);
            dx * dx + dy * dy + dz * dz
        })
    }

    /// For each point the nearest of the centres. Of equally near ones the first.
    pub(super) fn nearest(&self, centres: &[Place]) -> Nearest {
        let mut nearest = Nearest { centres: vec![0; self.len()], distances: vec![f32::MAX; self.len()] };
        for (index, &centre) in centres.iter().enumerate() {
            let kept = nearest.centres.iter_mut().zip(&mut nearest.distances);
            // Without branches, so that several points are compared at once.
            for ((kept, least), distance) in kept.zip(self.distances(centre)) {
                let is_nearer = distance < *least;
                *kept = if is_nearer { index as u32 } else { *kept };
                *least = if is_nearer { distance } else { *least };
            }
        }
        nearest
    }

    /// The weighted mean of the points around a place, within `reach` of it. The place itself where there are none.
    pub(super) fn mean_around(&self, place: Place, weights: &[f32], reach: f32) -> Place {
        let mut sum = [0.0; 4];
        for (point, (distance, weight)) in self.distances(place).zip(weights).enumerate() {
            let counts = weight * closeness(distance, reach);
            if counts > 0.0 {
                let [x, y, z] = self.place(point);
                sum = [sum[0] + x * counts, sum[1] + y * counts, sum[2] + z * counts, sum[3] + counts];
            }
        }
        let [x, y, z, total] = sum;
        if total > 0.0 { [x / total, y / total, z / total] } else { place }
    }

    /// Moves each centre to the weighted mean of the points that are nearest to it, and drops those that are nearest to
    /// none, `rounds` times: k-means (Lloyd 1982), but points within `reach` of a centre decide where it goes. An accent
    /// therefore stays where it is, however much nondescript colour is nearest to it.
    pub(super) fn move_to_means(&self, centres: &mut Vec<Place>, weights: &[f32], reach: f32, rounds: usize) {
        for _ in 0..rounds {
            let nearest = self.nearest(centres);
            let mut sums = vec![[0.0; 4]; centres.len()];
            let [xs, ys, zs] = &self.axes;
            let places = nearest.centres.iter().zip(&nearest.distances).zip(weights);
            for (((((&centre, &distance), &weight), &x), &y), &z) in places.zip(xs).zip(ys).zip(zs) {
                let weight = weight * (closeness(distance, reach) + FAR);
                let sum = &mut sums[centre as usize];
                *sum = [sum[0] + x * weight, sum[1] + y * weight, sum[2] + z * weight, sum[3] + weight];
            }
            let occupied = sums.into_iter().filter(|[.., total]| *total > 0.0);
            *centres = occupied.map(|[x, y, z, total]| [x / total, y / total, z / total]).collect();
        }
    }
}

/// How near a point at this squared distance is: 1 at the place itself, 0 from `reach` on (Tukey's biweight).
pub(super) fn closeness(distance: f32, reach: f32) -> f32 {
    let near = (1.0 - distance / (reach * reach)).max(0.0);
    near * near
}

/// The centre that is nearest to each point, and its squared distance.
pub(super) struct Nearest {
    pub(super) centres: Vec<u32>,
    pub(super) distances: Vec<f32>,
}

/// The place of a colour, and its chroma in Oklab.
fn place_of(rgb: [u8; 3]) -> (Place, f32) {
    let lab = oklab(rgb);
    let chroma = lab.a.hypot(lab.b);
    // The limit of ln(1 + c) / c at 0 is 1.
    let compressed = if chroma > 1e-6 { chroma.ln_1p() / chroma } else { 1.0 };
    ([lab.l * LIGHTNESS, lab.a * compressed, lab.b * compressed], chroma)
}
