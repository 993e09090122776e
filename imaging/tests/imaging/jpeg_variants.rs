//! Compares JPEGs of all sampling factors, orders of scans, restarts and sizes with what libjpeg-turbo decodes. A
//! picture either looks the same, or is refused by the name of its variant. `make jpeg-variants` tries all of them; the
//! normal tests try a part that the seed chooses.

use std::thread;

use huemill_imaging::{Decoder, Error, Limits, Raster, Unmonitored, probe};

use crate::libjpeg::{differences, pipe, pixels};
use crate::servers::require;
use crate::support::jpeg_variants::{Color, Variant};
use crate::support::pictures::Numbers;

/// Width from which a picture is also decoded at reduced sizes: smaller ones would be mostly edges, at which decoders
/// interpolate in different ways. Its slopes are half as steep, because a pixel of the reduced picture spans more.
const LARGE: u32 = 451;

const FRACTIONAL: &str = "JPEG with fractional sampling";
const SEPARATE: &str = "JPEG with sampling factors of 2 and 4 and separate scans";

/// How the scans divide the picture.
#[derive(Debug, Clone, Copy)]
enum Order {
    Together,
    Apart,
    Backwards,
    FirstThenOthers,
    OthersThenFirst,
}

impl Order {
    const ALL: [Self; 5] =
        [Self::Together, Self::Apart, Self::Backwards, Self::FirstThenOthers, Self::OthersThenFirst];

    /// The components of each scan. `None` where a scan has too many blocks in a unit (T.81 B.2.3).
    fn scans(self, factors: &[(u8, u8)]) -> Option<Vec<Vec<usize>>> {
        let count = factors.len();
        let scans = match self {
            Self::Together => vec![(0..count).collect()],
            Self::Apart => (0..count).map(|index| vec![index]).collect(),
            Self::Backwards => (0..count).rev().map(|index| vec![index]).collect(),
            Self::FirstThenOthers if count > 1 => vec![vec![0], (1..count).collect()],
            Self::OthersThenFirst if count > 1 => vec![(1..count).collect(), vec![0]],
            _ => return None,
        };
        let blocks = |scan: &[usize]| scan.iter().map(|&i| factors[i].0 * factors[i].1).sum::<u8>();
        scans.iter().all(|scan| scan.len() == 1 || blocks(scan) <= 10).then_some(scans)
    }
}

/// How the coefficients of a picture are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    Baseline,
    /// Progressive, each coefficient at once.
    Bands,
    /// Progressive as libjpeg writes it, with refinements.
    Refined,
}

/// The horizontal or the vertical factor of a pair.
type Axis = fn(&(u8, u8)) -> u8;

/// One picture to compare.
#[derive(Debug)]
struct Case {
    variant: Variant,
    process: Process,
}

impl Case {
    fn encode(&self) -> Vec<u8> {
        let bytes = self.variant.encode();
        if self.process != Process::Refined {
            return bytes;
        }
        let restart = format!("{}B", self.variant.restart);
        pipe("jpegtran", &["-progressive", "-restart", &restart], &bytes).unwrap()
    }

    /// The names by which it may be refused, and whether it must be.
    fn refusal(&self) -> (Option<&'static str>, bool) {
        let factors = &self.variant.factors;
        let axes: [Axis; 2] = [|pair| pair.0, |pair| pair.1];
        let max = |axis: Axis| factors.iter().map(axis).max().unwrap();
        if factors.len() > 1 && axes.iter().any(|&axis| factors.iter().any(|f| max(axis) % axis(f) != 0)) {
            return (Some(FRACTIONAL), true);
        }
        let is_alone = |index: usize| {
            self.process != Process::Baseline || self.variant.scans.iter().any(|scan| *scan == [index])
        };
        let separate = (0..factors.len()).any(|index| {
            axes.iter().any(|&axis| max(axis) == 4 && axis(&factors[index]) == 2 && is_alone(index))
        });
        (separate.then_some(SEPARATE), false)
    }

