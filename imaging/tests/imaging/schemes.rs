//! Tests roles and schemes: which colour of a palette is good for what, and that the pairs of every scheme can be read.

use huemill_imaging::contrast::{GRAPHIC_CONTRAST, TEXT_CONTRAST, contrast};
use huemill_imaging::swatch::describe_all;
use huemill_imaging::{Roles, Scheme, SchemeColors, Swatch};
use proptest::prelude::*;

/// A palette of colours with their shares in per cent. Those without a share are shades that were added.
fn palette(colors: &[([u8; 3], u8)]) -> Vec<Swatch> {
    let described: Vec<_> =
        colors.iter().map(|&(rgb, share)| (rgb, f64::from(share) / 100.0, share == 0)).collect();
    describe_all(&described)
}

/// A red coat on a pier in the fog, with a strip of sea.
fn foggy_pier() -> Vec<Swatch> {
    palette(&[
        ([208, 212, 214], 55),
        ([120, 140, 150], 22),
        ([52, 60, 66], 15),
        ([196, 32, 40], 5),
        ([96, 120, 110], 3),
    ])
}

#[track_caller]
fn assert_readable(theme: &SchemeColors, palette: &[Swatch]) {
    let pairs = [
        ("text on background", theme.text, theme.background, TEXT_CONTRAST),
        ("text on surface", theme.text, theme.surface, TEXT_CONTRAST),
        ("on_primary on primary", theme.on_primary, theme.primary, TEXT_CONTRAST),
        ("primary on background", theme.primary, theme.background, GRAPHIC_CONTRAST),
        ("accent on background", theme.accent, theme.background, GRAPHIC_CONTRAST),
        ("primary on surface", theme.primary, theme.surface, GRAPHIC_CONTRAST),
        ("accent on surface", theme.accent, theme.surface, GRAPHIC_CONTRAST),
    ];
    for (what, one, other, least) in pairs {
        let found = contrast(one, other);
        let colors: Vec<_> = palette.iter().map(|swatch| swatch.rgb).collect();
        assert!(found >= least, "{what}: {one:?} on {other:?} has {found:.3}, for {colors:?}");
    }
}

fn scheme(palette: &[Swatch]) -> Scheme {
    Scheme::of(palette, &Roles::of(palette))
}

/// Checks what must hold for every palette.
fn assert_valid(palette: &[Swatch]) {
    let roles = Roles::of(palette);
    for (role, swatch) in roles.by_name() {
        assert!(
            swatch.is_none_or(|swatch| palette.contains(swatch) && !swatch.derived),
            "{role}: {swatch:?}"
        );
    }
    assert_eq!(roles.dominant.is_some(), palette.iter().any(|swatch| !swatch.derived));
    assert_eq!(roles.background.is_some(), roles.text.is_some());
    if let (Some(background), Some(text)) = (&roles.background, &roles.text) {
        assert!(contrast(background.rgb, text.rgb) >= TEXT_CONTRAST, "{background:?} {text:?}");
    }
    let scheme = scheme(palette);
    assert_readable(&scheme.light, palette);
    assert_readable(&scheme.dark, palette);
    assert!(contrast(scheme.light.background, [0; 3]) > 15.0, "{:?}", scheme.light);
    assert!(contrast(scheme.dark.background, [255; 3]) > 15.0, "{:?}", scheme.dark);
}

#[test]
fn colours_get_the_roles_that_a_designer_would_give_them() {
    let roles = Roles::of(&foggy_pier());
    let found = roles.by_name().map(|(role, swatch)| (role, swatch.map(|swatch| swatch.rgb)));
    assert_eq!(
        found,
        [
            ("dominant", Some([208, 212, 214])),
            ("vibrant", Some([196, 32, 40])),
            ("muted", Some([120, 140, 150])),
            ("dark", Some([52, 60, 66])),
            ("light", Some([208, 212, 214])),
            ("accent", Some([196, 32, 40])),
            ("background", Some([208, 212, 214])),
            ("text", Some([52, 60, 66])),
        ]
    );
}

#[test]
fn an_accent_differs_from_the_vibrant_colour_where_two_stand_out() {
    let roles = Roles::of(&palette(&[([30, 60, 160], 60), ([40, 44, 60], 30), ([240, 150, 30], 10)]));
    assert_eq!(roles.vibrant.unwrap().rgb, [30, 60, 160]);
    assert_eq!(roles.accent.unwrap().rgb, [240, 150, 30]);
}

#[test]
fn roles_that_no_colour_suits_are_empty() {
    let roles = Roles::of(&palette(&[([128; 3], 60), ([140; 3], 40)]));
    assert_eq!(roles.dominant.unwrap().rgb, [128; 3]);
    let others =
        [roles.vibrant, roles.muted, roles.dark, roles.light, roles.accent, roles.background, roles.text];
    assert_eq!(others, [const { None }; 7]);
    assert_eq!(Roles::of(&[]), Roles::default());
}

#[test]
fn shades_that_were_added_have_no_roles() {
    let roles = Roles::of(&palette(&[([250, 250, 250], 100), ([0, 0, 0], 0), ([200, 0, 0], 0)]));
    assert_eq!(roles.dark, None);
    assert_eq!(roles.text, None);
    assert_eq!(roles.vibrant, None);
}

#[test]
fn a_scheme_keeps_the_hues_of_the_palette() {
    let found = scheme(&foggy_pier());
    let hue = |rgb: [u8; 3]| describe_all(&[(rgb, 1.0, false)])[0].oklch[2];
    let red = hue([196, 32, 40]);
    for theme in [found.light, found.dark] {
        assert!((hue(theme.primary) - red).abs() < 3.0, "{theme:?}");
    }
    // Nothing moves that needs not.
    assert_eq!(found.light.primary, [196, 32, 40]);
    assert_ne!(found.light.accent, found.light.primary);
}

#[test]
fn a_colour_too_light_for_its_ground_becomes_no_darker_than_necessary() {
    let found = scheme(&palette(&[([255, 255, 255], 80), ([255, 230, 0], 20)]));
    let contrast = contrast(found.light.primary, found.light.surface);
    assert!((GRAPHIC_CONTRAST..GRAPHIC_CONTRAST + 0.15).contains(&contrast), "{contrast}: {:?}", found.light);
    assert_eq!(found.dark.primary, [255, 230, 0], "it can be seen on a dark ground as it is");
}

#[test]
fn palettes_of_one_kind_of_colour_have_schemes_too() {
    assert_valid(&[]);
    for count in 1..=20 {
        let greys: Vec<_> = (0..count).map(|step| ([step * 13; 3], 5)).collect();
        assert_valid(&palette(&greys));
        for rgb in [[0; 3], [255; 3], [118; 3], [119; 3], [0, 0, 255], [255, 255, 0], [0, 255, 0]] {
            assert_valid(&palette(&vec![(rgb, 5); count as usize]));
            assert_valid(&palette(&vec![(rgb, 0); count as usize]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_palette_has_a_scheme_that_can_be_read(
        colors in prop::collection::vec((any::<[u8; 3]>(), 0_u8..100), 1..=20),
    ) {
        assert_valid(&palette(&colors));
    }

    #[test]
    fn palettes_near_grey_have_schemes_that_can_be_read(
        colors in prop::collection::vec((any::<u8>(), prop::array::uniform3(0_u8..4), 1_u8..100), 1..=20),
    ) {
        let near = |(level, shift, share): (u8, [u8; 3], u8)| (shift.map(|by| level.saturating_add(by)), share);
        assert_valid(&palette(&colors.into_iter().map(near).collect::<Vec<_>>()));
    }
}
