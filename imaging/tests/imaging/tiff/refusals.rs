//! What is not decoded is refused by its name, and never as damaged: a tag that changes what bits mean is honoured or
//! refused.

use super::try_decode;
use crate::support::containers::{Entry, tiff_entries, tiff_of};
use crate::tiff_support::STRIPS;
use huemill_imaging::Error;

/// The name of the variant that a page with this entry is refused by. The entry replaces others with its tag.
#[track_caller]
fn refused(depths: &[u32], photometric: u32, entry: Entry) -> &'static str {
    let mut entries = tiff_entries((4, 4), depths, photometric, 1);
    entries.retain(|other| other.0 != entry.0);
    entries.push(entry);
    match try_decode(&tiff_of(entries, STRIPS, &[vec![0; 600]])) {
        Err(Error::Unsupported(name)) => name,
        other => panic!("{:?}", other.map(|raster| raster.pixel(0, 0))),
    }
}

#[test]
fn compressions_are_named() {
    let names = [
        (6, "old-style JPEG"),
        (9, "JBIG"),
        (32_766, "NeXT"),
        (32_771, "word-aligned fax"),
        (32_809, "ThunderScan"),
        (34_661, "JBIG"),
        (34_676, "LogLuv"),
        (34_712, "JPEG 2000"),
        (34_887, "LERC"),
        (34_925, "LZMA"),
        (50_001, "WebP"),
        (50_002, "JPEG XL"),
        (4711, "unknown compression"),
    ];
    for (compression, name) in names {
        let found = refused(&[8; 3], 2, Entry(259, 3, vec![compression]));
        assert!(found.contains("TIFF") && found.contains(name), "{found}");
    }
}

#[test]
fn sample_formats_and_depths_are_named() {
    let float = refused(&[32; 3], 2, Entry(339, 3, vec![3; 3]));
    assert!(float.contains("floating-point"), "{float}");
    assert!(refused(&[16], 1, Entry(339, 3, vec![2])).contains("signed"));
    assert!(refused(&[16], 1, Entry(32_996, 3, vec![1])).contains("signed"), "the older tag");
    assert!(refused(&[32], 1, Entry(339, 3, vec![1])).contains("more than 16 bits"));
    assert!(refused(&[8; 3], 2, Entry(258, 3, vec![8, 8, 4])).contains("different depths"));
    assert!(refused(&[16], 3, Entry(320, 3, vec![0; 12])).contains("palette"));
    assert!(refused(&[8; 3], 2, Entry(277, 3, vec![17])).contains("number of samples"));
}

#[test]
fn colour_spaces_are_named() {
    for (photometric, name) in
        [(8, "L*a*b*"), (9, "L*a*b*"), (10, "L*a*b*"), (32_845, "LogLuv"), (77, "unknown")]
    {
        let found = refused(&[8; 3], 2, Entry(262, 3, vec![photometric]));
        assert!(found.contains(name), "{found}");
    }
    assert!(refused(&[8], 1, Entry(262, 3, vec![4])).contains("mask"));
    assert!(refused(&[8; 3], 2, Entry(262, 3, vec![5])).contains("fewer samples"));
    assert!(refused(&[8; 3], 2, Entry(346, 3, vec![1])).contains("indices"));
    assert!(refused(&[8; 4], 5, Entry(332, 3, vec![2])).contains("inks"));
    assert!(refused(&[8; 4], 5, Entry(336, 3, vec![20, 230])).contains("dot range"));
    assert!(refused(&[8; 3], 6, Entry(530, 3, vec![3, 1])).contains("subsampling"));
    assert!(refused(&[16; 3], 6, Entry(530, 3, vec![1, 1])).contains("YCbCr"));
    let reference = [16, 235].repeat(3).into_iter().flat_map(|value| [value, 1]).collect();
    assert!(refused(&[8; 3], 2, Entry(532, 5, reference)).contains("reference black"));
}

#[test]
fn what_says_how_bits_lie_is_named() {
    assert!(refused(&[8; 3], 2, Entry(266, 3, vec![3])).contains("order of bits"));
    assert!(refused(&[8; 3], 2, Entry(284, 3, vec![3])).contains("planes"));
    assert!(refused(&[8; 3], 2, Entry(317, 3, vec![3])).contains("floating-point"));
    assert!(refused(&[8], 1, Entry(32_997, 4, vec![5])).contains("volume"));
    assert!(refused(&[8], 1, Entry(259, 3, vec![4])).contains("fax compression for more"));
    let mut entries = tiff_entries((4, 4), &[1], 0, 3);
    entries.push(Entry(292, 4, vec![2]));
    let result = try_decode(&tiff_of(entries, STRIPS, &[vec![0; 600]]));
    assert!(matches!(result, Err(Error::Unsupported(name)) if name.contains("uncompressed mode")));
    let mut entries = tiff_entries((4, 4), &[4], 1, 5);
    entries.push(Entry(317, 3, vec![2]));
    let result = try_decode(&tiff_of(entries, STRIPS, &[vec![0; 600]]));
    assert!(matches!(result, Err(Error::Unsupported(name)) if name.contains("predictor")));
}

#[test]
fn tags_that_repeat_a_default_change_nothing() {
    let reference = [0, 255].repeat(3).into_iter().flat_map(|value| [value, 1]).collect();
    for (depths, photometric, entry) in [
        (&[8; 3][..], 2, Entry(532, 5, reference)),
        (&[8; 4], 5, Entry(332, 3, vec![1])),
        (&[8; 4], 5, Entry(336, 3, vec![0, 255])),
        (&[8; 3], 2, Entry(339, 3, vec![1; 3])),
        (&[8; 3], 2, Entry(266, 3, vec![1])),
        // Without differences, libtiff ignores it too.
        (&[8; 3], 2, Entry(317, 3, vec![2])),
    ] {
        let mut entries = tiff_entries((4, 4), depths, photometric, 1);
        let plain = try_decode(&tiff_of(entries.clone(), STRIPS, &[vec![9; 600]])).unwrap();
        entries.push(entry.clone());
        assert_eq!(try_decode(&tiff_of(entries, STRIPS, &[vec![9; 600]])).unwrap(), plain, "{entry:?}");
    }
}
