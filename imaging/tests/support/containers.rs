//! Files put together byte by byte: chunks, segments, directories, whatever is in them.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

/// An EXIF block with one orientation.
pub fn exif(orientation: u16) -> Vec<u8> {
    let [low, high] = orientation.to_le_bytes();
    [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[low, high, 0, 0, 0, 0, 0, 0]].concat()
}

/// A PNG of any chunks.
pub fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
    for (name, data) in chunks {
        bytes.extend((data.len() as u32).to_be_bytes());
        let body = [name.as_slice(), data].concat();
        bytes.extend(&body);
        bytes.extend(crc(&body).to_be_bytes());
    }
    bytes
}

/// CRC-32 as PNG (and ZIP) has it.
pub fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// A zlib stream.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// A RIFF container of any chunks.
pub fn webp_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, data) in chunks {
        body.extend(riff(**name, data));
    }
    riff(*b"RIFF", &body)
}

/// One RIFF chunk.
pub fn riff(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = [name.as_slice(), &(data.len() as u32).to_le_bytes(), data].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// A lossy key frame (RFC 6386) of a header and modes that are all zeros, which makes an even grey, and of these
/// tokens on top of it. Every bit string is one.
pub fn vp8(width: u16, height: u16, tokens: &[u8]) -> Vec<u8> {
    let blocks = u32::from(width).div_ceil(16) * u32::from(height).div_ceil(16);
    let modes = 200 + 8 * blocks.min(4096);
    let tag = (modes << 5 | 0x10).to_le_bytes();
    let mut bytes = [&tag[..3], b"\x9D\x01\x2A", &width.to_le_bytes(), &height.to_le_bytes()].concat();
    bytes.resize(bytes.len() + modes as usize, 0);
    bytes.extend(tokens);
    bytes
}

/// The canvas chunk of an extended WebP.
pub fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    [vec![flags, 0, 0, 0], side(width), side(height)].concat()
}

/// One frame of an animated WebP: position, size, then its bitstream chunk.
pub fn anmf(x: u32, y: u32, (width, height): (u32, u32), bitstream: &[u8]) -> Vec<u8> {
    let three = |value: u32| value.to_le_bytes()[..3].to_vec();
    [three(x / 2), three(y / 2), three(width - 1), three(height - 1), three(100), vec![0], bitstream.to_vec()]
        .concat()
}

/// One entry of a TIFF directory: tag, type (1 byte, 3 short, 4 long, 7 undefined), values.
#[derive(Debug, Clone)]
pub struct Entry(pub u16, pub u16, pub Vec<u32>);

/// A little-endian TIFF whose strips or tiles lie behind its directory; the entries for their offsets and
/// lengths (`chunk_tags`) are added.
pub fn tiff_of(mut entries: Vec<Entry>, chunk_tags: (u16, u16), chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    let mut offsets = Vec::new();
    for chunk in chunks {
        offsets.push(bytes.len() as u32);
        bytes.extend(chunk);
    }
    entries.push(Entry(chunk_tags.0, 4, offsets));
    entries.push(Entry(chunk_tags.1, 4, chunks.iter().map(|chunk| chunk.len() as u32).collect()));
    entries.sort_by_key(|entry| entry.0);
    let mut directory = (entries.len() as u16).to_le_bytes().to_vec();
    for Entry(tag, kind, values) in &entries {
        let width = match kind {
            3 => 2,
            4 => 4,
            _ => 1,
        };
        let mut data: Vec<u8> =
            values.iter().flat_map(|value| value.to_le_bytes()[..width].to_vec()).collect();
        directory.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        directory.extend((values.len() as u32).to_le_bytes());
        if data.len() > 4 {
            directory.extend((bytes.len() as u32).to_le_bytes());
            bytes.extend(data);
        } else {
            data.resize(4, 0);
            directory.extend(data);
        }
    }
    let start = (bytes.len() as u32).to_le_bytes();
    bytes[4..8].copy_from_slice(&start);
    bytes.extend(directory);
    bytes.extend([0; 4]);
    bytes
}

/// The entries that describe a page's samples.
pub fn tiff_entries(
    (width, height): (u32, u32),
    depths: &[u32],
    photometric: u32,
    compression: u32,
) -> Vec<Entry> {
    vec![
        Entry(256, 4, vec![width]),
        Entry(257, 4, vec![height]),
        Entry(258, 3, depths.to_vec()),
        Entry(259, 3, vec![compression]),
        Entry(262, 3, vec![photometric]),
        Entry(277, 3, vec![depths.len() as u32]),
    ]
}
