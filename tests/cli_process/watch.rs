//! `huemill watch`: real processes that watch a folder into which files are copied slowly, moved, changed and damaged.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::workspace::{BLUE, RED, Run, Workspace};

const GREEN: [u8; 3] = [0, 128, 0];

/// How long to wait for anything. A busy machine needs more than a fast one.
const DEADLINE: Duration = Duration::from_secs(60);

/// A settle time that never ends in a test.
const FOREVER: &str = "600000";

fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited too long for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A running `huemill watch in`. Its outputs go to files.
struct Watch {
    child: Child,
    folder: PathBuf,
}

impl Watch {
    /// Starts it and waits until it watches.
    fn start(workspace: &Workspace, args: &[&str]) -> Self {
        let folder = workspace.path().to_owned();
        let file = |name: &str| Stdio::from(File::create(folder.join(name)).unwrap());
        let child = workspace
            .command_of("watch", &[&["in"], args].concat())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap();
        let watch = Self { child, folder };
        wait_for("the start", || watch.errors().contains("watching in").then_some(()));
        watch
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap()
    }

    /// Waits for the JSON of a picture that passes.
    fn record(&self, name: &str, passes: impl Fn(&Value) -> bool) -> Value {
        let path = self.folder.join(format!("in/huemill/{name}.json"));
        wait_for(name, || {
            let record =
                serde_json::from_slice(&fs::read(&path).ok()?).expect("a file that is there is complete");
            passes(&record).then_some(record)
        })
    }

