//! What is printed and written for pictures that are named one by one, and what is said about those that fail.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::workspace::{BLUE, RED, Run, Workspace};

#[test]
fn a_zip_is_refused_with_the_command_that_takes_it() {
    let workspace = Workspace::new();
    fs::write(workspace.path().join("album.zip"), b"PK\x03\x04 and more").expect("a file");
    let run = workspace.run(&["album.zip"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.err.contains("album.zip: this is a ZIP archive") && run.err.contains("huemill submit"),
        "{run:?}"
    );
}

#[test]
fn empty_folders_urls_patterns_and_missing_files_are_refused_with_what_to_do() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.path().join("photos")).expect("a folder");
    fs::write(workspace.path().join("photos/notes.txt"), "text").expect("a file");
    for (argument, advice) in [
        ("photos", "photos: this folder has no pictures; name one that has some"),
        ("https://example.org/a.jpg", "URLs are not supported here; download the picture"),
        ("missing.png", "missing.png: there is no such file or folder; check the path"),
        ("*.jpg", "*.jpg: no file matches this pattern"),
        ("photos/**/*.jpg", "photos/**/*.jpg: no file matches this pattern"),
        ("[.jpg", "[.jpg: this is not a valid pattern"),
    ] {
        let run = workspace.run(&[argument]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{argument}");
        assert!(run.err.contains(advice) && run.err.lines().count() == 1, "{argument}: {}", run.err);
    }
}

#[test]
fn the_result_is_printed_with_one_fact_a_line() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let run = workspace.run(&["a.png", "--colors", "2"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines[0], "a.png  60 x 40 png");
    assert!(lines[1].starts_with("  #") && lines[1].ends_with("%  red"), "{}", run.out);
    assert!(lines[2].starts_with("  #") && lines[2].ends_with("%  blue"), "{}", run.out);
    assert!(lines[3].starts_with("  crop 60 x 40 at 0, 0") && lines[3].ends_with("3:2"), "{}", run.out);
    assert!(lines[4].starts_with("  subject "), "{}", run.out);
    assert_eq!(lines[5], "  role dominant #ff0000  red");
    let roles: Vec<_> = lines[5..13].iter().map(|line| line.split(' ').nth(3).expect("a role")).collect();
    assert_eq!(roles, ["dominant", "vibrant", "muted", "dark", "light", "accent", "background", "text"]);
    assert!(lines[13].starts_with("  light background #") && lines[14].starts_with("  dark background #"));
    assert_eq!(lines.len(), 15, "a card was written: {}", run.out);
    assert!(!run.out.contains('\u{1b}'), "there are escapes in a pipe");
}

#[test]
fn no_file_is_written_without_out() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    workspace.run(&["a.png"]);
    assert_eq!(fs::read_dir(workspace.path()).unwrap().count(), 1);
}

#[test]
fn json_has_the_members_of_an_answer_and_the_path_of_the_card() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let run = workspace.run(&["--json", "--out", "cards", "a.png"]);
    let [answer] = &run.json()[..] else { panic!("one line: {run:?}") };
    assert_eq!(answer["success"], true);
    assert_eq!(answer["filename"], "a.png");
    assert_eq!(answer["palette"].as_array().unwrap().len(), 10);
    assert_eq!(answer["colors"].as_array().unwrap().len(), 10);
    assert_eq!(answer["colors"][0]["name"], "red");
    assert_eq!(answer["crop"]["width"], 60);
    assert_eq!(answer["source"]["format"], "png");
    assert_eq!(answer["social_image"], "cards/a.card.png");
    assert!(image::open(workspace.path().join("cards/a.card.png")).is_ok());
}

#[test]
fn json_has_null_where_no_card_is_written() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    assert_eq!(workspace.run(&["--json", "a.png"]).json()[0]["social_image"], Value::Null);
}

