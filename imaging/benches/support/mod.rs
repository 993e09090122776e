//! What the benchmark is made of.

pub(crate) mod cases;
pub(crate) mod cpu;
pub(crate) mod peak;
pub(crate) mod pictures;
pub(crate) mod table;
