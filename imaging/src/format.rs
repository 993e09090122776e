//! Detects the format of a picture by its content, never by its file name. The probe and the upload code call it. It
//! cannot fail: unknown content is [`Sniffed::Unrecognised`].

/// The formats that are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// ITU-T T.81, baseline and progressive.
    Jpeg,
    /// Portable Network Graphics. Of an animation, the default image is decoded.
    Png,
    /// WebP, lossy and lossless. Of an animation, the first frame is decoded.
    WebP,
    /// `GIF87a` and `GIF89a`. The first frame is decoded.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF and `BigTIFF`. The largest page that is no reduced copy is decoded.
    Tiff,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::WebP, Self::Gif, Self::Bmp, Self::Tiff];

    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
        }
    }
}

/// The result of format detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// A format that is decoded.
    Supported(Format),
    /// A known format that is not decoded, by its usual name ("HEIC", "SVG").
    Unsupported(&'static str),
    /// No known format.
    Unrecognised,
}

/// The formats that start with fixed bytes.
const SIGNATURES: &[(&[u8], Sniffed)] = &[
    (b"\xFF\xD8\xFF", Sniffed::Supported(Format::Jpeg)),
    (b"\x89PNG\r\n\x1A\n", Sniffed::Supported(Format::Png)),
    (b"GIF87a", Sniffed::Supported(Format::Gif)),
    (b"GIF89a", Sniffed::Supported(Format::Gif)),
    (b"II*\0", Sniffed::Supported(Format::Tiff)),
    (b"MM\0*", Sniffed::Supported(Format::Tiff)),
    (b"II+\0", Sniffed::Supported(Format::Tiff)),
    (b"MM\0+", Sniffed::Supported(Format::Tiff)),
    (b"IIRO", Sniffed::Unsupported("camera raw (ORF)")),
    (b"IIRS", Sniffed::Unsupported("camera raw (ORF)")),
    (b"MMOR", Sniffed::Unsupported("camera raw (ORF)")),
    (b"IIU\0", Sniffed::Unsupported("camera raw (RW2)")),
    (b"FUJIFILMCCD-RAW", Sniffed::Unsupported("camera raw (RAF)")),
    (b"\0MRM", Sniffed::Unsupported("camera raw (MRW)")),
    (b"FOVb", Sniffed::Unsupported("camera raw (X3F)")),
    (b"\0\0\0\x0CJXL \r\n\x87\n", Sniffed::Unsupported("JPEG XL")),
    (b"\xFF\x0A", Sniffed::Unsupported("JPEG XL")),
    (b"\0\0\0\x0CjP  \r\n\x87\n", Sniffed::Unsupported("JPEG 2000")),
    (b"\xFF\x4F\xFF\x51", Sniffed::Unsupported("JPEG 2000")),
    (b"II\xBC", Sniffed::Unsupported("JPEG XR")),
    (b"8BPS", Sniffed::Unsupported("PSD")),
    (b"\0\0\x01\0", Sniffed::Unsupported("ICO")),
    (b"icns", Sniffed::Unsupported("ICNS")),
    (b"P1\n", Sniffed::Unsupported("PBM")),
    (b"P2\n", Sniffed::Unsupported("PGM")),
    (b"P3\n", Sniffed::Unsupported("PPM")),
    (b"P4\n", Sniffed::Unsupported("PBM")),
    (b"P5\n", Sniffed::Unsupported("PGM")),
    (b"P6\n", Sniffed::Unsupported("PPM")),
    (b"%PDF-", Sniffed::Unsupported("PDF")),
    (b"%!PS", Sniffed::Unsupported("PostScript")),
    (b"\x76\x2F\x31\x01", Sniffed::Unsupported("OpenEXR")),
    (b"#?RADIANCE", Sniffed::Unsupported("Radiance HDR")),
    (b"qoif", Sniffed::Unsupported("QOI")),
    (b"DDS ", Sniffed::Unsupported("DDS")),
    (b"gimp xcf", Sniffed::Unsupported("XCF")),
    (b"\x8AMNG\r\n\x1A\n", Sniffed::Unsupported("MNG")),
    (b"\x8BJNG\r\n\x1A\n", Sniffed::Unsupported("JNG")),
];

/// Detects the format of the input that starts with `head`. 64 bytes are enough for all formats except SVG, whose
/// prolog can be longer. `head` may be the whole input; only the start is read.
#[must_use]
pub fn sniff(head: &[u8]) -> Sniffed {
    if let Some((_, sniffed)) = SIGNATURES.iter().find(|(bytes, _)| head.starts_with(bytes)) {
        return *sniffed;
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return Sniffed::Supported(Format::WebP);
    }
    if is_bitmap(head) {
        return Sniffed::Supported(Format::Bmp);
    }
    if let Some(name) = media_file(head).or_else(|| is_svg(head).then_some("SVG")) {
        return Sniffed::Unsupported(name);
    }
    Sniffed::Unrecognised
}

/// Whether these bytes are the beginning of a supported format's signature and no more: those of a picture that was cut
/// off at once.
pub(crate) fn is_cut_signature(bytes: &[u8]) -> bool {
    let webp = bytes.starts_with(b"RIFF") && b"WEBP".starts_with(bytes.get(8..).unwrap_or_default());
    let begins = |(signature, sniffed): &(&[u8], Sniffed)| {
        matches!(sniffed, Sniffed::Supported(_)) && signature.starts_with(bytes)
    };
    !bytes.is_empty()
        && (SIGNATURES.iter().any(begins)
            || webp
            || b"RIFF".starts_with(bytes)
            || (bytes.len() < 18 && b"BM".starts_with(&bytes[..bytes.len().min(2)])))
}

