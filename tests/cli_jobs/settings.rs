//! Where commands send their requests: to the service that the settings or `--server` name, and nowhere else.

use std::fs;

use crate::workspace::{Run, Workspace};

#[test]
fn settings_that_are_not_valid_end_a_command_before_it_asks_any_service() {
    let workspace = Workspace::new();
    workspace.write_picture("a.png", 20);
    fs::write(workspace.path("typo.toml"), "[server]\nprot = 8080\n").unwrap();
    let show = "jobs show job_01a22bbbdb09250f34c003e73a259757717affdb4f43";
    for command in ["submit a.png", "jobs list", show, "queue status", "keys list"] {
        let args: Vec<_> = ["--config", "typo.toml"].into_iter().chain(command.split(' ')).collect();
        let run = workspace.run(&args);
        assert_eq!((run.code, &*run.out), (Some(78), ""), "{command}: {run:?}");
        assert!(run.err.starts_with("huemill: server.prot (typo.toml): unknown key"), "{command}: {run:?}");
    }
    for file in ["missing.toml", "."] {
        let run = workspace.run(&["--config", file, "submit", "a.png"]);
        assert_eq!(run.code, Some(78), "{file}: {run:?}");
    }
}

#[test]
fn a_command_that_is_told_the_service_needs_no_settings() {
    let (workspace, _service) = Workspace::with_service(&[]);
    workspace.write_picture("a.png", 20);
    fs::write(workspace.path("typo.toml"), "[server]\nprot = 8080\n").unwrap();
    workspace.run_ok(&["--config", "typo.toml", "submit", "a.png"]);
}

#[test]
fn results_are_not_taken_for_pictures_by_the_next_command() {
    let (workspace, _service) = Workspace::with_service(&[]);
    workspace.write_picture("album/a.png", 20);
    for _ in 0..2 {
        let mut submit = workspace.command(&["submit", ".", "--watch"]);
        let run = Run::from(submit.current_dir(workspace.path("album")).output().unwrap());
        assert!(
            run.err.contains("completed: 1 with a result") && run.err.contains("1 card and manifest"),
            "{run:?}"
        );
    }
    assert_eq!(workspace.names("album/huemill-results").len(), 3, "the mark, and a folder for each job");
}
