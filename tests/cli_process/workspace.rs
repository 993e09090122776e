//! A directory of pictures in which tests run the program.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub const RED: [u8; 3] = [255, 0, 0];
pub const BLUE: [u8; 3] = [0, 0, 255];

/// A directory of pictures in which the program runs.
pub struct Workspace(TempDir);

impl Workspace {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a picture of two halves and returns its bytes.
    pub fn picture(&self, name: &str, left: [u8; 3], right: [u8; 3]) -> Vec<u8> {
        let halves = image::RgbImage::from_fn(60, 40, |x, _| image::Rgb(if x < 40 { left } else { right }));
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        halves.save_with_format(&path, image::ImageFormat::Png).expect("a picture");
        fs::read(path).expect("bytes")
    }

    /// A command of the program.
    pub fn command_of(&self, subcommand: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_huemill"));
        command.current_dir(self.path()).env_clear().arg(subcommand).args(args);
        command
    }

    /// `huemill process`.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_of("process", args)
    }

    pub fn run(&self, args: &[&str]) -> Run {
        Run::from(self.command(args).output().expect("the program runs"))
    }

    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
        Run::from(child.wait_with_output().expect("it ends"))
    }
}

#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Run {
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }
}
