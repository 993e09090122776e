//! Where the parts of a card are: pure data that follows from the options alone. The engine reads it to know what size to
//! cut, and the canvas to know where to draw. It cannot fail.

use std::ops::Range;

use crate::{Aspect, CardKind, Options, Rect};

/// Maximum height of a card of [`CardKind::Crop`] in pixels. A taller one is made smaller as a whole.
const MAX_CROP_HEIGHT: u32 = 2048;

/// Where the parts of a card are, in pixels of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Width and height of the card.
    pub size: (u32, u32),
    /// The picture.
    pub picture: Rect,
    /// The row of swatches below it, as wide as the picture. It is empty where the card is the crop alone.
    pub swatches: Rect,
    /// Width of the ground between the parts, and of the border at the left, the right and the top.
    pub gap: u32,
}

impl Layout {
    /// Layout of the card for these options. `None` where there is no card.
    ///
    /// The gaps grow with the card. A row of swatches takes a sixth to a fifth of the height, and a quarter on the palette
    /// card.
    #[must_use]
    pub fn of(options: &Options) -> Option<Self> {
        match options.card_kind {
            CardKind::Palette => Some(Self::stacked((1096, 736), 8, 178, 8)),
            CardKind::Og => Some(Self::stacked((1200, 630), 10, 105, 10)),
            CardKind::Square => Some(Self::stacked((1080, 1080), 12, 192, 12)),
            CardKind::Portrait => Some(Self::stacked((1080, 1350), 12, 234, 12)),
            // The ground below is where apps draw their own controls. The picture may lie behind those at the top.
            CardKind::Story => Some(Self::stacked((1080, 1920), 16, 320, 250)),
            CardKind::Crop => Some(Self::crop(options.card_width(), options.aspect)),
            CardKind::None => None,
        }
    }

    /// A picture above a row of swatches of `swatch_height`, with `below` pixels of ground under the row.
    const fn stacked(size: (u32, u32), gap: u32, swatch_height: u32, below: u32) -> Self {
        let width = size.0 - 2 * gap;
        let y = size.1 - below - swatch_height;
        Self {
            size,
            picture: Rect { x: gap, y: gap, width, height: y - 2 * gap },
            swatches: Rect { x: gap, y, width, height: swatch_height },
            gap,
        }
    }

    fn crop(width: u32, aspect: Aspect) -> Self {
        let divide = |number: u32, by: u32| ((2 * number + by) / (2 * by)).max(1);
        let height = divide(width * aspect.height(), aspect.width());
        let size = if height > MAX_CROP_HEIGHT {
            (divide(MAX_CROP_HEIGHT * aspect.width(), aspect.height()), MAX_CROP_HEIGHT)
        } else {
            (width, height)
        };
        let picture = Rect { x: 0, y: 0, width: size.0, height: size.1 };
        Self { size, picture, swatches: Rect { y: size.1, height: 0, ..picture }, gap: 0 }
    }

    /// Left and right edges of `count` swatches in pixels of the card. Their widths differ by at most a pixel, and the
    /// last swatch ends where the row ends.
    pub fn spans(&self, count: u32) -> impl Iterator<Item = Range<u32>> + use<> {
        let Self { swatches, gap, .. } = *self;
        let pixels = swatches.width.saturating_sub(gap * count.saturating_sub(1));
        (0..count).map(move |index| {
            let edge = |index| swatches.x + pixels * index / count + gap * index;
            edge(index)..edge(index + 1) - gap
        })
    }

    /// Number of pixels of the card.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STACKED: [CardKind; 5] =
        [CardKind::Palette, CardKind::Og, CardKind::Square, CardKind::Portrait, CardKind::Story];

    fn layout(kind: CardKind) -> Layout {
        Layout::of(&Options::default().with_card_kind(kind)).unwrap()
    }

