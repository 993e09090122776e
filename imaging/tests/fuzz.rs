//! Fuzzes the decoder for half a minute, or that of one format, which `HUEMILL_FUZZ_FORMAT` names. The program has a single
//! test, because the allocations of others would be counted too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(dead_code, unreachable_pub, reason = "the fuzz targets share these files")]

use huemill_imaging::{Format, Sniffed, sniff};

#[path = "../../fuzz/checks/decode.rs"]
mod check;
#[path = "../../fuzz/checks/decode_seeds.rs"]
mod seeds;
#[path = "../../fuzz/short_run.rs"]
mod short_run;
mod support;

/// The seeds of one format, or all.
fn seeds_of(format: Option<&str>) -> Vec<Vec<u8>> {
    let mut seeds = seeds::seeds();
    if let Some(format) = format {
        let is_wanted = |found: Format| format!("{found:?}").eq_ignore_ascii_case(format);
        seeds.retain(|bytes| matches!(sniff(bytes), Sniffed::Supported(found) if is_wanted(found)));
        assert!(!seeds.is_empty(), "there is no seed of {format}");
    }
    seeds
}

#[test]
fn arbitrary_bytes_are_decoded_within_their_limits() {
    let format = std::env::var("HUEMILL_FUZZ_FORMAT").ok();
    short_run::fuzz(30, &seeds_of(format.as_deref()), check::check);
}
