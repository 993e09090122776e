//! Chooses the page of a TIFF that is the picture, and refuses camera raws by name. A file may hold thumbnails, reduced
//! copies and masks beside it, in the chain of directories or in the `SubIFDs` of one.

use super::compression;
use super::tags::{
    COMPRESSION, DNG_VERSION, IMAGE_LENGTH, IMAGE_WIDTH, MAKE, NEW_SUBFILE_TYPE, PHOTOMETRIC, SUB_IFDS,
    SUBFILE_TYPE, has_sane_lists,
};
use crate::{Error, ifd::Ifd};

/// Maximum number of entries of all directories that are looked at. Pages behind them are not.
const MAX_ENTRIES_READ: usize = 1 << 16;
/// Maximum number of `SubIFDs` of a directory that are looked at.
const MAX_SUB_IFDS: usize = 16;

/// `PhotometricInterpretation` of the samples of a sensor: under a colour filter array, and as linear light.
const SENSOR_PHOTOMETRICS: [u64; 2] = [32_803, 34_892];
/// `PhotometricInterpretation` of a transparency mask.
const MASK: u64 = 4;

/// The pages that were seen so far.
struct Pages<'a> {
    /// The page to take, with its rank.
    best: Option<(Rank, Ifd<'a>)>,
    /// Whether the first page says that it is one of a document. It is no thumbnail then.
    first_of_document: bool,
    entries_left: usize,
}

/// What speaks for a page: the greatest rank wins, and the first of equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    kind: Kind,
    pixels: u64,
}

/// What a page is, by its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Mask,
    Reduced,
    Full,
}

/// Returns the largest page that is not marked as a reduced copy, or the first page of a document.
pub(super) fn main_page(bytes: &[u8]) -> Result<Ifd<'_>, Error> {
    let first = Ifd::first(bytes).ok_or_else(|| Error::damaged("no directory"))?;
    if !has_sane_lists(&first) {
        return Err(Error::damaged("a directory that is truncated, or that has too many entries or values"));
    }
    if let Some(name) = raw_header(bytes) {
        return Err(Error::Unsupported(name));
    }
    let mut pages = Pages {
        best: None,
        first_of_document: kind(&first) == Kind::Full && is_page_of_document(&first),
        entries_left: MAX_ENTRIES_READ,
    };
    let mut page = first;
    // Brent's search for a cycle: it compares with one directory of before, which moves up at powers of two.
    let (mut landmark, mut steps, mut power) = (first.offset(), 0_u64, 1);
    while pages.visit_with_children(page)? {
        let next = page.next();
        let Some(following) = page.at(next).filter(|_| next != 0) else { break };
        if next == landmark {
            return Err(Error::damaged("the directories form a cycle"));
        }
        page = following;
        steps += 1;
        if steps == power {
            (landmark, steps, power) = (page.offset(), 0, 2 * power);
        }
    }
    Ok(pages.best.map_or(first, |(_, page)| page))
}

impl<'a> Pages<'a> {
    /// Looks at a page and at its `SubIFDs`. Returns whether to go on.
    fn visit_with_children(&mut self, page: Ifd<'a>) -> Result<bool, Error> {
        let goes_on = self.visit(page)?;
        let children = page.find(SUB_IFDS).into_iter().flat_map(|links| links.numbers().take(MAX_SUB_IFDS));
        for child in children.filter_map(|offset| page.at(offset)) {
            if !self.visit(child)? {
                return Ok(false);
            }
        }
        Ok(goes_on)
    }

    fn visit(&mut self, page: Ifd<'a>) -> Result<bool, Error> {
        let Some(left) = self.entries_left.checked_sub(page.len() + 1) else { return Ok(false) };
        self.entries_left = left;
        if is_camera_raw(&page) {
            return Err(Error::Unsupported(raw_name(&page)));
        }
        let side = |tag| page.number(tag).unwrap_or(0);
        let pixels = side(IMAGE_WIDTH).saturating_mul(side(IMAGE_LENGTH));
        let rank = Rank { kind: kind(&page), pixels };
        let is_better = match &self.best {
            None => true,
            Some((best, _)) if self.first_of_document => rank.kind > best.kind,
            Some((best, _)) => rank > *best,
        };
        if is_better && (self.best.is_none() || has_sane_lists(&page)) {
            self.best = Some((rank, page));
        }
        Ok(true)
    }
}

fn kind(page: &Ifd<'_>) -> Kind {
    let marks = page.number(NEW_SUBFILE_TYPE).unwrap_or(0);
    if marks & 4 != 0 || page.number(PHOTOMETRIC) == Some(MASK) {
        Kind::Mask
    } else if marks & 1 != 0 || page.number(SUBFILE_TYPE) == Some(2) {
        Kind::Reduced
    } else {
        Kind::Full
    }
}

fn is_page_of_document(page: &Ifd<'_>) -> bool {
    page.number(NEW_SUBFILE_TYPE).is_some_and(|marks| marks & 2 != 0) || page.number(SUBFILE_TYPE) == Some(3)
}

fn is_camera_raw(page: &Ifd<'_>) -> bool {
    page.contains(DNG_VERSION)
        || page.number(PHOTOMETRIC).is_some_and(|value| SENSOR_PHOTOMETRICS.contains(&value))
        || page.number(COMPRESSION).is_some_and(compression::is_of_cameras)
}

/// Recognises what cameras put between the header of a TIFF and its directories.
fn raw_header(bytes: &[u8]) -> Option<&'static str> {
    match bytes.get(4..16)? {
        [16, 0, 0, 0, b'C', b'R', 2, ..] => Some("camera raw (CR2)"),
        [_, _, _, _, b'I', b'I', b'I', b'I', _, b'w', b'a', b'R']
        | [_, _, _, _, b'M', b'M', b'M', b'M', b'R', b'a', b'w', _] => Some("camera raw (IIQ)"),
        _ => None,
    }
}

/// Names a camera raw by the maker that one of its directories states.
fn raw_name(page: &Ifd<'_>) -> &'static str {
    const MAKERS: [(&[u8], &str); 7] = [
        (b"NIKON", "camera raw (NEF)"),
        (b"CANON", "camera raw (CR2)"),
        (b"SONY", "camera raw (ARW)"),
        (b"PENTAX", "camera raw (PEF)"),
        (b"SAMSUNG", "camera raw (SRW)"),
        (b"HASSELBLAD", "camera raw (3FR)"),
        (b"EPSON", "camera raw (ERF)"),
    ];
    if page.contains(DNG_VERSION) {
        return "camera raw (DNG)";
    }
    // The sensor's samples may lie in a directory without a maker, below one that has it.
    let maker = [Some(*page), page.root()].into_iter().flatten().find_map(|page| page.find(MAKE));
    let maker = maker.map(|maker| maker.bytes()).unwrap_or_default();
    let is_by = |name: &[u8]| maker.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    MAKERS.iter().find(|(name, _)| is_by(name)).map_or("camera raw", |(_, format)| format)
}
