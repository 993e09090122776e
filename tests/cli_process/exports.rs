//! `--export`: palettes in the formats of other programs, on standard output or beside the cards.

use std::fs;

use crate::workspace::{BLUE, RED, Workspace};

#[test]
fn the_palette_of_one_picture_in_one_format_is_printed_alone() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    for (format, start) in [
        ("css", ":root"),
        ("scss", "$"),
        ("json", "{"),
        ("tokens", "{"),
        ("ase", "ASEF"),
        ("gpl", "GIMP Palette"),
        ("svg", "<svg"),
        ("tailwind", "@theme"),
    ] {
        let output = workspace.command(&["a.png", "--export", format]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}: {output:?}");
        let text = String::from_utf8_lossy(&output.stdout);
        let has_start = text.starts_with(start) || text.lines().any(|line| line.starts_with(start));
        assert!(has_start && output.stderr.is_empty(), "{format}: {text}");
        assert!(!text.contains("a.png"), "{format}: the result is printed too");
    }
    assert_eq!(fs::read_dir(workspace.path()).unwrap().count(), 1);
}

#[test]
fn the_names_that_requests_use_are_accepted_too() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    for (short, long) in [("tokens", "tokens.json"), ("tailwind", "tailwind.css")] {
        let [short, long] = [short, long].map(|name| workspace.run(&["a.png", "--export", name]).out);
        assert!(!short.is_empty() && short == long);
    }
    let help = workspace.run(&["--help"]).out;
    assert!(help.contains("css, scss, json, tokens, tailwind, ase, gpl, svg"), "{help}");
}

#[test]
fn with_out_the_palettes_lie_beside_the_cards() {
    let workspace = Workspace::new();
    workspace.picture("photos/x/a.png", RED, BLUE);
    let run = workspace.run(&["photos", "--out", "cards", "--export", "css,tokens,ase"]);
    assert!(run.code == Some(0) && run.out.starts_with("photos/x/a.png  60 x 40 png\n"), "{run:?}");
    for name in ["a.card.png", "a.palette.css", "a.palette.tokens.json", "a.palette.ase"] {
        assert!(workspace.path().join("cards/x").join(name).is_file(), "{name}");
    }
}

#[test]
fn a_picture_that_fails_prints_no_palette() {
    let workspace = Workspace::new();
    fs::write(workspace.path().join("a.png"), "text").unwrap();
    let run = workspace.run(&["a.png", "--export", "css"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.starts_with("huemill: a.png: "), "{run:?}");
}
