//! ZIP archives and PNG pictures that hold what a test wants in them.

use std::io::Cursor;

/// A small picture.
pub fn picture() -> Vec<u8> {
    let image = image::RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 10, y as u8 * 15, 90]));
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

/// The same with a comment.
pub fn commented(comment: &str) -> Vec<u8> {
    let (plain, mut chunk) = (picture(), b"tEXt".to_vec());
    chunk.extend_from_slice(b"Comment\0");
    chunk.extend_from_slice(comment.as_bytes());
    let (head, rest) = plain.split_at(33);
    let length = (chunk.len() as u32 - 4).to_be_bytes();
    let crc = crc32fast::hash(&chunk).to_be_bytes();
    [head, &length, &chunk, &crc, rest].concat()
}

/// An archive of these entries, stored.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let offset = bytes.len() as u32;
        let mut facts = Vec::new();
        // Version, flags (UTF-8), method, time and date, checksum, both sizes, length of the name, of what follows it.
        facts.extend([20_u16, 0x800, 0, 0, 0x21].iter().flat_map(|field| field.to_le_bytes()));
        let length = content.len() as u32;
        facts.extend([crc32fast::hash(content), length, length].iter().flat_map(|field| field.to_le_bytes()));
        facts.extend((name.len() as u16).to_le_bytes());
        facts.extend(0_u16.to_le_bytes());
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&facts);
        bytes.extend(name.as_bytes());
        bytes.extend(*content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&facts);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (count, start) = (entries.len() as u16, bytes.len() as u32);
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].iter().flat_map(|field| field.to_le_bytes()));
    bytes.extend([directory.len() as u32, start].iter().flat_map(|field| field.to_le_bytes()));
    bytes.extend(0_u16.to_le_bytes());
    bytes
}