/// "BM" can also start a text, so the header size that follows must be a valid one.
fn is_bitmap(head: &[u8]) -> bool {
    let known = |size: &[u8]| matches!(size, [12 | 16..=64 | 108 | 124, 0, 0, 0]);
    head.starts_with(b"BM") && head.get(14..18).is_some_and(known)
}

/// Detects ISO base media files by the brands in their first box (ISO/IEC 14496-12, 4.3).
fn media_file(head: &[u8]) -> Option<&'static str> {
    if head.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let length = u32::from_be_bytes(*head.first_chunk()?) as usize;
    let brands = head.get(8..length.clamp(12, 64).min(head.len()))?.as_chunks::<4>().0;
    brands.iter().find_map(|brand| match brand {
        b"avif" | b"avis" => Some("AVIF"),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => Some("HEIC"),
        b"mif1" | b"msf1" | b"miaf" => Some("HEIF"),
        b"crx " => Some("camera raw (CR3)"),
        _ => None,
    })
}

/// Finds an `svg` element, or a DOCTYPE that names it, after any mix of byte order mark, white space, XML declaration
/// and comments. Reads UTF-16 by leaving out its zero bytes.
fn is_svg(head: &[u8]) -> bool {
    let wide = head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF");
    let head = &head[..head.len().min(4096)];
    let text: Vec<u8> = head.iter().copied().filter(|&byte| !wide || byte != 0).collect();
    let marks: &[&[u8]] = &[b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"];
    let mut rest = marks.iter().find_map(|mark| text.strip_prefix(*mark)).unwrap_or(&text);
    loop {
        rest = rest.trim_ascii_start();
        if let Some(tail) = strip_ignoring_case(rest, b"<!doctype") {
            return strip_ignoring_case(tail.trim_ascii_start(), b"svg").is_some();
        }
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            _ => break,
        };
        let Some(at) = rest.windows(end.len()).position(|window| window == end) else { return false };
        rest = &rest[at + end.len()..];
    }
    // An element may carry a namespace prefix: `<svg`, `<svg:svg`.
    rest.strip_prefix(b"<svg").is_some_and(|tail| !tail.first().is_some_and(u8::is_ascii_alphanumeric))
}

fn strip_ignoring_case<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_is_cut_off_in_its_signature_is_told_from_other_files() {
        let webp: &[u8] = b"RIFF\x10\0\0\0WEBP";
        let bitmap: &[u8] = b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0";
        let signatures = SIGNATURES.iter().filter(|(_, sniffed)| matches!(sniffed, Sniffed::Supported(_)));
        for whole in signatures.map(|(bytes, _)| *bytes).chain([webp, bitmap]) {
            assert!((1..whole.len()).all(|length| is_cut_signature(&whole[..length])), "{whole:?}");
            assert!(sniff(whole) != Sniffed::Unrecognised, "{whole:?}");
        }
        for other in [&b""[..], b"<", b"PK", b"RIFF\x10\0\0\0WAVE", b"BM is a text that is not a bitmap"] {
            assert!(!is_cut_signature(other), "{other:?}");
        }
    }

    #[test]
    fn content_decides_the_format_and_names_unsupported_ones() {
        let table: &[(&[u8], Sniffed)] = &[
            (b"", Sniffed::Unrecognised),
            (b"<!doctype html><html>", Sniffed::Unrecognised),
            (b"<?xml version='1.0'?><rss>", Sniffed::Unrecognised),
            (b"BMX and other words of a text", Sniffed::Unrecognised),
            (b"\0\0\x01\0\x01\0\x10\x10", Sniffed::Unsupported("ICO")),
            (b"RIFF\x10\0\0\0WAVEfmt ", Sniffed::Unrecognised),
            (b"\0\0\0\x18ftypisom\0\0\x02\0isommp42", Sniffed::Unrecognised),
            (b"\xFF\xD8\xFF\xE0", Sniffed::Supported(Format::Jpeg)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Sniffed::Supported(Format::WebP)),
            (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", Sniffed::Supported(Format::Bmp)),
            (b"MM\0*\0\0\0\x08", Sniffed::Supported(Format::Tiff)),
            (b"\0\0\0\x1CftypavifMIHB", Sniffed::Unsupported("AVIF")),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Sniffed::Unsupported("HEIC")),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Sniffed::Unsupported("HEIF")),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", Sniffed::Unsupported("camera raw (CR3)")),
            (b"FUJIFILMCCD-RAW 0201", Sniffed::Unsupported("camera raw (RAF)")),
            (b"IIRO\x08\0\0\0", Sniffed::Unsupported("camera raw (ORF)")),
            (b"IIU\0\x18\0\0\0", Sniffed::Unsupported("camera raw (RW2)")),
            (b"%PDF-1.7", Sniffed::Unsupported("PDF")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Sniffed::Unsupported("SVG")),
            (b"\xEF\xBB\xBF \n<?xml version='1.0'?><!-- a --><svg>", Sniffed::Unsupported("SVG")),
            (b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'b'>]>", Sniffed::Unsupported("SVG")),
            (b"\xFF\xFE<\0s\0v\0g\0>\0", Sniffed::Unsupported("SVG")),
            (b"<svgx>", Sniffed::Unrecognised),
        ];
        for (head, expected) in table {
            assert_eq!(sniff(head), *expected, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
