//! Starts PgBouncer for tests, from the installed program, in front of a cluster of `postgres.rs`. Each pools
//! transactions and has fewer server connections than its clients want, so that the clients take turns on them. A
//! watchdog shell waits for the test process to end, then stops PgBouncer and removes its folder.

use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::postgres::{Cluster, output_of, unprivileged};
use super::{Tool, free_ports};

/// How long PgBouncer may take to start on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs PgBouncer until standard input ends, which is when the test process is gone.
const WATCHDOG: &str = r#"
"$1" -q "$2/pgbouncer.ini" >"$2/log" 2>&1 &
cat >/dev/null
kill "$!"
rm -rf "$2"
"#;

/// A running PgBouncer. It is stopped and removed with this value, or with the process.
pub struct PgBouncer {
    port: u16,
    watchdog: Child,
}

impl PgBouncer {
    /// The PgBouncer in front of the shared cluster.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PgBouncer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Cluster::shared().database()))
    }

    /// Starts a PgBouncer in front of the server of this database.
    pub fn start(database: &str) -> Self {
        let temporary = std::env::temp_dir().join("huemill-pgbouncer.XXXXXX");
        let folder = output_of(unprivileged("mktemp").arg("-d").arg(&temporary));
        let [port] = free_ports();
        let ini = format!("{folder}/pgbouncer.ini");
        std::fs::write(&ini, settings(address(database).1, port)).unwrap();
        let watchdog = unprivileged("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .args([&*Tool::PgBouncer.path().to_string_lossy(), &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell");
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || std::fs::read_to_string(format!("{folder}/log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PgBouncer does not start: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { port, watchdog }
    }

    /// The URL of a database of the server, through PgBouncer.
    pub fn url(&self, database: &str) -> String {
        let (start, port, name) = address(database);
        database.replace(&format!("{start}{port}/{name}"), &format!("{start}{}/{name}", self.port))
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Splits the URL of a test's database: the part before the port, the port, and the database's name.
fn address(database: &str) -> (&str, &str, &str) {
    let (server, name) = database.rsplit_once('/').unwrap();
    let at = server.rfind(':').unwrap() + 1;
    (&server[..at], &server[at..], name)
}

fn settings(server: &str, port: u16) -> String {
    format!(
        "[databases]\n\
         * = host=127.0.0.1 port={server} user=huemill\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = transaction\n\
         default_pool_size = 2\n\
         max_client_conn = 1000\n\
         server_idle_timeout = 5\n\
         server_login_retry = 1\n\
         ignore_startup_parameters = extra_float_digits\n"
    )
}