    /// Compares what is decoded at each size with the reference. Returns whether it was decoded, or what is wrong.
    fn check(&self) -> Result<bool, String> {
        let bytes = self.encode();
        let mut decoder = Decoder::new().unwrap();
        let mut sizes = Vec::new();
        let scales: &[f64] = if self.variant.width < LARGE { &[1.0] } else { &[1.0, 0.5, 0.25, 0.125] };
        let (name, is_required) = self.refusal();
        for &scale in scales {
            let raster = probe(&bytes, &Limits::default())
                .and_then(|probe| decoder.decode(&bytes, &probe, scale, &Unmonitored));
            let raster = match raster {
                Err(Error::Unsupported(refused)) if Some(refused) == name => return Ok(false),
                Err(error) => return Err(format!("{self:?} at {scale}: {error}")),
                Ok(_) if is_required => return Err(format!("{self:?} was not refused as {name:?}")),
                Ok(raster) => raster,
            };
            if sizes.contains(&raster.width()) {
                continue;
            }
            sizes.push(raster.width());
            let (mean, worst) = differences(&raster, &self.reference(&bytes, &raster));
            if mean >= 1.0 || worst >= 6.0 {
                return Err(format!("{self:?} at {scale}: ΔE {mean:.2}, at worst {worst:.2}"));
            }
        }
        Ok(true)
    }

    /// What djpeg decodes at the size of the raster.
    fn reference(&self, bytes: &[u8], raster: &Raster) -> Vec<u8> {
        let (width, height) = (self.variant.width, self.variant.height);
        let eighths = [8, 4, 2, 1].into_iter().find(|&eighths| {
            ((width * eighths).div_ceil(8), (height * eighths).div_ceil(8))
                == (raster.width(), raster.height())
        });
        let eighths = eighths.unwrap_or_else(|| panic!("{self:?}: {}x{}", raster.width(), raster.height()));
        let picture = pipe("djpeg", &["-pnm", "-scale", &format!("{eighths}/8")], bytes);
        pixels(&picture.unwrap_or_else(|| panic!("djpeg refuses {self:?}")))
    }
}

/// All pairs of factors.
fn pairs() -> impl Iterator<Item = (u8, u8)> + Clone {
    (1..=4).flat_map(|h| (1..=4).map(move |v| (h, v)))
}

/// A case with the parts that are not given by chance. `None` where the order is not possible.
fn case(
    numbers: &mut Numbers,
    factors: Vec<(u8, u8)>,
    color: Color,
    order: Order,
    process: Process,
) -> Option<Case> {
    let scans = order.scans(&factors)?;
    // libjpeg sends the DC coefficients of all components together.
    if process == Process::Refined && Order::Together.scans(&factors).is_none() {
        return None;
    }
    let mut pick = |choices: [u32; 4]| choices[numbers.below(4) as usize];
    let (width, height) = (pick([19, 64, 97, LARGE]), pick([17, 40, 64, 91]));
    let height = if width == LARGE { 4 * height } else { height };
    let restart = pick([0, 1, 3, 11]) as u16;
    let (progressive, seed) = (process == Process::Bands, numbers.next());
    let slope = if width == LARGE { 22.0 } else { 45.0 };
    let variant = Variant { width, height, factors, scans, progressive, restart, color, slope, seed };
    Some(Case { variant, process })
}

const PROCESSES: [Process; 3] = [Process::Baseline, Process::Bands, Process::Refined];

/// A case by chance, of those that are not refused as fractional, except one in sixteen.
fn any_case(numbers: &mut Numbers) -> Case {
    loop {
        let color = [Color::YCbCr, Color::YCbCr, Color::Rgb, Color::Cmyk, Color::Ycck];
        let color = color[numbers.below(5) as usize];
        let count = match color {
            Color::YCbCr if numbers.below(6) == 0 => 1,
            Color::YCbCr | Color::Rgb => 3,
            Color::Cmyk | Color::Ycck => 4,
        };
        // Half of the sets have no factor above 2: with 4 and 2, most progressive pictures are refused.
        let most = [2, 4][numbers.below(2) as usize];
        let mut pair = || (1 + numbers.below(most) as u8, 1 + numbers.below(most) as u8);
        let factors: Vec<_> = (0..count).map(|_| pair()).collect();
        let order = Order::ALL[numbers.below(5) as usize];
        let process = PROCESSES[numbers.below(3) as usize];
        let Some(case) = case(numbers, factors, color, order, process) else { continue };
        if !case.refusal().1 || numbers.below(16) == 0 {
            return case;
        }
    }
}

