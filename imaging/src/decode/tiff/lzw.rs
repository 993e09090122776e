//! Reads LZW as in TIFF (TIFF 6.0, section 13), and the form of before 1990, with the bits in the other order. Invalid
//! codes are an error, data that ends early ends the reader.

use std::io::{self, BufRead, Read};

use weezl::{BitOrder, LzwStatus, decode::Configuration};

use crate::work::{Meter, lzw_clears};

/// Calls in a row of the decoder that may do nothing. It holds up to seven codes, and a call ends behind one that clears
/// the table, without a sign of progress.
const MAX_IDLE_CALLS: usize = 8;

/// Decompresses the data of another reader. It counts the tables that the data clears, and ends where that is too much.
pub(super) struct Lzw<'a, R> {
    data: R,
    decoder: weezl::decode::Decoder,
    meter: &'a Meter<'a>,
}

impl<'a, R: BufRead> Lzw<'a, R> {
    pub(super) fn new(mut data: R, meter: &'a Meter<'a>) -> io::Result<Self> {
        // The code that clears the table comes first. In the old form, its highest bit lies in the second byte.
        let is_old = matches!(data.fill_buf()?, [0, second, ..] if second & 1 == 1);
        let configuration = if is_old {
            Configuration::new(BitOrder::Lsb, 8)
        } else {
            Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
        };
        Ok(Self { data, decoder: configuration.with_yield_on_full_buffer(true).build(), meter })
    }
}

impl<R: BufRead> Read for Lzw<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut idle_calls = 0;
        while idle_calls < MAX_IDLE_CALLS {
            let input = self.data.fill_buf()?;
            let result = self.decoder.decode_bytes(input, buffer);
            self.data.consume(result.consumed_in);
            let leaves_room = result.consumed_out < buffer.len();
            if leaves_room && !self.meter.count(lzw_clears(result.consumed_in, result.consumed_out)) {
                return Ok(0);
            }
            match result.status {
                _ if result.consumed_out > 0 => return Ok(result.consumed_out),
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
                Ok(LzwStatus::Done) => return Ok(0),
                Ok(_) if result.consumed_in > 0 => idle_calls = 0,
                Ok(_) => idle_calls += 1,
            }
        }
        Ok(0)
    }
}
