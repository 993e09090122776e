//! A service process whose life a test has in its hands: started, killed, stopped, continued, started again on the
//! same data.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
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
    tape: Tape,
    readers: Vec<JoinHandle<()>>,
}

/// Lines that a process has printed.
type Lines = Arc<Mutex<Vec<String>>>;

/// What a service has printed. Clones share it, and outlive the service: once that was killed or stopped, it is whole.
#[derive(Clone, Default)]
pub struct Tape {
    stdout: Lines,
    stderr: Lines,
}

impl Tape {
    /// The log's lines so far.
    pub fn log(&self) -> Vec<String> {
        self.stdout.lock().unwrap().clone()
    }

    /// What was said beside the log.
    pub fn aside(&self) -> Vec<String> {
        self.stderr.lock().unwrap().clone()
    }
}

/// Reads on to the end, so that the pipe never fills.
fn read(
    from: impl Read + Send + 'static,
    into: &Lines,
    mut each: impl FnMut(&str) + Send + 'static,
) -> JoinHandle<()> {
    let into = into.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            each(&line);
            into.lock().unwrap().push(line);
        }
    })
}

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

    #[allow(clippy::print_stderr, reason = "what it says aside is shown as the test's own")]
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
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ((told, address), tape) = (mpsc::channel(), Tape::default());
        let log = read(child.stdout.take().unwrap(), &tape.stdout, move |line| {
            if line.contains("\"service_started\"") {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let _ = told.send(line["address"].as_str().unwrap().parse().unwrap());
            }
        });
        let aside = read(child.stderr.take().unwrap(), &tape.stderr, |line| eprintln!("{line}"));
        let readers = vec![log, aside];
        match address.recv_timeout(PATIENCE) {
            Ok(address) => Ok(Self { child, address, tape, readers }),
            Err(_) => Err(child.wait().unwrap()),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The log lines of this event so far.
    pub fn logged(&self, event: &str) -> Vec<serde_json::Value> {
        let lines = self.tape.stdout.lock().unwrap();
        let parsed = lines.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        parsed.filter(|line| line["event"] == event).collect()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it prints.
    pub fn tape(&self) -> Tape {
        self.tape.clone()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.read_out();
    }

    /// Waits for what an ended process printed last.
    fn read_out(&mut self) {
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
    }

    fn last_lines(&self) -> Vec<String> {
        let lines = self.tape.log();
        lines[lines.len().saturating_sub(20)..].to_vec()
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
                self.read_out();
                return status.code();
            }
            assert!(
                Instant::now() < deadline,
                "the service does not stop; its last lines: {:#?}",
                self.last_lines()
            );
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
