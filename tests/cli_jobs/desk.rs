//! A directory of pictures, the program in it, and a service that it speaks to.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::service::{PATIENCE, Service};

/// Where commands are run.
pub struct Desk {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), environment: Vec::new() }
    }

    /// With a service whose data are in `data` beside, and these settings of its own.
    pub fn with_service(settings: &[(&str, &str)]) -> (Self, Service) {
        let desk = Self::new();
        let settings: Vec<_> = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let service = Service::start(&desk.path("data"), &settings);
        (desk.speaking_to(service.address), service)
    }

    pub fn speaking_to(mut self, address: SocketAddr) -> Self {
        self.environment.push(("HUEMILL_SERVER".into(), format!("http://{address}")));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A picture of its own, of this many pixels a side.
    pub fn picture(&self, name: &str, side: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let picture = image::RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([(x * 7) as u8, (y * 3) as u8, side as u8])
        });
        picture.save_with_format(path, image::ImageFormat::Png).unwrap();
    }

    /// A folder of so many pictures that one slot is busy for seconds.
    pub fn long_work(&self, folder: &str) {
        let first = format!("{folder}/00.png");
        self.picture(&first, 2_500);
        for at in 1..30 {
            fs::copy(self.path(&first), self.path(&format!("{folder}/{at:02}.png"))).unwrap();
        }
    }

    /// A file that is called a picture and is none.
    pub fn broken(&self, name: &str) {
        fs::write(self.path(name), "\u{89}PNG, not really").unwrap();
    }

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

    pub fn run(&self, args: &[&str]) -> Run {
        Run::from(self.command(args).output().unwrap())
    }

    /// Runs what must succeed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Run {
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
    /// Its standard output, which is one line.
    #[track_caller]
    pub fn line(&self) -> &str {
        let line = self.out.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{self:?}");
        line
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(self.line()).unwrap()
    }
}

/// A job's body as the service has it.
pub fn job(service: &Service, id: &str) -> Value {
    client().get(service.url(&format!("/jobs/{id}"))).send().unwrap().json().unwrap()
}

/// The same once it has ended.
pub fn ended(service: &Service, id: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let job = job(service, id);
        if !matches!(job["status"].as_str().unwrap(), "queued" | "processing") {
            return job;
        }
        assert!(Instant::now() < deadline, "{id} never ended: {job}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn client() -> reqwest::blocking::Client {
    reqwest::blocking::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap()
}

/// Whether a card can be read.
pub fn is_card(path: &Path) -> bool {
    image::open(path).is_ok()
}