#[test]
fn results_are_in_the_order_of_the_arguments() {
    let workspace = Workspace::new();
    let names: Vec<String> = (0..24).map(|number| format!("{}.png", (number * 7) % 24)).collect();
    for name in &names {
        workspace.picture(name, RED, BLUE);
    }
    let mut args = vec!["--json"];
    args.extend(names.iter().map(String::as_str));
    let run = workspace.run(&args);
    let shown: Vec<Value> = run.json().iter().map(|answer| answer["filename"].clone()).collect();
    assert_eq!(shown, names);
    assert_eq!(run.err, "", "there is a progress bar without a terminal");
}

#[test]
fn equal_names_give_different_cards() {
    let workspace = Workspace::new();
    workspace.picture("one/a.png", RED, RED);
    workspace.picture("two/a.png", BLUE, BLUE);
    let run = workspace.run(&["--json", "--out", ".", "one/a.png", "two/a.png"]);
    let cards: Vec<Value> = run.json().iter().map(|answer| answer["social_image"].clone()).collect();
    assert_eq!(cards, ["./a.card.png", "./a-2.card.png"]);
    let bytes = |name: &str| fs::read(workspace.path().join(name)).unwrap();
    assert_ne!(bytes("a.card.png"), bytes("a-2.card.png"));
}

#[test]
fn a_card_never_replaces_an_input() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, RED);
    let before = workspace.picture("a.card.png", BLUE, BLUE);
    let run = workspace.run(&["--json", "--out", ".", "a.png", "a.card.png"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(fs::read(workspace.path().join("a.card.png")).unwrap(), before);
    assert_eq!(run.json()[0]["social_image"], "./a-2.card.png");
}

#[test]
fn a_second_run_replaces_the_cards_of_the_first() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, RED);
    workspace.run(&["--out", "cards", "a.png"]);
    let first = fs::read(workspace.path().join("cards/a.card.png")).unwrap();
    workspace.picture("a.png", BLUE, BLUE);
    workspace.run(&["--out", "cards", "a.png"]);
    assert_ne!(fs::read(workspace.path().join("cards/a.card.png")).unwrap(), first);
    assert_eq!(fs::read_dir(workspace.path().join("cards")).unwrap().count(), 1);
}

#[test]
fn the_card_has_the_requested_format() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    for (args, name, format) in [
        (&["--format", "jpeg", "--quality", "40"][..], "a.card.jpg", image::ImageFormat::Jpeg),
        (&["--format", "webp"][..], "a.card.webp", image::ImageFormat::WebP),
    ] {
        let run = workspace.run(&[&["--out", ".", "a.png"][..], args].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        let bytes = fs::read(workspace.path().join(name)).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), format);
        assert!(run.out.ends_with(&format!("  card ./{name}\n")), "{}", run.out);
    }
}

#[test]
fn the_crop_has_the_requested_aspect() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let crop = &workspace.run(&["--json", "--aspect", "1:1", "a.png"]).json()[0]["crop"];
    assert_eq!((&crop["width"], &crop["height"]), (&Value::from(40), &Value::from(40)));
}

