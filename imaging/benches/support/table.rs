//! Measures and prints the table of results: the time of each stage, and the ratio of the whole pipeline to its floor.

use std::fmt::Write;
use std::time::Duration;

use huemill_imaging::{Card, Decoder, Engine, Stage};

use super::cases::{self, Case};
use super::cpu::CpuTime;

/// Maximum number of rounds per picture.
const ROUNDS: usize = 25;
/// Time after which no further round begins.
const TIME: Duration = Duration::from_secs(4);

/// Results of one picture: medians in milliseconds, and the peak memory in MiB.
struct TableRow {
    stages: Vec<f64>,
    whole: f64,
    floor: f64,
    peak: f64,
}

impl TableRow {
    fn ratio(&self) -> f64 {
        self.whole / self.floor
    }
}

/// Measures all cases and returns a Markdown table.
pub(crate) fn measure(cases: &[Case], quick: bool) -> String {
    let mut text = String::from(
        "CPU time in ms (medians; floor = the same decoding and the same encoding, nothing else)\n\n\
         | picture | KiB | decode | palette | subject | layout | card | encode | whole | floor | ratio | peak MiB |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut logs = 0.0;
    for case in cases {
        let row = measure_case(case, if quick { 1 } else { ROUNDS });
        logs += row.ratio().ln();
        let _ = write!(text, "| {} | {} |", case.name, case.bytes.len() / 1024);
        for stage in &row.stages {
            let _ = write!(text, " {stage:.2} |");
        }
        let _ =
            writeln!(text, " {:.1} | {:.1} | {:.2} | {:.0} |", row.whole, row.floor, row.ratio(), row.peak);
    }
    let mean = (logs / cases.len() as f64).exp();
    let _ = writeln!(text, "\nGeometric mean of the ratios: {mean:.2}");
    text
}

/// Measures pipeline and floor in turn, so that a slow machine affects both equally.
fn measure_case(case: &Case, rounds: usize) -> TableRow {
    let mut engine = Engine::new().expect("an engine");
    let mut decoder = Decoder::new().expect("a decoder");
    let (mut wholes, mut floors) = (Vec::new(), Vec::new());
    let mut stages = vec![Vec::new(); Stage::ALL.len()];
    let mut spent = Duration::ZERO;
    // The first round warms up caches and allocator, and does not count.
    for round in 0..=rounds {
        let (whole, outcome) = CpuTime::of(|| run(&mut engine, case));
        let (floor, ()) = CpuTime::of(|| run_floor(&mut decoder, case));
        spent += whole + floor;
        if round > 0 {
            wholes.push(whole);
            floors.push(floor);
            for (times, (_, time)) in stages.iter_mut().zip(outcome.timings.iter()) {
                times.push(time);
            }
        }
        if spent > TIME && round > 0 {
            break;
        }
    }
    TableRow {
        stages: stages.into_iter().map(median).collect(),
        whole: median(wholes),
        floor: median(floors),
        peak: cases::peak_memory(case),
    }
}

/// Runs the whole pipeline.
pub(crate) fn run(engine: &mut Engine, case: &Case) -> huemill_imaging::Outcome {
    engine.process(&case.bytes, &case.probe, &case.options, &CpuTime).expect("a good picture")
}

/// Runs the floor: only decoding and encoding, which no pipeline can avoid.
pub(crate) fn run_floor(decoder: &mut Decoder, case: &Case) {
    let smallest = Engine::smallest_scale(&case.probe, &case.options);
    let raster = decoder.decode(&case.bytes, &case.probe, smallest, &CpuTime).expect("a good picture");
    drop(std::hint::black_box(raster));
    std::hint::black_box(Card::encode(&case.card, case.options.card).expect("a card"));
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
