//! A process of the service that a test starts, kills, stops and starts again on the same data.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use serde_json::Value;

use super::{TIMEOUT, wait_for};

/// The program that was built with this test, or the one that `HUEMILL_TEST_BINARY` names, such as a release build.
fn program() -> OsString {
    std::env::var_os("HUEMILL_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_huemill").into())
}

/// A running process of the service. It is killed when it is dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    output: Output,
    readers: Vec<JoinHandle<()>>,
}

/// Lines that a process has printed.
type Lines = Arc<Mutex<Vec<String>>>;

/// What a process has printed so far. Clones share it and outlive the process. It is complete once the process was
/// killed or stopped.
#[derive(Clone, Default)]
pub struct Output {
    stdout: Lines,
    stderr: Lines,
}

impl Output {
    /// The lines of the log, which is standard output.
    pub fn log(&self) -> Vec<String> {
        self.stdout.lock().unwrap().clone()
    }

    /// The lines on standard error.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.lock().unwrap().clone()
    }
}

/// Collects lines until the pipe ends, so that the process never waits for a reader.
fn collect(
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
    /// Starts a service on this data directory and returns once it listens.
    pub fn start(data: &Path, environment: &[(String, String)]) -> Self {
        Self::try_start(data, environment).unwrap_or_else(|status| panic!("the service ended: {status}"))
    }

    /// Starts a service. Returns its exit status where it ends before it listens.
    pub fn try_start(data: &Path, environment: &[(String, String)]) -> Result<Self, ExitStatus> {
        Self::spawn(Command::new(program()), data, environment)
    }

    /// Starts a service through another program, such as `setpriv`, which must replace itself with the service.
    pub fn start_within(around: &[impl AsRef<str>], data: &Path, environment: &[(String, String)]) -> Self {
        let mut command = Command::new(around[0].as_ref());
        command.args(around[1..].iter().map(AsRef::as_ref)).arg(program());
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
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ((found, address), output) = (mpsc::channel(), Output::default());
        let stdout = collect(child.stdout.take().unwrap(), &output.stdout, move |line| {
            if line.contains("\"service_started\"") {
                let line: Value = serde_json::from_str(line).unwrap();
                let _ = found.send(line["address"].as_str().unwrap().parse().unwrap());
            }
        });
        let stderr = collect(child.stderr.take().unwrap(), &output.stderr, |line| eprintln!("{line}"));
        let readers = vec![stdout, stderr];
        match address.recv_timeout(TIMEOUT) {
            Ok(address) => Ok(Self { child, address, output, readers }),
            Err(RecvTimeoutError::Disconnected) => Err(child.wait().unwrap()),
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("the service does not listen; its log: {:#?}", output.log());
            }
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The log lines of this event so far.
    pub fn logged(&self, event: &str) -> Vec<Value> {
        let lines = self.output.stdout.lock().unwrap();
        let parsed = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        parsed.filter(|line| line["event"] == event).collect()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn output(&self) -> Output {
        self.output.clone()
    }

    /// Kills the process as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.finish_reading();
    }

    /// Waits for the last output of a process that has ended.
    fn finish_reading(&mut self) {
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Sends SIGTERM, waits for the end of the process, and returns its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.wait_for_exit().code()
    }

    /// Waits for the end of the process and of its output.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = wait_for("the service ends", || child.try_wait().unwrap());
        self.finish_reading();
        status
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
