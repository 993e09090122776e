//! Stored bytes as the ZIP reader wants them.

use std::io;

use crate::spool::Spool;

/// A spool behind `rawzip`'s trait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a>(pub(super) &'a Spool);

impl rawzip::ReaderAt for Source<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }
}
