//! Where the crop, the card's picture, the subject and the faces of a picture lie. The engine asks for them once; a method
//! or a focus that the caller chose decides how they are found. It cannot fail.

use crate::card::Layout;
use crate::layout::{Placer, classic_crop};
use crate::subject::{Span, Subject};
use crate::subpixel_rect::SubpixelRect;
use crate::{CardKind, Crop, CropMethod, Options, Probe, Raster, Rect};

/// The places, in pixels of the upright picture.
pub(super) struct Placement {
    pub(super) crop: Crop,
    /// The card's layout, and the part of the picture that it shows, unless there is no card.
    pub(super) card: Option<(Layout, SubpixelRect)>,
    pub(super) subject: Rect,
    pub(super) faces: Vec<Rect>,
}

impl Placement {
    /// Places the windows of a picture of `source` (width, height), of which `small` is a copy.
    pub(super) fn of(small: &Raster, subject: &Subject, source: (u32, u32), options: &Options) -> Self {
        let placer = Placer::new(subject, source, options.focus);
        let crop = if is_classic(options) {
            classic_crop(small, source, options.aspect)
        } else {
            placer.crop(options.aspect)
        };
        let card = Layout::of(options).map(|layout| {
            let (width, height) = (layout.picture.width, layout.picture.height);
            let window = if shows_the_crop(options) {
                SubpixelRect::from(crop.rect()).centered_fit(width, height)
            } else {
                placer.window(width, height).rect
            };
            (layout, window)
        });
        Self {
            crop,
            card,
            subject: pixels(subject.bounds(), source),
            faces: subject.faces.iter().map(|face| pixels(face.spans(), source)).collect(),
        }
    }
}

/// Whether the places of faces matter: a window leaves a choice, and nothing that the caller chose decides it.
pub(super) fn faces_decide((width, height): (u32, u32), options: &Options) -> bool {
    let leaves_a_choice = |across: u32, down: u32| {
        let fit = SubpixelRect::whole(width, height).centered_fit(across, down);
        f64::from(width) - fit.width >= 1.0 || f64::from(height) - fit.height >= 1.0
    };
    let card = Layout::of(options)
        .is_some_and(|layout| leaves_a_choice(layout.picture.width, layout.picture.height));
    let is_free = options.faces && options.focus.is_none() && options.crop == CropMethod::Subject;
    is_free && (card || leaves_a_choice(options.aspect.width(), options.aspect.height()))
}

/// Whether smartcrop2 places the crop. A focus decides before any method.
fn is_classic(options: &Options) -> bool {
    options.crop == CropMethod::Classic && options.focus.is_none()
}

/// Whether the card shows (the middle of) the crop and no part of its own, as in the service before.
fn shows_the_crop(options: &Options) -> bool {
    is_classic(options) || options.card_kind == CardKind::Crop
}

/// A rectangle of the size that the card's picture is cut from, in upright pixels. The size is final, because a window is
/// always the largest of its aspect ratio. The position depends on the subject, which is not known yet.
pub(super) fn largest_cut(probe: &Probe, options: &Options, layout: &Layout) -> SubpixelRect {
    let source = probe.source();
    let whole = SubpixelRect::whole(source.width, source.height);
    let outer = if shows_the_crop(options) {
        whole.centered_fit(options.aspect.width(), options.aspect.height())
    } else {
        whole
    };
    outer.centered_fit(layout.picture.width, layout.picture.height)
}

/// A part of a picture in its pixels, at least one of them.
fn pixels([across, down]: [Span; 2], (width, height): (u32, u32)) -> Rect {
    /// How far beyond an edge a fraction of it can come to lie by rounding, in pixels.
    const SLACK: f64 = 1e-6;
    let side = |span: Span, side: u32| {
        let start = ((span.start * f64::from(side) + SLACK).floor() as u32).min(side - 1);
        let end = ((span.end * f64::from(side) - SLACK).ceil() as u32).clamp(start + 1, side);
        (start, end - start)
    };
    let ((x, width), (y, height)) = (side(across, width), side(down, height));
    Rect { x, y, width, height }
}
