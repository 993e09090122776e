//! The parts of the benchmark: cases, clock, peak memory, pictures and the table of results.

pub(crate) mod cases;
pub(crate) mod cpu;
pub(crate) mod pictures;
pub(crate) mod table;