    #[test]
    fn every_kind_has_the_size_of_the_contract() {
        let sizes = STACKED.map(|kind| layout(kind).size);
        assert_eq!(sizes, [(1096, 736), (1200, 630), (1080, 1080), (1080, 1350), (1080, 1920)]);
        assert_eq!(layout(CardKind::Crop).size, (1080, 720));
        assert_eq!(Layout::of(&Options::default().with_card_kind(CardKind::None)), None);
    }

    #[test]
    fn the_swatches_of_a_social_card_take_a_sixth_to_a_fifth_of_its_height() {
        for kind in &STACKED[1..] {
            let Layout { size, swatches, .. } = layout(*kind);
            assert!((size.1.div_ceil(6)..=size.1 / 5).contains(&swatches.height), "{kind:?}");
        }
    }

    #[test]
    fn the_swatches_of_a_story_stay_clear_of_the_controls_of_apps() {
        let Layout { size, swatches, .. } = layout(CardKind::Story);
        assert!(swatches.y >= 250 && swatches.y + swatches.height <= size.1 - 250, "{swatches:?}");
    }

    proptest! {
        #[test]
        fn parts_lie_one_below_the_other_with_ground_around_them(kind in prop::sample::select(&STACKED[..])) {
            let Layout { size, picture, swatches, gap } = layout(kind);
            prop_assert_eq!((picture.x, picture.y), (gap, gap));
            prop_assert_eq!((swatches.x, swatches.width), (picture.x, picture.width));
            prop_assert_eq!(picture.x + picture.width + gap, size.0);
            prop_assert_eq!(picture.y + picture.height + gap, swatches.y);
            prop_assert!(swatches.y + swatches.height + gap <= size.1);
            prop_assert!(picture.height > 2 * swatches.height, "the picture is the larger part");
        }

        #[test]
        fn swatches_fill_the_row_for_every_number_of_colours(
            kind in prop::sample::select(&STACKED[..]),
            count in 1..=u32::from(*Options::COLORS.end()),
        ) {
            let layout = layout(kind);
            let spans: Vec<_> = layout.spans(count).collect();
            prop_assert_eq!(spans.len(), count as usize);
            prop_assert_eq!(spans[0].start, layout.swatches.x);
            prop_assert_eq!(spans[spans.len() - 1].end, layout.swatches.x + layout.swatches.width);
            prop_assert!(spans.windows(2).all(|pair| pair[0].end + layout.gap == pair[1].start), "{:?}", spans);
            let widths = || spans.iter().map(|span| span.end - span.start);
            prop_assert!(widths().max().unwrap() - widths().min().unwrap() <= 1, "{:?}", spans);
            prop_assert!(widths().min().unwrap() > layout.gap, "{:?}", spans);
        }

        #[test]
        fn a_crop_has_the_width_and_the_aspect_ratio_within_its_bounds(
            width in Options::CARD_WIDTHS, across in 1..=Aspect::MAX, down in 1..=Aspect::MAX,
        ) {
            let aspect = Aspect::new(across, down).unwrap();
            let options = Options::default().with_aspect(aspect).with_card_kind(CardKind::Crop);
            let layout = Layout::of(&options.with_card_width(width).unwrap()).unwrap();
            let (w, h) = layout.size;
            prop_assert_eq!(layout.picture, Rect { x: 0, y: 0, width: w, height: h });
            prop_assert_eq!(layout.swatches.height, 0);
            prop_assert!(w == u32::from(width) || h == MAX_CROP_HEIGHT);
            prop_assert!((1..=u32::from(width)).contains(&w) && (1..=MAX_CROP_HEIGHT).contains(&h));
            // Each side is within half a pixel of the ratio, or a pixel where that would round to nothing.
            let off = (f64::from(w) * f64::from(down) - f64::from(h) * f64::from(across)).abs();
            prop_assert!(off <= f64::from(across.max(down)), "{} for {}", off, aspect);
        }
    }
}
