//! What is shown on a terminal: swatches, roles, and the progress bar. The terminal is one of Python's `pty`.

use std::fs;
use std::process::{Command, Stdio};

use crate::workspace::{BLUE, RED, Run, Workspace};

/// Runs `huemill process` on a terminal of this type. Both outputs are one.
fn run_on_terminal(workspace: &Workspace, term: &str, args: &[&str]) -> Run {
    let program = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let output = Command::new("python3")
        .args(["-c", program, env!("CARGO_BIN_EXE_huemill"), "process"])
        .args(args)
        .current_dir(workspace.path())
        .env("TERM", term)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .expect("python3 runs");
    Run::from(output)
}

/// The text without the escapes that set colours.
fn bare(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |bare, part| bare + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn swatches_roles_and_schemes_fit_into_80_columns() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let run = run_on_terminal(&workspace, "xterm-256color", &["a.png"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.contains("\x1b[48;2;255;0;0m\x1b[38;2;0;0;0m #ff0000 \x1b[0m"), "{}", run.out);
    let text = bare(&run.out);
    for expected in ["dominant", "background", "60 x 40 at 0, 0  3:2, 100 % of the picture", "Button"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_progress_bar_counts_files_and_failures_and_tells_the_rest() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    fs::write(workspace.path().join("bad.png"), "text").unwrap();
    let args = ["bad.png", "a.png", "a.png", "a.png", "a.png", "a.png", "a.png"];
    let run = run_on_terminal(&workspace, "xterm-256color", &args);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out.contains("/7 files") && run.out.contains("ETA") && run.out.contains("1 failed"),
        "{}",
        run.out
    );
    let dumb = run_on_terminal(&workspace, "dumb", &args);
    assert!(dumb.code == Some(1) && !dumb.out.contains("ETA"), "{}", dumb.out);
}

#[test]
fn a_binary_palette_is_not_printed_on_a_terminal() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let run = run_on_terminal(&workspace, "xterm", &["a.png", "--export", "ase"]);
    assert!(run.code == Some(2) && run.out.contains("> palette.ase"), "{run:?}");
}