    /// Sends a signal and waits for the end: the exit code, and what was printed.
    fn stop(mut self, signal: Signal) -> Run {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
        let code = wait_for("the end", || self.child.try_wait().unwrap()).code();
        Run { code, out: fs::read_to_string(self.folder.join("stdout")).unwrap(), err: self.errors() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It has ended already, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn any(_: &Value) -> bool {
    true
}

/// The files of a folder, without hidden ones.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[test]
fn pictures_that_are_there_appear_or_change_get_palettes_and_cards() {
    let workspace = Workspace::new();
    workspace.picture("in/there.png", RED, RED);
    fs::write(workspace.path().join("in/notes.txt"), "text").unwrap();
    let watch = Watch::start(&workspace, &["--settle", "100", "--export", "css"]);
    let there = watch.record("there.png", any);
    assert_eq!((&there["colors"][0]["name"], &there["filename"]), (&"red".into(), &"there.png".into()));
    assert_eq!(there["social_image"], "there.png.card.png");
    workspace.picture("in/new/deep/appeared.png", BLUE, BLUE);
    watch.record("new/deep/appeared.png", any);
    workspace.picture("in/there.png", BLUE, BLUE);
    watch.record("there.png", |record| record["colors"][0]["name"] == "blue");
    let out = workspace.path().join("in/huemill");
    assert_eq!(
        files(&out),
        ["new", "there.png.card.png", "there.png.json", "there.png.palette.css"],
        "results of results"
    );
    fs::remove_file(workspace.path().join("in/there.png")).unwrap();
    let run = watch.stop(Signal::TERM);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(out.join("there.png.json").exists(), "results stay");
    assert!(run.out.contains("in/there.png -> ") && run.err.contains("stopped; "), "{run:?}");
}

#[test]
fn a_file_that_is_being_copied_waits_and_is_processed_once_it_is_complete() {
    let workspace = Workspace::new();
    let bytes = workspace.picture("slow.png", RED, BLUE);
    let path = |name: &str| workspace.path().join(name);
    fs::create_dir(path("in")).unwrap();
    let watch = Watch::start(&workspace, &["--settle", FOREVER]);
    let mut file = File::create(path("in/slow.png")).unwrap();
    for (number, part) in bytes.chunks(bytes.len() / 4 + 1).enumerate() {
        file.write_all(part).unwrap();
        // What is moved into place is processed at once. Changes are heard of in their order, so the part was before.
        let mark = format!("mark-{number}.png");
        workspace.picture(&mark, RED, RED);
        fs::rename(path(&mark), path("in").join(&mark)).unwrap();
        watch.record(&mark, any);
    }
    drop(file);
    let run = watch.stop(Signal::INT);
    assert_eq!((run.code, run.out.lines().count()), (Some(0), 4), "{run:?}");
    assert!(!run.out.contains("slow.png") && !run.err.contains("slow.png"), "{run:?}");
    let watch = Watch::start(&workspace, &["--settle", "0"]);
    let record = watch.record("slow.png", any);
    assert_eq!(record["made_from"]["bytes"], bytes.len());
    let run = watch.stop(Signal::INT);
    assert_eq!((run.code, run.out.lines().count()), (Some(0), 1), "{run:?}");
}

#[test]
fn a_file_that_is_moved_into_place_needs_no_waiting() {
    let workspace = Workspace::new();
    workspace.picture("in/.part", RED, BLUE);
    workspace.picture("outside/folder/b.png", RED, BLUE);
    let watch = Watch::start(&workspace, &["--settle", FOREVER]);
    let path = |name: &str| workspace.path().join(name);
    fs::rename(path("in/.part"), path("in/a.png")).unwrap();
    watch.record("a.png", any);
    fs::rename(path("outside/folder"), path("in/folder")).unwrap();
    watch.record("folder/b.png", any);
    assert_eq!(watch.stop(Signal::TERM).code, Some(0));
}

#[test]
fn a_damaged_file_is_one_line_and_does_not_stop_the_others() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.path().join("in")).unwrap();
    let watch = Watch::start(&workspace, &["--settle", "50", "--search", "1"]);
    fs::write(workspace.path().join("in/bad.png"), b"\x89PNG\r\n\x1a\n and no more").unwrap();
    wait_for("the error", || watch.errors().contains("in/bad.png: ").then_some(()));
    workspace.picture("in/good.png", GREEN, GREEN);
    watch.record("good.png", any);
    workspace.picture("repaired.png", RED, RED);
    fs::rename(workspace.path().join("repaired.png"), workspace.path().join("in/bad.png")).unwrap();
    watch.record("bad.png", any);
    let run = watch.stop(Signal::TERM);
    assert_eq!(run.code, Some(0));
    assert_eq!(run.err.matches("in/bad.png").count(), 1, "{}", run.err);
}

#[test]
fn once_ends_when_nothing_is_left_and_a_second_run_skips_what_is_up_to_date() {
    let workspace = Workspace::new();
    workspace.picture("in/a.png", RED, RED);
    workspace.picture("in/sub/b.png", BLUE, BLUE);
    let once = |args: &[&str]| {
        let command =
            &mut workspace.command_of("watch", &[&["in", "--once", "--settle", "0"], args].concat());
        Run::from(command.output().unwrap())
    };
    let lines = |run: &Run| {
        let mut lines: Vec<_> =
            run.out.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        lines.sort();
        lines
    };
    let first = once(&[]);
    assert_eq!(
        (first.code, lines(&first)),
        (Some(0), vec!["in/a.png".into(), "in/sub/b.png".into()]),
        "{first:?}"
    );
    let second = once(&[]);
    assert_eq!((second.code, second.out.as_str()), (Some(0), ""), "{second:?}");
    workspace.picture("in/a.png", BLUE, RED);
    assert_eq!(lines(&once(&[])), ["in/a.png"]);
    fs::remove_file(workspace.path().join("in/huemill/sub/b.png.card.png")).unwrap();
    assert_eq!(lines(&once(&[])), ["in/sub/b.png"]);
    assert_eq!(lines(&once(&["--colors", "5"])).len(), 2, "other options make other results");
    fs::write(workspace.path().join("in/bad.png"), "text").unwrap();
    let failed = once(&["--colors", "5"]);
    assert_eq!((failed.code, failed.err.lines().count()), (Some(1), 1), "{failed:?}");
    assert!(failed.err.starts_with("huemill: in/bad.png: "), "{failed:?}");
}

#[test]
fn results_go_to_the_folder_that_is_named() {
    let workspace = Workspace::new();
    workspace.picture("in/a.png", RED, RED);
    let run =
        Run::from(workspace.command_of("watch", &["in", "--once", "--out", "results"]).output().unwrap());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(files(&workspace.path().join("results")), ["a.png.card.png", "a.png.json"]);
    assert_eq!(files(&workspace.path().join("in")), ["a.png"]);
}

#[test]
fn results_are_never_taken_for_pictures() {
    let workspace = Workspace::new();
    workspace.picture("in/a.png", RED, RED);
    let once = |args: &[&str]| {
        let command =
            &mut workspace.command_of("watch", &[&["in", "--once", "--settle", "0"], args].concat());
        Run::from(command.output().unwrap())
    };
    assert_eq!(once(&[]).out, "in/a.png -> in/huemill/a.png.card.png\n");
    assert_eq!(once(&["--out", "other"]).out, "in/a.png -> other/a.png.card.png\n");
    let run = workspace.run(&["--json", "in", "in/**/*.png"]);
    assert_eq!(run.json().iter().map(|answer| &answer["filename"]).collect::<Vec<_>>(), ["in/a.png"; 2]);
}

#[test]
fn folders_that_cannot_be_used_are_usage_errors() {
    let workspace = Workspace::new();
    workspace.picture("in/a.png", RED, RED);
    for args in [&["in", "--out", "in"][..], &["in/a.png"], &["missing"], &["in", "--quality", "50"], &[]] {
        let run = Run::from(workspace.command_of("watch", args).output().unwrap());
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}: {run:?}");
        assert!(!run.err.is_empty(), "{args:?}");
    }
    let run = Run::from(workspace.command_of("watch", &["missing"]).output().unwrap());
    assert_eq!(run.err, "huemill: missing: there is no such file or folder; check the path\n");
}

