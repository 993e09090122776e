//! Fuzzes the decoder for half a minute. The program has a single test, because the allocations of others would be
//! counted too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(dead_code, unreachable_pub, reason = "the fuzz targets share these files")]

#[path = "../../fuzz/checks/decode.rs"]
mod check;
#[path = "../../fuzz/checks/decode_seeds.rs"]
mod seeds;
#[path = "../../fuzz/short_run.rs"]
mod short_run;
mod support;

#[test]
fn arbitrary_bytes_are_decoded_within_their_limits() {
    short_run::fuzz(&seeds::seeds(), check::check);
}
