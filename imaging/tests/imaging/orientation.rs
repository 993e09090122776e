//! Tests the eight orientations: their effect on pixels and rectangles, and that they form a group.

use huemill_imaging::{Orientation, Raster, Rect};
use proptest::prelude::*;

/// A raster whose pixels are all different.
fn raster(width: u32, height: u32) -> Raster {
    let pixels = (0..width * height).flat_map(|index| [index as u8, (index >> 8) as u8, 7]);
    Raster::new(width, height, pixels.collect()).unwrap()
}

fn orientation() -> impl Strategy<Value = Orientation> {
    prop::sample::select(&Orientation::ALL[..])
}

#[test]
fn each_exif_value_turns_the_picture_as_specified() {
    // Stored as  a b   with the letter in the red sample of each pixel.
    //            c d
    //            e f
    let stored = Raster::new(2, 3, b"abcdef".iter().flat_map(|&letter| [letter, 0, 0]).collect()).unwrap();
    let expected =
        ["ab|cd|ef", "ba|dc|fe", "fe|dc|ba", "ef|cd|ab", "ace|bdf", "eca|fdb", "fdb|eca", "bdf|ace"];
    for (value, expected) in (1_u64..).zip(expected) {
        let upright = Orientation::from_exif(value).apply(stored.clone());
        let rows: Vec<String> = upright
            .pixels()
            .chunks(upright.width() as usize)
            .map(|row| row.iter().map(|pixel| char::from(pixel[0])).collect())
            .collect();
        assert_eq!(rows.join("|"), expected, "orientation {value}");
    }
}

#[test]
fn invalid_exif_values_count_as_one() {
    for value in [0, 9, 65_535, u64::MAX] {
        assert_eq!(Orientation::from_exif(value), Orientation::Upright);
    }
    for value in 1..=8 {
        assert_eq!(u64::from(Orientation::from_exif(value).exif()), value);
    }
}

#[test]
fn any_two_orientations_combine_to_one_of_the_eight() {
    let stored = raster(3, 2);
    for first in Orientation::ALL {
        for second in Orientation::ALL {
            let both = second.apply(first.apply(stored.clone()));
            let same = Orientation::ALL.iter().filter(|one| one.apply(stored.clone()) == both);
            assert_eq!(same.count(), 1, "{first:?} then {second:?}");
        }
    }
}

proptest! {
    #[test]
    fn the_inverse_restores_the_stored_picture(o in orientation(), w in 1..40_u32, h in 1..40_u32) {
        let stored = raster(w, h);
        let upright = o.apply(stored.clone());
        prop_assert_eq!((upright.width(), upright.height()), o.upright_size(w, h));
        prop_assert_eq!(o.inverse().apply(upright), stored);
    }

    #[test]
    fn a_rectangle_contains_the_same_pixels_upright_and_stored(
        o in orientation(),
        w in 1..20_u32,
        h in 1..20_u32,
        picks in prop::array::uniform4(0.0..1.0_f64),
    ) {
        let stored = raster(w, h);
        let upright = o.apply(stored.clone());
        let [x, y] = [(upright.width(), picks[0]), (upright.height(), picks[1])]
            .map(|(side, pick)| (f64::from(side) * pick) as u32);
        let rect = Rect {
            x,
            y,
            width: 1 + (f64::from(upright.width() - x - 1) * picks[2]) as u32,
            height: 1 + (f64::from(upright.height() - y - 1) * picks[3]) as u32,
        };
        let stored_rect = o.to_stored(rect, w, h);
        let cut = |raster: &Raster, rect: Rect| {
            let rows = rect.y..rect.y + rect.height;
            let data = rows.flat_map(|y| (rect.x..rect.x + rect.width).flat_map(move |x| raster.pixel(x, y)));
            Raster::new(rect.width, rect.height, data.collect()).unwrap()
        };
        prop_assert_eq!(cut(&upright, rect), o.apply(cut(&stored, stored_rect)));
        // The inverse maps the stored rectangle back to the upright one.
        prop_assert_eq!(o.inverse().to_stored(stored_rect, upright.width(), upright.height()), rect);
    }
}