#[test]
fn results_do_not_follow_a_link_out_of_the_watched_folder() {
    let workspace = Workspace::new();
    let (folder, elsewhere) = (workspace.path().join("in"), workspace.path().join("elsewhere"));
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.join("huemill")).unwrap();
    let run = Run::from(workspace.command_of("watch", &["in", "--once"]).output().unwrap());
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("--out"), "{run:?}");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn results_do_not_follow_a_link_out_of_their_folder() {
    let workspace = Workspace::new();
    workspace.picture("in/trip/a.png", RED, RED);
    workspace.picture("in/b.png", RED, RED);
    let (results, elsewhere) = (workspace.path().join("in/huemill"), workspace.path().join("elsewhere"));
    fs::create_dir(&results).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("mine"), "mine").unwrap();
    std::os::unix::fs::symlink(&elsewhere, results.join("trip")).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("mine"), results.join("b.png.json")).unwrap();
    let run = Run::from(workspace.command_of("watch", &["in", "--once"]).output().unwrap());
    assert_eq!((run.code, run.err.lines().count()), (Some(1), 1), "{run:?}");
    assert!(
        run.err.starts_with("huemill: in/trip/a.png: cannot write to ") && run.err.contains("link"),
        "{run:?}"
    );
    assert_eq!(files(&elsewhere), ["mine"]);
    assert_eq!(fs::read_to_string(elsewhere.join("mine")).unwrap(), "mine");
    assert!(fs::symlink_metadata(results.join("b.png.json")).unwrap().is_file(), "the link was replaced");
}

#[test]
fn pipes_among_pictures_and_results_do_not_stop_the_others() {
    use rustix::fs::{Mode, mkfifoat};
    let workspace = Workspace::new();
    workspace.picture("in/b.png", RED, RED);
    fs::create_dir(workspace.path().join("in/huemill")).unwrap();
    for pipe in ["in/a.png", "in/huemill/b.png.json"] {
        mkfifoat(CWD, workspace.path().join(pipe), Mode::RUSR | Mode::WUSR).unwrap();
    }
    let watch = Watch::start(&workspace, &["--settle", "0"]);
    let written = workspace.path().join("in/huemill/b.png.json");
    wait_for("the record", || {
        fs::symlink_metadata(&written).is_ok_and(|record| record.is_file()).then_some(())
    });
    let run = watch.stop(Signal::TERM);
    assert_eq!((run.code, run.out.lines().count()), (Some(0), 1), "{run:?}");
}

#[test]
fn a_folder_of_results_that_is_removed_is_made_again_and_one_that_becomes_a_link_is_not_used() {
    let workspace = Workspace::new();
    workspace.picture("in/a.png", RED, RED);
    let path = |name: &str| workspace.path().join(name);
    let watch = Watch::start(&workspace, &["--settle", "0", "--search", "1"]);
    watch.record("a.png", any);
    fs::remove_dir_all(path("in/huemill")).unwrap();
    workspace.picture("in/b.png", BLUE, BLUE);
    watch.record("b.png", any);
    assert!(path("in/huemill/.huemill-results").exists());
    fs::create_dir(path("elsewhere")).unwrap();
    // At once: a folder that is missing for a moment is made again.
    std::os::unix::fs::symlink(path("elsewhere"), path("old")).unwrap();
    renameat_with(CWD, path("in/huemill"), CWD, path("old"), RenameFlags::EXCHANGE).unwrap();
    workspace.picture("in/c.png", GREEN, GREEN);
    wait_for("the error", || watch.errors().contains("in/c.png: ").then_some(()));
    assert!(watch.errors().contains("link"), "{}", watch.errors());
    assert_eq!(fs::read_dir(path("elsewhere")).unwrap().count(), 0);
    assert_eq!(watch.stop(Signal::TERM).code, Some(0));
}
