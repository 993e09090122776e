//! Reads what matters in the metadata of a picture: its orientation, by EXIF or else by XMP, and the colour space that EXIF
//! names. The probes of all formats feed it the blocks that they find. Blocks that are invalid count as missing.

use memchr::memmem;

use crate::Orientation;
use crate::ifd::Ifd;

/// EXIF 2.32: orientation, the directories of EXIF and of interoperability, colour space, interoperability index.
const ORIENTATION: u16 = 274;
const EXIF: u16 = 34_665;
const INTEROPERABILITY: u16 = 40_965;
const COLOR_SPACE: u16 = 40_961;
const INTEROPERABILITY_INDEX: u16 = 1;

/// Maximum number of bytes of an XMP packet that are searched. Packets have a few kilobytes before their padding.
const MAX_XMP: usize = 256 << 10;

/// What the metadata of a picture states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    exif_orientation: Option<Orientation>,
    xmp_orientation: Option<Orientation>,
    /// Whether EXIF says that the samples are Adobe RGB (the DCF option of EXIF).
    pub(crate) adobe_rgb: bool,
}

impl Metadata {
    /// Adds an EXIF block, with or without its header. The first block with a valid orientation counts.
    pub(crate) fn add_exif(&mut self, exif: &[u8]) {
        let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
        if let Some(directory) = Ifd::first(exif) {
            self.add_directory(&directory);
        }
    }

    /// Adds a directory with the tags of EXIF.
    pub(crate) fn add_directory(&mut self, directory: &Ifd<'_>) {
        if self.exif_orientation.is_none() {
            let value = directory.number(ORIENTATION).filter(|value| (1..=8).contains(value));
            self.exif_orientation = value.map(Orientation::from_exif);
        }
        self.adobe_rgb |= is_adobe_rgb(directory);
    }

    /// Adds an XMP packet.
    pub(crate) fn add_xmp(&mut self, xmp: &[u8]) {
        if self.xmp_orientation.is_none() {
            self.xmp_orientation = xmp_orientation(&xmp[..xmp.len().min(MAX_XMP)]);
        }
    }

    /// Whether an EXIF block has an orientation, so that no other source is needed.
    pub(crate) fn has_exif_orientation(self) -> bool {
        self.exif_orientation.is_some()
    }

    /// How to turn the picture upright. Without any statement, it is upright.
    pub(crate) fn orientation(self) -> Orientation {
        self.exif_orientation.or(self.xmp_orientation).unwrap_or_default()
    }
}

/// DCF 2.0 stores Adobe RGB as an uncalibrated colour space with the interoperability index R03. Some cameras state 2
/// instead, which the standard does not have.
fn is_adobe_rgb(directory: &Ifd<'_>) -> bool {
    let Some(exif) = directory.child(EXIF) else { return false };
    let index = exif.child(INTEROPERABILITY);
    let index = index.and_then(|index| Some(index.find(INTEROPERABILITY_INDEX)?.bytes()));
    let starts = |name: &[u8]| index.is_some_and(|index| index.starts_with(name));
    match exif.number(COLOR_SPACE) {
        Some(0xFFFF) => starts(b"R03"),
        Some(2) => !starts(b"R98"),
        _ => false,
    }
}

/// Finds `tiff:Orientation` in a packet, as an attribute or as an element. Only a value from 1 to 8 counts.
fn xmp_orientation(xmp: &[u8]) -> Option<Orientation> {
    memmem::find_iter(xmp, b"tiff:Orientation").find_map(|at| {
        let rest = xmp[at..].strip_prefix(b"tiff:Orientation")?.trim_ascii_start();
        let value = match rest.split_first()? {
            (b'>', text) => text.trim_ascii_start(),
            (b'=', quoted) => quoted
                .trim_ascii_start()
                .strip_prefix(b"\"")
                .or_else(|| quoted.trim_ascii_start().strip_prefix(b"'"))?,
            _ => return None,
        };
        match value {
            [digit @ b'1'..=b'8', end, ..] if !end.is_ascii_digit() => {
                Some(Orientation::from_exif(u64::from(digit - b'0')))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmp_states_an_orientation_as_attribute_or_element() {
        let table: &[(&str, Option<u8>)] = &[
            ("<rdf:Description tiff:Orientation=\"6\"/>", Some(6)),
            ("<rdf:Description tiff:Orientation = '8' />", Some(8)),
            ("<tiff:Orientation>3</tiff:Orientation>", Some(3)),
            ("<tiff:Orientation>\n 5 </tiff:Orientation>", Some(5)),
            ("see tiff:Orientation, then <tiff:Orientation>2</tiff:Orientation>", Some(2)),
            ("tiff:Orientation=\"12\"", None),
            ("tiff:Orientation=\"0\"", None),
            ("tiff:Orientation=\"9\"", None),
            ("tiff:Orientation=\"6", None),
            ("tiff:Orientation", None),
            ("", None),
        ];
        for (text, expected) in table {
            let mut metadata = Metadata::default();
            metadata.add_xmp(text.as_bytes());
            let found = metadata.xmp_orientation.map(Orientation::exif);
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn an_orientation_far_inside_a_packet_is_not_searched() {
        let mut text = vec![b' '; MAX_XMP];
        text.extend(b"tiff:Orientation=\"6\"");
        let mut metadata = Metadata::default();
        metadata.add_xmp(&text);
        assert_eq!(metadata.orientation(), Orientation::Upright);
    }
}
