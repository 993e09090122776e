//! Tests of the pixel engine through its public interface, in one program so that it is linked once. The tests that
//! measure memory are programs of their own, because the allocator that counts is one per program.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // clippy exempts tests, but not their helpers

#[path = "../../benches/support/pictures.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod bench_pictures;
mod card;
#[path = "../support/check.rs"]
mod check;
mod common;
mod crop;
mod crop_golden;
mod determinism;
mod engine;
mod formats;
mod hostile_images;
mod jpeg;
mod monitor;
mod orientation;
mod palette;
mod palette_golden;
mod png;
mod profiles;
#[path = "../support/mod.rs"]
mod support;
mod tiff;
