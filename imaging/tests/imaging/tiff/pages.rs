//! Tests which page of a file is the picture.

use super::try_decode;
use crate::support::{
    containers::{Entry, tiff_entries},
    tiff_writer::TiffWriter,
};
use crate::tiff_support::STRIPS;
use huemill_imaging::Error;

/// The entries of a grey page of one value, and its data.
fn page(writer: &mut TiffWriter, size: (u32, u32), value: u8, marks: Vec<Entry>) -> Vec<Entry> {
    let mut entries = tiff_entries(size, &[8], 1, 1);
    entries.extend(writer.chunks(STRIPS, &[vec![value; (size.0 * size.1) as usize]]));
    entries.extend(marks);
    entries
}

/// A page of a test: its size and its marks.
type Page = ((u32, u32), Vec<Entry>);

/// A file of pages, and the index of the one that is decoded.
fn chosen(pages: &[Page], big_endian: bool) -> usize {
    let mut writer = TiffWriter::new(big_endian);
    for (index, (size, marks)) in pages.iter().enumerate() {
        let entries = page(&mut writer, *size, index as u8, marks.clone());
        writer.page(entries);
    }
    let raster = try_decode(&writer.bytes).unwrap();
    let index = usize::from(raster.pixel(0, 0)[0]);
    assert_eq!((raster.width(), raster.height()), pages[index].0);
    index
}

fn new_type(marks: u32) -> Vec<Entry> {
    vec![Entry(254, 4, vec![marks])]
}

fn old_type(kind: u32) -> Vec<Entry> {
    vec![Entry(255, 3, vec![kind])]
}

#[test]
fn the_largest_page_that_is_no_reduced_copy_is_the_picture() {
    for big_endian in [false, true] {
        let chosen = |pages: &[Page]| chosen(pages, big_endian);
        assert_eq!(chosen(&[((16, 12), new_type(1)), ((60, 40), new_type(0))]), 1, "a marked thumbnail");
        assert_eq!(chosen(&[((16, 12), vec![]), ((60, 40), vec![])]), 1, "an unmarked thumbnail");
        assert_eq!(chosen(&[((60, 40), vec![]), ((16, 12), vec![])]), 0, "a thumbnail behind");
        assert_eq!(chosen(&[((30, 20), vec![]), ((60, 40), new_type(1))]), 0, "a larger one that is marked");
        assert_eq!(chosen(&[((30, 20), vec![]), ((60, 40), old_type(2))]), 0, "marked in the old way");
        assert_eq!(chosen(&[((30, 20), vec![]), ((60, 40), new_type(4))]), 0, "a mask");
        assert_eq!(chosen(&[((30, 20), vec![]), ((30, 20), vec![])]), 0, "the first of equals");
        assert_eq!(chosen(&[((16, 12), new_type(1)), ((30, 20), new_type(1))]), 1, "nothing but copies");
        assert_eq!(chosen(&[((30, 20), new_type(2)), ((31, 20), new_type(2))]), 0, "pages of a document");
        assert_eq!(chosen(&[((30, 20), old_type(3)), ((31, 20), old_type(3))]), 0, "the same in the old way");
        assert_eq!(chosen(&[((8, 6), new_type(3)), ((31, 20), new_type(2))]), 1, "a copy of a page");
    }
}

/// A file whose first page has a page below it (`SubIFDs`).
fn with_child(first: Page, child: Page, child_entries: Vec<Entry>) -> Vec<u8> {
    let mut writer = TiffWriter::new(false);
    let mut below = page(&mut writer, child.0, 1, child.1);
    below.retain(|entry| child_entries.iter().all(|other| other.0 != entry.0));
    below.extend(child_entries);
    let offset = writer.directory(below);
    let mut entries = page(&mut writer, first.0, 0, first.1);
    entries.push(Entry(330, 4, vec![offset]));
    writer.page(entries);
    writer.bytes
}

#[test]
fn pages_below_others_count() {
    let bytes = with_child(((16, 12), new_type(1)), ((60, 40), new_type(0)), vec![]);
    assert_eq!(try_decode(&bytes).unwrap().pixel(0, 0), [1; 3]);
    let bytes = with_child(((60, 40), vec![]), ((30, 20), new_type(1)), vec![]);
    assert_eq!(try_decode(&bytes).unwrap().pixel(0, 0), [0; 3]);
}

#[test]
fn camera_raws_are_refused_by_name() {
    let thumbnail = || ((16, 12), new_type(1));
    let raw = |entries| with_child(thumbnail(), ((60, 40), new_type(0)), entries);
    let name = |bytes: &[u8]| match try_decode(bytes) {
        Err(Error::Unsupported(name)) => name,
        other => panic!("{:?}", other.map(|raster| (raster.width(), raster.height()))),
    };
    // The samples of a sensor, and the compressions of cameras.
    for entry in [(262, 32_803), (262, 34_892), (259, 34_713), (259, 32_767), (259, 65_535)] {
        let bytes = raw(vec![Entry(entry.0, 3, vec![entry.1])]);
        assert_eq!(name(&bytes), "camera raw", "{entry:?}");
    }
    let ascii = |text: &str| Entry(271, 2, text.bytes().map(u32::from).collect());
    let makers = [("NIKON CORPORATION\0", "camera raw (NEF)"), ("SONY\0", "camera raw (ARW)")];
    for (maker, format) in makers {
        let bytes = raw(vec![ascii(maker), Entry(262, 3, vec![32_803])]);
        assert_eq!(name(&bytes), format);
    }
    assert_eq!(name(&raw(vec![Entry(50_706, 1, vec![1, 4, 0, 0])])), "camera raw (DNG)");
    let mut writer = TiffWriter::new(false);
    writer.bytes.extend(b"CR\x02\0\0\0\0\0");
    let entries = tiff_entries((4, 4), &[8], 1, 6);
    writer.page(entries);
    assert_eq!(name(&writer.bytes), "camera raw (CR2)");
    // A picture that a camera has stored as a TIFF is no raw.
    let bytes = with_child(((60, 40), vec![ascii("NIKON CORPORATION\0")]), thumbnail(), vec![]);
    assert!(try_decode(&bytes).is_ok());
}

#[test]
fn directories_that_form_a_cycle_are_refused() {
    for (tail, cycle) in [(0, 1), (0, 2), (1, 1), (3, 5), (40, 17)] {
        let mut writer = TiffWriter::new(false);
        let mut start = 0;
        for index in 0..tail + cycle {
            let entries = page(&mut writer, (2, 2), 0, vec![]);
            if index == tail {
                start = writer.bytes.len() as u32;
            }
            writer.page(entries);
        }
        writer.continue_at(start);
        assert!(matches!(try_decode(&writer.bytes), Err(Error::Damaged(_))), "{tail}, {cycle}");
    }
}

#[test]
fn a_chain_of_many_pages_is_read_as_far_as_its_limit() {
    let mut writer = TiffWriter::new(false);
    for index in 0..20_000 {
        let entries = page(&mut writer, (if index == 19_999 { 9 } else { 4 }, 2), 3, vec![]);
        writer.page(entries);
    }
    assert_eq!(try_decode(&writer.bytes).unwrap().width(), 4);
}
