//! Makes pictures for tests: valid ones, hostile ones, and the containers of both. The tests of the service and the
//! fuzz targets include these files by path.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod containers;
pub mod costly;
pub mod costly_chunks;
mod costly_frames;
pub mod hostile;
mod hostile_frames;
pub mod jpeg_variants;
pub mod pictures;
pub mod tiff_writer;