#[test]
fn a_bad_file_is_reported_in_one_line_and_the_others_are_processed() {
    let workspace = Workspace::new();
    workspace.picture("good.png", RED, BLUE);
    fs::write(workspace.path().join("text.png"), "no picture").unwrap();
    fs::write(workspace.path().join("empty.png"), "").unwrap();
    fs::create_dir(workspace.path().join("none")).unwrap();
    let run = workspace.run(&["text.png", "missing.png", "empty.png", "none", "good.png"]);
    assert_eq!(run.code, Some(1));
    assert!(run.out.starts_with("good.png  60 x 40 png\n"), "{}", run.out);
    let lines: Vec<&str> = run.err.lines().collect();
    let starts = ["huemill: text.png: ", "huemill: missing.png: ", "huemill: empty.png: ", "huemill: none: "];
    assert_eq!(lines.len(), starts.len(), "{}", run.err);
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn json_reports_failures_with_their_codes() {
    let workspace = Workspace::new();
    fs::write(workspace.path().join("empty.png"), "").unwrap();
    let run = workspace.run(&["--json", "empty.png", "missing.png"]);
    assert_eq!(run.code, Some(1));
    let answers = run.json();
    assert_eq!((&answers[0]["success"], &answers[0]["error_code"]), (&false.into(), &"NO_INPUT".into()));
    assert_eq!(
        (&answers[1]["filename"], &answers[1]["error_code"]),
        (&"missing.png".into(), &"INVALID_INPUT".into())
    );
    assert!(answers.iter().all(|answer| answer["user_message"].is_string() && answer["detail"].is_string()));
}

#[test]
fn invalid_arguments_are_usage_errors() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    for args in [
        &[][..],
        &["a.png", "--colors", "1"],
        &["a.png", "--colors", "21"],
        &["a.png", "--aspect", "0:1"],
        &["a.png", "--aspect", "3x2"],
        &["a.png", "--format", "gif"],
        &["a.png", "--format", "jpeg", "--quality", "0"],
        &["a.png", "--quality", "50"],
        &["a.png", "--bogus"],
        &["a.png", "--export", "pdf"],
        &["a.png", "--export", "css,svg"],
        &["a.png", "a.png", "--export", "css"],
        &["a.png", "--export", "css", "--json"],
        &["a.png", "--sheet", "sheet.gif"],
    ] {
        let run = workspace.run(args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}: {run:?}");
        assert!(!run.err.is_empty(), "{args:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_created_is_an_error() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let run = workspace.run(&["--out", "a.png/cards", "a.png"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.starts_with("huemill: a.png/cards: "), "{}", run.err);
}

#[test]
fn a_dash_reads_standard_input() {
    let workspace = Workspace::new();
    let bytes = workspace.picture("a.png", RED, BLUE);
    let run = workspace.run_with_input(&["--json", "--out", "cards", "-"], &bytes);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.json()[0]["filename"], "-");
    assert_eq!(run.json()[0]["social_image"], "cards/stdin.card.png");
}

#[cfg(unix)]
#[test]
fn a_files_name_cannot_break_a_line() {
    let workspace = Workspace::new();
    let name = "a\n\u{1b}[31m.png";
    workspace.picture(name, RED, BLUE);
    let good = workspace.run(&[name]);
    assert!(good.out.starts_with("a\\n\\u{1b}[31m.png  60 x 40 png\n"), "{}", good.out);
    let bad = workspace.run(&["b\n.png"]);
    assert_eq!(bad.err.lines().count(), 1, "{}", bad.err);
    assert!(bad.err.starts_with("huemill: b\\n.png: "), "{}", bad.err);
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_program_without_an_error() {
    let workspace = Workspace::new();
    workspace.picture("a.png", RED, BLUE);
    let args = ["a.png"; 300];
    let mut child = workspace.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
}

#[test]
fn a_file_name_cannot_control_the_terminal() {
    let workspace = Workspace::new();
    let name = "a\u{9b}2J\u{7f}\u{202e}.png";
    workspace.picture(name, RED, BLUE);
    let run = workspace.run(&["--json", name, "missing\u{9b}.png"]);
    assert!(run.out.contains(r#""filename":"a\u009b2J\u007f\u202e.png""#), "{run:?}");
    assert_eq!(run.json()[0]["filename"], name);
    for out in [&run.out, &run.err, &workspace.run(&[name]).out] {
        assert!(!out.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{out:?}");
    }
}

#[test]
fn cards_do_not_follow_a_link_out_of_their_folder() {
    let workspace = Workspace::new();
    workspace.picture("in/trip/a.png", RED, RED);
    for folder in ["out", "elsewhere"] {
        fs::create_dir(workspace.path().join(folder)).unwrap();
    }
    let elsewhere = workspace.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, workspace.path().join("out/trip")).unwrap();
    let run = workspace.run(&["in", "--out", "out"]);
    assert!(
        run.code == Some(1) && run.err.contains("cannot write to out/trip/a.card.png: a link"),
        "{run:?}"
    );
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    // The folder itself may be a link: the user has named it.
    std::os::unix::fs::symlink(&elsewhere, workspace.path().join("named")).unwrap();
    assert_eq!(workspace.run(&["in", "--out", "named"]).code, Some(0));
    assert!(elsewhere.join("trip/a.card.png").exists());
}
