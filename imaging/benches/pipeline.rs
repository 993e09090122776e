//! Measures the pipeline in CPU time of the whole process. It prints criterion's results for each picture, compared
//! with the previous run, and then a table of stages, floor and peak memory.
//!
//! Run it with `cargo bench -p huemill-imaging`. With `-- --test` everything runs once, on small pictures. To measure
//! your own pictures, set `HUEMILL_BENCH_FILES` to their paths, separated by colons.

#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints its measurements")]

mod support;

use std::time::Duration;

use criterion::{Criterion, SamplingMode};
use huemill_imaging::{Decoder, Engine};
use support::{cases, cpu::CpuTime, table};

fn main() {
    if let Some(peak) = cases::peak_of_child() {
        println!("{peak}");
        return;
    }
    let argument = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    if argument("--list") {
        return;
    }
    let quick = argument("--test") || !argument("--bench");
    let cases = cases::all(quick);
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    compare(&mut criterion, &cases);
    criterion.final_summary();
    println!("\n{}", table::measure(&cases, quick));
}

fn compare(criterion: &mut Criterion<CpuTime>, cases: &[cases::Case]) {
    let mut engine = Engine::new().expect("an engine");
    let mut decoder = Decoder::new().expect("a decoder");
    for case in cases {
        let mut group = criterion.benchmark_group(&case.name);
        group.sampling_mode(SamplingMode::Flat);
        group.bench_function("whole", |bencher| bencher.iter(|| table::run(&mut engine, case)));
        group.bench_function("floor", |bencher| bencher.iter(|| table::run_floor(&mut decoder, case)));
        group.finish();
    }
}
