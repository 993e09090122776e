//! Starts PostgreSQL clusters for tests, from the installed programs: each on a free port, with `fsync`, in a temporary
//! folder. A watchdog shell waits for the test process to end, however it ends, then stops the server and removes the
//! folder.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Tool, free_ports};

/// Stops the server and removes the folder when standard input ends, which is when the test process is gone.
const WATCHDOG: &str = r#"
cat >/dev/null
"$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
rm -rf "$2"
"#;

/// A running server. It is stopped and removed with this value, or with the process.
pub struct Cluster {
    binaries: PathBuf,
    folder: String,
    port: u16,
    watchdog: Child,
    databases: AtomicU32,
}

impl Cluster {
    /// The cluster that all tests of this binary share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A cluster that the caller shares with no other test.
    pub fn start() -> Self {
        let binaries = Tool::PostgreSql.path();
        let temporary = std::env::temp_dir().join("huemill-postgres.XXXXXX");
        let folder = output_of(unprivileged("mktemp").arg("-d").arg(&temporary));
        let watchdog = unprivileged("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .args([&*binaries.to_string_lossy(), &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell");
        let data = format!("{folder}/data");
        output_of(unprivileged(binaries.join("initdb")).args(["-D", &data]).args([
            "--auth=trust",
            "--username=huemill",
            "--encoding=UTF8",
            "--no-locale",
        ]));
        let mut cluster = Self { binaries, folder, port: 0, watchdog, databases: AtomicU32::new(0) };
        for _ in 0..5 {
            [cluster.port] = free_ports();
            if cluster.serve().status.success() {
                return cluster;
            }
        }
        panic!("PostgreSQL does not start: {:?}", cluster.serve());
    }

    /// The URL of a new, empty database.
    pub fn database(&self) -> String {
        self.create("template1")
    }

    /// The URL of a new copy of a database of [`Cluster::database`], which nobody may use meanwhile.
    pub fn copy_of(&self, url: &str) -> String {
        let (_, original) = url.rsplit_once('/').expect("a URL with the database's name");
        self.create(original)
    }

    fn create(&self, template: &str) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("case_{number}");
        let createdb = self.binaries.join("createdb");
        output_of(unprivileged(createdb).args(self.address()).args(["--template", template, &name]));
        format!("postgres://huemill@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs a statement on a database of [`Cluster::database`]. Returns a line for each row, without headings.
    pub fn ask(&self, url: &str, statement: &str) -> String {
        output_of(
            unprivileged(self.binaries.join("psql"))
                .args(["-X", "-A", "-t", "-q", "-d", url, "-c", statement]),
        )
    }

    /// Stops the server as a crash does.
    pub fn kill(&self) {
        output_of(self.control().args(["-m", "immediate", "stop"]));
    }

    /// Starts the server again, on the same port.
    pub fn revive(&self) {
        let output = self.serve();
        assert!(output.status.success(), "{output:?}");
    }

    fn serve(&self) -> Output {
        let options = format!("-c listen_addresses=127.0.0.1 -c unix_socket_directories= -p {}", self.port);
        let log = format!("{}/log", self.folder);
        self.control().args(["-w", "-o", &options, "-l", &log, "start"]).output().expect("pg_ctl")
    }

    fn control(&self) -> Command {
        let mut command = unprivileged(self.binaries.join("pg_ctl"));
        command.args(["-D", &format!("{}/data", self.folder)]);
        command
    }

    fn address(&self) -> [String; 3] {
        ["--host=127.0.0.1".into(), format!("--port={}", self.port), "--username=huemill".into()]
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// A command that does not run as root, which the server refuses: the user that came with its package runs it then.
pub fn unprivileged(program: impl Into<PathBuf>) -> Command {
    use std::os::unix::process::CommandExt;
    let program = program.into();
    let mut command = if output_of(Command::new("id").arg("-u")) == "0" {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    // In its own process group, so that an interrupt at the terminal does not end the watchdog before its work.
    command.current_dir("/").stdin(Stdio::null()).process_group(0).env("LC_ALL", "C");
    command
}

/// The output of a command that must succeed.
pub fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
