//! Measures what is said of the colours of one picture: names of ten colours, roles, scheme, average and placeholder, and
//! all of it together. Run it with `cargo bench -p huemill-imaging --bench colors`.

#![allow(missing_docs, reason = "a program that prints its measurements")]

#[path = "support/cpu.rs"]
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod cpu;
#[path = "support/pictures.rs"]
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod pictures;

use std::hint::black_box;
use std::time::Duration;

use cpu::CpuTime;
use criterion::{Criterion, criterion_group, criterion_main};
use huemill_imaging::swatch::describe_all;
use huemill_imaging::{
    ColorSummary, Export, PaletteMethod, Raster, Roles, Scheme, average, extract_palette, placeholder,
};

/// A photograph of this size, with the small copy that the engine makes of it.
const SIZE: (u32, u32) = (2400, 1600);
const SMALL: (u32, u32) = (384, 256);

fn photograph((width, height): (u32, u32)) -> Raster {
    Raster::new(width, height, pictures::photo(width, height, 3).into_raw()).expect("three bytes per pixel")
}

fn colors(criterion: &mut Criterion<CpuTime>) {
    let (picture, small) = (photograph(SIZE), photograph(SMALL));
    let palette = extract_palette(&picture, &small, PaletteMethod::Balanced, 10);
    let described: Vec<_> = palette.iter().map(|swatch| (swatch.rgb, swatch.share, swatch.derived)).collect();
    let roles = Roles::of(&palette);
    criterion.bench_function("describe ten colours", |bencher| {
        bencher.iter(|| describe_all(black_box(&described)));
    });
    criterion.bench_function("roles", |bencher| bencher.iter(|| Roles::of(black_box(&palette))));
    criterion.bench_function("scheme", |bencher| bencher.iter(|| Scheme::of(black_box(&palette), &roles)));
    criterion.bench_function("average", |bencher| bencher.iter(|| average::of_raster(black_box(&picture))));
    criterion.bench_function("placeholder", |bencher| {
        bencher.iter(|| placeholder::of_raster(black_box(&small)));
    });
    criterion.bench_function("all", |bencher| {
        bencher.iter(|| {
            let palette = describe_all(black_box(&described));
            ColorSummary::of(&palette, &picture, &small)
        });
    });
    criterion
        .bench_function("export as CSS", |bencher| bencher.iter(|| Export::Css.write(black_box(&palette))));
}

/// CPU time, since other programs run on the machine too.
fn measurement() -> Criterion<CpuTime> {
    Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
}

criterion_group!(name = benches; config = measurement(); targets = colors);
criterion_main!(benches);
