//! Fuzzes the ZIP reader for half a minute.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(dead_code, unreachable_pub, reason = "the fuzz targets share these files")]

#[path = "support/archives.rs"]
mod archives;
#[path = "../../fuzz/checks/zip.rs"]
mod check;
#[path = "../../fuzz/checks/zip_seeds.rs"]
mod seeds;
#[path = "../../fuzz/short_run.rs"]
mod short_run;

#[test]
fn arbitrary_bytes_are_read_as_an_archive_within_its_limits() {
    short_run::fuzz(30, &seeds::seeds(), check::check);
}
