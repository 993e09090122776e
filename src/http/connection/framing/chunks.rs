//! The framing of a chunked body (RFC 9112, 7.1): sizes, extensions, data and trailers, byte by byte as in actix's decoder.

/// The maximum size of the chunk extensions and trailers of a body: nothing reads them.
pub(super) const MAX_EXTRA_BYTES: usize = 16_384;

/// Where in a chunked body the connection is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunks {
    part: Part,
    /// The size of this chunk, then what is left of it.
    size: u64,
    extra: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    FirstDigit,
    Digits,
    Blanks,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    TrailerLf,
    EndCr,
    EndLf,
    End,
}

impl Chunks {
    /// The beginning of a body.
    pub(super) fn new() -> Self {
        Self { part: Part::FirstDigit, size: 0, extra: 0 }
    }

    /// Whether the body has ended.
    pub(super) fn have_ended(&self) -> bool {
        self.part == Part::End
    }

    /// Reads a part of the body. Returns how many bytes it took, or `None` if the first one is malformed.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.part == Part::Data {
            let taken = self.size.min(bytes.len() as u64);
            self.size -= taken;
            if self.size == 0 {
                self.part = Part::DataCr;
            }
            return Some(taken as usize);
        }
        let byte = *bytes.first()?;
        let next = self.part.next(byte, &mut self.size)?;
        if matches!(self.part, Part::Extension | Part::Trailer) {
            self.extra += 1;
        }
        self.part = next;
        (self.extra <= MAX_EXTRA_BYTES).then_some(1)
    }
}

impl Part {
    /// The part that follows this byte, or `None` if the byte cannot be here.
    fn next(self, byte: u8, size: &mut u64) -> Option<Self> {
        match (self, byte) {
            (Self::FirstDigit, _) => {
                *size = u64::from(digit(byte)?);
                Some(Self::Digits)
            }
            (Self::Digits | Self::Blanks, b'\t' | b' ') => Some(Self::Blanks),
            (Self::Digits | Self::Blanks, b';') => Some(Self::Extension),
            (Self::Digits | Self::Blanks | Self::Extension, b'\r') => Some(Self::SizeLf),
            (Self::Digits, _) => {
                *size = size.checked_mul(16)? + u64::from(digit(byte)?);
                Some(Self::Digits)
            }
            (Self::Extension, 0x00..=0x08 | 0x0a..=0x1f | 0x7f) => None,
            (Self::Extension, _) => Some(Self::Extension),
            (Self::SizeLf, b'\n') => Some(if *size > 0 { Self::Data } else { Self::EndCr }),
            (Self::DataCr, b'\r') => Some(Self::DataLf),
            (Self::DataLf, b'\n') => Some(Self::FirstDigit),
            (Self::EndCr, b'\r') => Some(Self::EndLf),
            (Self::Trailer, b'\r') => Some(Self::TrailerLf),
            (Self::EndCr | Self::Trailer, _) => Some(Self::Trailer),
            (Self::TrailerLf, b'\n') => Some(Self::EndCr),
            (Self::EndLf, b'\n') => Some(Self::End),
            _ => None,
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
