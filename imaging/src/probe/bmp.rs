//! Reads the header of a bitmap of Windows or OS/2: the core header, the info header of any version, and that of OS/2 2.x,
//! which may end early. Variants that are not decoded are reported by their name. The decoder gets a header of one version
//! that is made from these fields.

use crate::Error;

/// Offset of the header, which begins with its own size, behind the header of the file.
const HEADER: usize = 14;

/// Sizes of headers: the core header, the first info header, the same with three and with four bit masks, and version 5.
const CORE: usize = 12;
const INFO: usize = 40;
const INFO_RGB: usize = 52;
const INFO_RGBA: usize = 56;
const OS2: usize = 64;
const V5: usize = 124;

/// The fields of the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Whether the rows are stored from top to bottom.
    pub(crate) top_down: bool,
    /// Bits per pixel.
    pub(crate) bits: u8,
    pub(crate) encoding: Encoding,
    pub(crate) colours: ColorTable,
    /// Offset of the pixels.
    pub(crate) data: usize,
    /// Start and end of the colour profile.
    profile: Option<(usize, usize)>,
}

/// How pixels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    /// Run-length encoded indices.
    RunLength,
    /// The bits of red, green, blue and opacity. A mask may be 0.
    Masks([u32; 4]),
}

/// Where the colours of indices are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColorTable {
    pub(crate) start: usize,
    pub(crate) count: usize,
    /// Bytes per colour: blue, green, red, and one without a meaning.
    pub(crate) entry: usize,
}

/// Reads little-endian fields. Those behind the end of a short header are 0.
#[derive(Clone, Copy)]
struct Fields<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl Fields<'_> {
    /// The number of `N` bytes at an offset of the header.
    fn number<const N: usize>(self, at: usize) -> Result<u32, Error> {
        if at + N > self.size {
            return Ok(0);
        }
        let field = self.bytes.get(HEADER + at..HEADER + at + N).ok_or_else(damaged)?;
        Ok(field.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }
}

fn damaged() -> Error {
    Error::damaged("an invalid bitmap header")
}

impl Header {
    /// Reads the header. A negative height means that the rows are stored from top to bottom.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let size = Fields { bytes, size: 4 }.number::<4>(0)? as usize;
        let fields = Fields { bytes, size };
        let (width, height, bits) = if size == CORE {
            (
                fields.number::<2>(4)?.cast_signed(),
                fields.number::<2>(6)?.cast_signed(),
                fields.number::<2>(10)?,
            )
        } else {
            let side = |at| fields.number::<4>(at).map(u32::cast_signed);
            (side(4)?, side(8)?, fields.number::<2>(14)?)
        };
        if width <= 0 || height == 0 {
            return Err(damaged());
        }
        let method = if size == CORE { 0 } else { fields.number::<4>(16)? };
        let encoding = encoding(fields, method, bits)?;
        if encoding == Encoding::RunLength && height < 0 {
            return Err(Error::Unsupported("BMP with run-length encoding from top to bottom"));
        }
        // The masks of the first info header follow it.
        let masks = match (size, method) {
            (INFO, 3) => 12,
            (INFO, 6) => 16,
            _ => 0,
        };
        let start = HEADER + size + masks;
        let used = if size == CORE { 0 } else { fields.number::<4>(32)? };
        let (colours, data) = pixels_and_colours(bytes, start, size, bits, used)?;
        Ok(Self {
            width: width.unsigned_abs(),
            height: height.unsigned_abs(),
            top_down: height < 0,
            bits: bits as u8,
            encoding,
            colours,
            data,
            profile: profile_span(fields)?,
        })
    }

    /// Returns the colour profile of a bitmap, which only version 5 can have.
    pub(crate) fn profile<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (start, end) = self.profile?;
        bytes.get(start..end)
    }

    /// Size of the colour profile in bytes.
    pub(crate) fn profile_size(&self) -> u64 {
        self.profile.map_or(0, |(start, end)| (end - start) as u64)
    }
}

/// Where the colours and the pixels are. A missing offset of the pixels means that they follow the colours.
fn pixels_and_colours(
    bytes: &[u8],
    start: usize,
    size: usize,
    bits: u32,
    used: u32,
) -> Result<(ColorTable, usize), Error> {
    let entry = if size == CORE { 3 } else { 4 };
    let most = if bits <= 8 { 1 << bits } else { 0 };
    let count = if used == 0 || used > most { most } else { used } as usize;
    let field = bytes.get(10..14).and_then(|field| field.first_chunk()).ok_or_else(damaged)?;
    let stated = u32::from_le_bytes(*field) as usize;
    let data = if stated < start { start + count * entry } else { stated };
    let colours = ColorTable { start, count: count.min((data - start) / entry), entry };
    Ok((colours, data))
}

/// Finds out how the pixels are stored, by the number that names the method and the bits per pixel.
fn encoding(fields: Fields<'_>, method: u32, bits: u32) -> Result<Encoding, Error> {
    let is_os2 = (16..=OS2).contains(&fields.size) && !matches!(fields.size, INFO | INFO_RGB | INFO_RGBA);
    let encoding = match (method, bits) {
        (0, 64) => return Err(Error::Unsupported("BMP of 64 bits")),
        (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) => Encoding::Plain,
        (1, 8) | (2, 4) => Encoding::RunLength,
        (3, _) if is_os2 => return Err(Error::Unsupported("BMP with Huffman coding")),
        (4, _) if is_os2 => return Err(Error::Unsupported("BMP with run-length encoding of 24 bits")),
        (3 | 6, 16 | 32) => Encoding::Masks(masks(fields, method, bits)?),
        (4, _) => return Err(Error::Unsupported("BMP with a JPEG inside")),
        (5, _) => return Err(Error::Unsupported("BMP with a PNG inside")),
        (11..=13, _) => return Err(Error::Unsupported("BMP of CMYK")),
        _ => return Err(damaged()),
    };
    Ok(encoding)
}

/// Reads the bit masks. They follow the first info header, and belong to later ones.
fn masks(fields: Fields<'_>, method: u32, bits: u32) -> Result<[u32; 4], Error> {
    let count = if fields.size >= INFO_RGBA || method == 6 { 4 } else { 3 };
    let all = Fields { size: fields.size.max(INFO + 4 * count), ..fields };
    let mut masks = [0; 4];
    for (index, mask) in masks.iter_mut().take(count).enumerate() {
        *mask = all.number::<4>(INFO + 4 * index)?;
        let low = mask.checked_shr(mask.trailing_zeros()).unwrap_or(0);
        if low & low.wrapping_add(1) != 0 {
            return Err(Error::Unsupported("BMP with bit masks that have gaps"));
        }
        if u64::from(*mask) >> bits != 0 {
            return Err(damaged());
        }
    }
    if masks[..3].iter().all(|mask| *mask == 0) { Err(damaged()) } else { Ok(masks) }
}

/// Where an embedded profile is. Its offset counts from the header.
fn profile_span(fields: Fields<'_>) -> Result<Option<(usize, usize)>, Error> {
    if fields.size < V5 || fields.number::<4>(56)? != u32::from_be_bytes(*b"MBED") {
        return Ok(None);
    }
    let start = HEADER + fields.number::<4>(112)? as usize;
    Ok(Some((start, start + fields.number::<4>(116)? as usize)))
}
