//! A service process whose life a test has in its hands: started, killed, stopped, continued, started again on the
//! same data.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// How long a test waits for anything before it fails.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The service that was built with this test, or the one that `HUEMILL_TEST_BINARY` names: a release build.
fn program() -> OsString {
    std::env::var_os("HUEMILL_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_huemill").into())
}

/// One life of a service. Killed when dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    lines: Lines,
}

/// What a service has logged.
type Lines = Arc<Mutex<Vec<String>>>;

impl Service {
    /// Starts a service on this data directory; returns as soon as it listens.
    pub fn start(data: &Path, environment: &[(String, String)]) -> Self {
        Self::try_start(data, environment).unwrap_or_else(|status| panic!("the service ended: {status}"))
    }

    /// The same, or how it ended without listening.
    pub fn try_start(data: &Path, environment: &[(String, String)]) -> Result<Self, ExitStatus> {
        Self::spawn(Command::new(program()), data, environment)
    }

    /// The same, started by another program, which must become it.
    pub fn start_within(around: &[&str], data: &Path, environment: &[(String, String)]) -> Self {
        let mut command = Command::new(around[0]);
        command.args(&around[1..]).arg(program());
        Self::spawn(command, data, environment).unwrap_or_else(|status| panic!("the service ended: {status}"))
    }

    fn spawn(
        mut command: Command,
        data: &Path,
        environment: &[(String, String)],
    ) -> Result<Self, ExitStatus> {
        let mut child = command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PORT", "0")
            .env("DATA_DIR", data)
            .env("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "0")
            .env("HUEMILL__HEALTH__MEMORY_USED_RATIO", "1.0")
            .env("HUEMILL__HEALTH__DISK_FREE_BYTES", "1")
            .env("HUEMILL__UPLOADS__DISK_LOW_BYTES", "1")
            .env("HUEMILL__JOBS__DISK_LOW_BYTES", "1")
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (told, address) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = Lines::default();
        let kept = lines.clone();
        // Reads on to the end, so that the pipe never fills.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if line.contains("\"service_started\"") {
                    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
                    let _ = told.send(line["address"].as_str().unwrap().parse().unwrap());
                }
                kept.lock().unwrap().push(line);
            }
        });
        match address.recv_timeout(PATIENCE) {
            Ok(address) => Ok(Self { child, address, lines }),
            Err(_) => Err(child.wait().unwrap()),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The log lines of this event so far.
    pub fn logged(&self, event: &str) -> Vec<serde_json::Value> {
        let lines = self.lines.lock().unwrap();
        let parsed = lines.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        parsed.filter(|line| line["event"] == event).collect()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// SIGTERM, and the exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the service does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
