//! Colours and progress bars of the commands: where there are any, and where there must be none.

use std::process::Stdio;

use crate::huemill;
use crate::pseudo_terminal::AtTerminal;

const ESCAPE: char = '\u{1b}';

/// The environments in which nothing is coloured even on a terminal.
const PLAIN: [&[(&str, &str)]; 4] = [
    &[("TERM", "xterm-256color"), ("NO_COLOR", "1")],
    &[("TERM", "dumb")],
    // Elsewhere this turns colours on.
    &[("TERM", "dumb"), ("CLICOLOR", "1"), ("CI", "true")],
    &[],
];

fn seen(args: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = huemill(args);
    command.envs(environment.iter().copied());
    AtTerminal::start(command).finish()
}

#[test]
fn help_and_errors_of_the_arguments_are_coloured_only_where_colours_are_wanted() {
    for args in [&["--help"][..], &["submit", "--help"], &["submit", "--no-such-option"], &["nonsense"]] {
        assert!(seen(args, &[("TERM", "xterm-256color"), ("NO_COLOR", "")]).contains(ESCAPE), "{args:?}");
        for environment in PLAIN {
            let seen = seen(args, environment);
            assert!(!seen.contains(ESCAPE) && seen.len() > 50, "{args:?} {environment:?}: {seen:?}");
        }
        let piped = huemill(args).env("TERM", "xterm-256color").output().unwrap();
        assert!(!piped.stdout.contains(&0x1b) && !piped.stderr.contains(&0x1b), "{args:?}: {piped:?}");
    }
}

#[test]
fn swatches_are_coloured_only_where_colours_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.png");
    image::RgbImage::from_pixel(16, 16, image::Rgb([200, 30, 30])).save(&picture).unwrap();
    let args = ["process", picture.to_str().unwrap()];
    assert!(seen(&args, &[("TERM", "xterm-256color")]).contains("\u{1b}[48;2;"));
    for environment in PLAIN {
        let seen = seen(&args, environment);
        assert!(!seen.contains(ESCAPE) && seen.contains('#'), "{environment:?}: {seen:?}");
    }
}

#[test]
fn a_progress_bar_is_drawn_only_on_a_terminal_that_can_redraw_lines() {
    let folder = tempfile::tempdir().unwrap();
    let pictures: Vec<String> = (0..6_u8)
        .map(|n| {
            let path = folder.path().join(format!("{n}.png"));
            image::RgbImage::from_pixel(16, 16, image::Rgb([n, 30, 30])).save(&path).unwrap();
            path.display().to_string()
        })
        .collect();
    let args: Vec<&str> =
        ["process", "--json"].into_iter().chain(pictures.iter().map(String::as_str)).collect();
    for (term, has_bar) in [("xterm", true), ("dumb", false)] {
        let mut command = huemill(&args);
        command.env("TERM", term).env("NO_COLOR", "1");
        let seen = AtTerminal::start_with_errors(command, Stdio::null()).finish();
        assert_eq!(seen.contains(ESCAPE), has_bar, "{term}: {seen:?}");
    }
}
