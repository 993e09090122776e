//! Reads EXIF and XMP from the text chunks of a PNG (W3C PNG, third edition, 11.3.3): the packet of XMP in `iTXt`, and the
//! hexadecimal "Raw profile type" of ImageMagick and ExifTool. The probe of PNG calls it for pictures without an `eXIf`
//! chunk. What is compressed is inflated up to a limit. Invalid chunks count as missing.

use std::io::Read;

use flate2::bufread::ZlibDecoder;

use crate::metadata::Metadata;

/// Maximum size of a text in bytes, and the same for its compressed form. EXIF without a thumbnail has a few kilobytes.
const MAX_TEXT: usize = 64 << 10;

/// Maximum number of texts that are read.
const MAX_TEXTS: usize = 4;

/// The text chunks of a picture that can contain metadata: name and data.
#[derive(Default)]
pub(super) struct TextChunks<'a> {
    found: [Option<([u8; 4], &'a [u8])>; MAX_TEXTS],
}

impl<'a> TextChunks<'a> {
    /// Keeps the chunk if it can contain metadata, and if there is room.
    pub(super) fn add(&mut self, name: [u8; 4], data: &'a [u8]) {
        let is_known = matches!(&name, b"tEXt" | b"zTXt" | b"iTXt")
            && (data.starts_with(b"Raw profile type ") || data.starts_with(b"XML:com.adobe.xmp\0"));
        if is_known && let Some(place) = self.found.iter_mut().find(|place| place.is_none()) {
            *place = Some((name, data));
        }
    }

    /// Adds what the chunks contain.
    pub(super) fn read_into(&self, metadata: &mut Metadata) {
        for (name, data) in self.found.iter().flatten() {
            let Some((keyword, text)) = split_at_zero(data) else { continue };
            let inflated;
            let text = match stored_text(*name, text) {
                Some(Stored::Plain(text)) => text,
                Some(Stored::Deflated(data)) => {
                    inflated = inflate(data);
                    &inflated
                }
                None => continue,
            };
            match keyword {
                b"XML:com.adobe.xmp" => metadata.add_xmp(text),
                b"Raw profile type exif" | b"Raw profile type APP1" => {
                    let block = raw_profile(text);
                    match block.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                        Some(xmp) => metadata.add_xmp(xmp),
                        None => metadata.add_exif(&block),
                    }
                }
                b"Raw profile type xmp" => metadata.add_xmp(&raw_profile(text)),
                _ => {}
            }
        }
    }
}

/// A text as it lies in its chunk.
enum Stored<'a> {
    Plain(&'a [u8]),
    Deflated(&'a [u8]),
}

/// Finds the text behind the keyword of a chunk.
fn stored_text(name: [u8; 4], rest: &[u8]) -> Option<Stored<'_>> {
    match (&name, rest) {
        (b"tEXt", text) => Some(Stored::Plain(text)),
        (b"zTXt", [0, data @ ..]) => Some(Stored::Deflated(data)),
        (b"iTXt", [flag, method, rest @ ..]) => {
            let (_language, rest) = split_at_zero(rest)?;
            let (_translated, text) = split_at_zero(rest)?;
            match (flag, method) {
                (0, _) => Some(Stored::Plain(text)),
                (1, 0) => Some(Stored::Deflated(text)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn split_at_zero(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(0, data)?;
    Some((&data[..at], &data[at + 1..]))
}

/// Inflates as much as the limits allow and as is valid. What matters lies at the start.
fn inflate(data: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(MAX_TEXT);
    let mut decoder = ZlibDecoder::new(&data[..data.len().min(MAX_TEXT)]).take(MAX_TEXT as u64);
    let mut part = [0; 1024];
    while let Ok(length @ 1..) = decoder.read(&mut part) {
        text.extend_from_slice(&part[..length]);
    }
    text
}

/// Decodes a raw profile: a line with its name, one with its length in bytes, then hexadecimal digits in lines.
fn raw_profile(text: &[u8]) -> Vec<u8> {
    let text = &text[..text.len().min(MAX_TEXT)];
    let mut lines = text.trim_ascii_start().splitn(3, |byte| *byte == b'\n');
    let digits = lines.nth(2).unwrap_or_default().iter().filter(|byte| !byte.is_ascii_whitespace());
    let mut digits = digits.map_while(|byte| char::from(*byte).to_digit(16));
    let mut block = Vec::with_capacity(text.len() / 2);
    while let (Some(high), Some(low)) = (digits.next(), digits.next()) {
        block.push((high << 4 | low) as u8);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_profile_is_hexadecimal_in_lines() {
        assert_eq!(raw_profile(b"\nexif\n      5\n45786966\n0A"), b"Exif\n");
        assert_eq!(raw_profile(b"exif\n4\n4578zz"), b"Ex");
        assert!(raw_profile(b"\nexif\n").is_empty() && raw_profile(b"").is_empty());
    }

    #[test]
    fn a_text_is_inflated_to_the_limit() {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &vec![b'a'; 4 << 20]).unwrap();
        assert_eq!(inflate(&encoder.finish().unwrap()).len(), MAX_TEXT);
        assert!(inflate(b"no zlib").is_empty());
    }
}
