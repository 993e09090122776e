//! Folders and patterns as arguments: what is taken, and where its cards are written.

use std::fs;

use serde_json::Value;

use crate::workspace::{BLUE, RED, Run, Workspace};

fn album() -> Workspace {
    let workspace = Workspace::new();
    for name in
        ["photos/b.png", "photos/2024/a.png", "photos/2024/b.png", "photos/.hidden.png", "photos/.git/c.png"]
    {
        workspace.picture(name, RED, BLUE);
    }
    let content = workspace.picture("photos/2024/nameless", RED, BLUE);
    assert!(content.starts_with(b"\x89PNG"));
    fs::write(workspace.path().join("photos/notes.txt"), "text").unwrap();
    workspace
}

fn names(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, Some(0), "{run:?}");
    run.json().iter().map(|answer| answer["filename"].clone()).collect()
}

#[test]
fn a_folder_is_searched_for_pictures_by_name_and_by_content() {
    let run = album().run(&["--json", "photos"]);
    assert_eq!(
        names(&run),
        ["photos/2024/a.png", "photos/2024/b.png", "photos/2024/nameless", "photos/b.png"]
    );
}

#[test]
fn cards_are_written_below_out_as_their_pictures_lie_below_the_folder() {
    let workspace = album();
    let run = workspace.run(&["--json", "--out", "cards", "photos"]);
    let cards: Vec<_> = run.json().iter().map(|answer| answer["social_image"].clone()).collect();
    let expected = [
        "cards/2024/a.card.png",
        "cards/2024/b.card.png",
        "cards/2024/nameless.card.png",
        "cards/b.card.png",
    ];
    assert_eq!(cards, expected);
    for card in expected {
        assert!(image::open(workspace.path().join(card)).is_ok(), "{card}");
    }
}

#[test]
fn two_folders_never_share_a_card() {
    let workspace = Workspace::new();
    workspace.picture("one/x/a.png", RED, RED);
    workspace.picture("two/x/a.png", BLUE, BLUE);
    let run = workspace.run(&["--json", "--out", "cards", "one", "two"]);
    let cards: Vec<_> = run.json().iter().map(|answer| answer["social_image"].clone()).collect();
    assert_eq!(cards, ["cards/x/a.card.png", "cards/x/a-2.card.png"]);
}

#[test]
fn a_second_run_does_not_take_the_cards_and_sheets_of_the_first() {
    let workspace = album();
    let arguments = ["--json", "--out", "photos/out", "--sheet", "photos/sheet.png", "photos"];
    let first = names(&workspace.run(&arguments));
    assert!(workspace.path().join("photos/out/b.card.png").exists());
    assert_eq!(names(&workspace.run(&arguments)), first);
    let beside = ["--json", "--out", "photos", "--sheet", "photos/sheet.png", "photos"];
    names(&workspace.run(&beside));
    let again = names(&workspace.run(&beside));
    assert!(
        again.contains(&"photos/b.png".into()) && !again.contains(&"photos/b.card.png".into()),
        "{again:?}"
    );
}

#[test]
fn a_quoted_pattern_matches_as_a_shell_would() {
    let workspace = album();
    assert_eq!(names(&workspace.run(&["--json", "photos/*.png"])), ["photos/b.png"]);
    assert_eq!(
        names(&workspace.run(&["--json", "photos/**/*.png"])),
        ["photos/2024/a.png", "photos/2024/b.png", "photos/b.png"]
    );
    assert_eq!(names(&workspace.run(&["--json", "*/2024/[a]*"])), ["photos/2024/a.png"]);
    let run = workspace.run(&["--json", "--out", "cards", "photos/**/b.png"]);
    let cards: Vec<_> = run.json().iter().map(|answer| answer["social_image"].clone()).collect();
    assert_eq!(cards, ["cards/2024/b.card.png", "cards/b.card.png"]);
}

#[test]
fn a_file_whose_name_looks_like_a_pattern_wins() {
    let workspace = Workspace::new();
    for name in ["a[1].png", "a1.png", "*.png"] {
        workspace.picture(name, RED, BLUE);
    }
    assert_eq!(names(&workspace.run(&["--json", "a[1].png", "*.png"])), ["a[1].png", "*.png"]);
    assert_eq!(names(&workspace.run(&["--json", "a?.png"])), ["a1.png"]);
}

#[test]
fn a_pattern_without_a_match_fails_and_the_others_are_processed() {
    let workspace = album();
    let run = workspace.run(&["--json", "*.jpg", "photos/*.png"]);
    assert_eq!(run.code, Some(1));
    let answers = run.json();
    assert_eq!((&answers[0]["filename"], &answers[0]["success"]), (&"*.jpg".into(), &false.into()));
    assert_eq!((&answers[1]["filename"], &answers[1]["success"]), (&"photos/b.png".into(), &true.into()));
}

#[test]
fn links_make_no_circles() {
    let workspace = Workspace::new();
    workspace.picture("photos/a.png", RED, BLUE);
    let photos = workspace.path().join("photos");
    std::os::unix::fs::symlink(&photos, photos.join("again")).unwrap();
    std::os::unix::fs::symlink(workspace.path(), photos.join("up")).unwrap();
    assert_eq!(names(&workspace.run(&["--json", "photos"])), ["photos/a.png"]);
    assert_eq!(names(&workspace.run(&["--json", "photos/**/*.png"])), ["photos/a.png"]);
}

#[test]
fn a_pipe_that_is_named_is_read() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let workspace = Workspace::new();
    let bytes = workspace.picture("a.png", RED, BLUE);
    let pipe = workspace.path().join("pipe");
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
    let writer = std::thread::spawn(move || fs::write(pipe, bytes).unwrap());
    let run = workspace.run(&["--json", "pipe"]);
    assert_eq!((run.code, &run.json()[0]["success"]), (Some(0), &true.into()), "{run:?}");
    writer.join().unwrap();
}
