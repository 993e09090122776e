//! Fuzzes the reading of ZIP archives with libFuzzer.

#![no_main]

#[path = "../checks/zip.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::check(bytes));