#[test]
fn jpegs_of_all_variants_look_as_libjpeg_decodes_them_or_are_refused_by_name() {
    require!(LibjpegTurbo);
    let mut numbers = Numbers::new(15);
    let decoded = (0..250).filter(|_| any_case(&mut numbers).check().unwrap()).count();
    assert!(decoded > 180, "only {decoded} were decoded");
}

#[test]
fn ordinary_jpegs_look_as_libjpeg_decodes_them() {
    require!(LibjpegTurbo);
    let mut numbers = Numbers::new(16);
    for luma in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)] {
        for (order, process) in Order::ALL.into_iter().flat_map(|o| PROCESSES.map(|process| (o, process))) {
            let factors = vec![luma, (1, 1), (1, 1)];
            let case = case(&mut numbers, factors, Color::YCbCr, order, process);
            assert!(case.is_none_or(|case| case.check().unwrap()));
        }
    }
}

/// All sets of factors of three components and, of four components, those of 1 and 2.
#[test]
#[ignore = "takes minutes: make jpeg-variants"]
fn jpegs_of_all_sampling_factors_look_as_libjpeg_decodes_them_or_are_refused_by_name() {
    require!(LibjpegTurbo);
    let threes = pairs().flat_map(|a| pairs().flat_map(move |b| pairs().map(move |c| vec![a, b, c])));
    let small = || pairs().filter(|pair| pair.0 <= 2 && pair.1 <= 2);
    let fours = small().flat_map(move |a| {
        small().flat_map(move |b| small().flat_map(move |c| small().map(move |d| vec![a, b, c, d])))
    });
    let sets: Vec<_> = pairs().map(|pair| vec![pair]).chain(threes).chain(fours).collect();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut all = Tally::default();
    thread::scope(|scope| {
        let part = |worker: usize| {
            let mut tally = Tally::default();
            sets.iter().skip(worker).step_by(workers).for_each(|factors| check_all(factors, &mut tally));
            tally
        };
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || part(worker))).collect();
        for part in threads.into_iter().map(|thread| thread.join().unwrap()) {
            (all.decoded, all.refused) = (all.decoded + part.decoded, all.refused + part.refused);
            all.wrong.extend(part.wrong);
        }
    });
    println!("{} look the same, {} are refused by name", all.decoded, all.refused);
    assert!(all.wrong.is_empty(), "{:#?}", all.wrong);
    assert!(all.decoded > 4_000);
}

/// How the pictures of a run ended.
#[derive(Default)]
struct Tally {
    decoded: usize,
    refused: usize,
    wrong: Vec<String>,
}

/// Checks all orders and processes of one set of factors.
fn check_all(factors: &[(u8, u8)], tally: &mut Tally) {
    let seed = factors.iter().fold(1, |seed, (h, v)| seed * 16 + u64::from(h * 4 + v));
    let mut numbers = Numbers::new(seed);
    let colors: &[Color] = match factors.len() {
        1 => &[Color::YCbCr],
        3 => &[Color::YCbCr, Color::Rgb],
        _ => &[Color::Cmyk, Color::Ycck],
    };
    for (index, order) in Order::ALL.into_iter().enumerate() {
        for (at, process) in PROCESSES.into_iter().enumerate() {
            // libjpeg's own order does not depend on the scans.
            if process == Process::Refined && index > 0 {
                continue;
            }
            let color = colors[(index + at) % colors.len()];
            let Some(case) = case(&mut numbers, factors.to_vec(), color, order, process) else { continue };
            match case.check() {
                Ok(true) => tally.decoded += 1,
                Ok(false) => tally.refused += 1,
                Err(wrong) => tally.wrong.push(wrong),
            }
            if case.refusal().1 {
                // Neither order nor process decides on these factors.
                return;
            }
        }
    }
}
