//! A process of the service with its default settings.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A running service. It is killed when it is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// The data directory, where the server has created it. It is removed with the server.
    data: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts a server on a new data directory and waits until it is ready.
    pub fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut server = Self::start_on(data.path(), &[]);
        server.data = Some(data);
        server
    }

    /// Starts a server on this data directory and waits until it is ready.
    pub fn start_on(data: &std::path::Path, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_huemill"))
            .env("PORT", "0")
            .env("DATA_DIR", data)
            .envs(environment.iter().copied())
            .env("HUEMILL__JOBS__DISK_LOW_BYTES", "500000000")
            .env("HUEMILL__HEALTH__MEMORY_USED_RATIO", "1.0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let started = lines.find(|line| line.contains("\"service_started\"")).unwrap();
        let started: serde_json::Value = serde_json::from_str(&started).unwrap();
        let address = started["address"].as_str().unwrap().parse().unwrap();
        lines.find(|line| line.contains("\"readiness_changed\"")).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, data: None }
    }

    /// The user and system time so far.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // utime and stime, in hundredths of a second.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    /// The resident memory now.
    pub fn resident_mb(&self) -> f64 {
        self.status_mb("VmRSS:")
    }

    /// The peak of the resident memory since the start.
    pub fn peak_mb(&self) -> f64 {
        self.status_mb("VmHWM:")
    }

    fn status_mb(&self, key: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
