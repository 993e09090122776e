//! Pictures for tests: good ones, hostile ones, and the bytes both are made of. The tests of the service and the
//! fuzz targets use them too, by path.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod containers;
pub mod hostile;
mod hostile_frames;
pub mod pictures;
