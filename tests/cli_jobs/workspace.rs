//! A directory of pictures in which tests run commands, and the service that the commands use.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::service::Service;
use crate::support::{variables, wait_for};

/// The directory in which commands run, and their environment.
pub struct Workspace {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// The result of a command.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Workspace {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), environment: Vec::new() }
    }

    /// Creates a workspace and starts a service with these settings, whose data directory is `data` in it.
    pub fn with_service(settings: &[(&str, &str)]) -> (Self, Service) {
        let workspace = Self::new();
        let service = Service::start(&workspace.path("data"), &variables(settings));
        (workspace.using_server(service.address), service)
    }

    /// Makes commands use the service at this address.
    pub fn using_server(mut self, address: SocketAddr) -> Self {
        self.environment.push(("HUEMILL_SERVER".into(), format!("http://{address}")));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a square picture. Each size is a different picture.
    pub fn write_picture(&self, name: &str, side: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let picture = image::RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([(x * 7) as u8, (y * 3) as u8, side as u8])
        });
        picture.save_with_format(path, image::ImageFormat::Png).unwrap();
    }

    /// Writes a folder of pictures that keep one worker busy for seconds.
    pub fn write_large_album(&self, folder: &str) {
        let first = format!("{folder}/00.png");
        self.write_picture(&first, 2_500);
        for at in 1..30 {
            fs::copy(self.path(&first), self.path(&format!("{folder}/{at:02}.png"))).unwrap();
        }
    }

    /// Writes a file that is not a valid picture.
    pub fn write_broken(&self, name: &str) {
        fs::write(self.path(name), b"\x89PNG\r\n\x1a\n, not really").unwrap();
    }

    /// A command of the program.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_huemill"));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("DATA_DIR", self.path("data"))
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .args(args);
        command
    }

    /// Runs a command until it ends.
    pub fn run(&self, args: &[&str]) -> Run {
        Run::from(self.command(args).output().unwrap())
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn run_ok(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(0), "{args:?}: {run:?}");
        run
    }

    /// The names in a directory, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Run {
    /// The standard output, which must be one line.
    #[track_caller]
    pub fn line(&self) -> &str {
        let line = self.out.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{self:?}");
        line
    }

    /// The standard output, which must be one line of JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.line()).unwrap()
    }
}

/// The status of a job.
pub fn job_status(service: &Service, id: &str) -> Value {
    client().get(service.url(&format!("/jobs/{id}"))).send().unwrap().json().unwrap()
}

/// Waits until a job has ended and returns its status.
#[track_caller]
pub fn wait_for_end(service: &Service, id: &str) -> Value {
    wait_for(&format!("{id} ends"), || {
        let job = job_status(service, id);
        (!matches!(job["status"].as_str().unwrap(), "queued" | "processing")).then_some(job)
    })
}

pub use crate::support::http::client;

/// Whether the file is a picture that can be decoded.
pub fn is_card(path: &Path) -> bool {
    image::open(path).is_ok()
}
