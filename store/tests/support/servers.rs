//! The servers and tools that tests drive: which are installed, and where. A test that needs one begins with
//! `require!`; where the tool is missing, the test says so on standard error and passes. With
//! `HUEMILL_TEST_REQUIRE_SERVERS` set (`make test` sets it), a missing tool fails the test instead.
//!
//! Uses nothing but the standard library, so that any test binary can include it by its path. A binary includes it as
//! `servers`, or imports it under this name at its root.

// Each test binary that includes this file uses a part of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod pgbouncer;
pub mod postgres;
pub mod s3;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// A server or tool that is installed beside Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Alertmanager,
    /// The library that drives a browser from JavaScript.
    BrowserDriver,
    /// What builds container images without a daemon.
    Buildah,
    Caddy,
    /// Python with Helm and the schemas of Kubernetes.
    ChartTools,
    Chromium,
    /// The OTLP collector rotel.
    Collector,
    /// What installs a Debian system in a folder, and systemd's containers, in which it runs.
    Debootstrap,
    /// hadolint, and what reads and checks Compose files.
    ContainerTools,
    Libfaketime,
    /// The reference decoder of JPEG, djpeg, and jpegtran.
    LibjpegTurbo,
    /// The checker of Debian packages.
    Lintian,
    Nginx,
    /// The libraries that drive and check the web page from JavaScript.
    PageDriver,
    /// The linter of the OpenAPI document, the generators of clients, and what tests the service by it.
    OpenApiTools,
    /// The libraries that read exported palettes in Python and JavaScript.
    PaletteReaders,
    PgBouncer,
    PostgreSql,
    Prometheus,
    Promtool,
    /// Pillow and libtiff's tools, which decode what we decode.
    ReferenceDecoders,
    /// The S3 server moto.
    S3,
    /// The program that checks units of systemd.
    Systemd,
    /// The libraries that verify webhooks in Python and JavaScript.
    WebhookVerifiers,
}

/// Ports that nothing listens on. They are different, because all are open at one time.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Tool {
    /// Where the tool is. Panics where it is missing.
    pub fn path(self) -> PathBuf {
        self.find().unwrap_or_else(|| panic!("this test needs {}: run `make setup`", self.name()))
    }

    /// Where the tool is, if it is installed.
    pub fn find(self) -> Option<PathBuf> {
        match self {
            Self::Alertmanager => in_path("prometheus-alertmanager"),
            Self::BrowserDriver => libraries("browser-driver"),
            Self::Buildah => in_path("buildah"),
            Self::Caddy => in_path("caddy"),
            Self::ChartTools => beside_the_build("chart-tools/installed.txt")
                .map(|installed| installed.with_file_name("python/bin/python")),
            Self::Chromium => in_path("chromium-headless-shell"),
            Self::Collector => beside_the_build("rotel/bin/rotel-agent"),
            Self::Debootstrap => in_path("systemd-nspawn").and(in_path("debootstrap")),
            Self::ContainerTools => libraries("container-tools"),
            // Debian keeps it out of the linker's path.
            Self::Libfaketime => below(Path::new("/usr/lib"), "faketime/libfaketimeMT.so.1").pop(),
            Self::LibjpegTurbo => in_path("jpegtran").and(in_path("djpeg")),
            Self::Lintian => in_path("lintian"),
            Self::Nginx => in_path("nginx"),
            Self::PageDriver => libraries("page"),
            Self::OpenApiTools => libraries("openapi-tools"),
            Self::PaletteReaders => libraries("palette-readers"),
            Self::PgBouncer => in_path("pgbouncer"),
            Self::PostgreSql => newest_postgresql(),
            Self::Prometheus => in_path("prometheus"),
            Self::Promtool => in_path("promtool"),
            Self::ReferenceDecoders => in_path("tiffcp").and_then(|_| libraries("reference-decoders")),
            Self::S3 => beside_the_build("moto/bin/moto_server"),
            Self::Systemd => in_path("systemd-analyze"),
            Self::WebhookVerifiers => libraries("verifiers"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Alertmanager => "Alertmanager (Debian's `prometheus-alertmanager`)",
            Self::BrowserDriver => "the library that drives browsers (tests/verifiers.sh installs it)",
            Self::Buildah => "buildah (`tests/setup.sh packages` installs it)",
            Self::Caddy => "Caddy (Debian's `caddy`)",
            Self::ChartTools => "Helm and the schemas of Kubernetes (tests/verifiers.sh installs them)",
            Self::Chromium => "Chromium (Debian's `chromium-headless-shell`)",
            Self::Collector => "the OTLP collector rotel (tests/rotel.sh installs it)",
            Self::Debootstrap => {
                "debootstrap and systemd-nspawn (Debian's `debootstrap`, `systemd-container`)"
            }
            Self::ContainerTools => {
                "the tools that check containers' files (tests/verifiers.sh installs them)"
            }
            Self::Libfaketime => "libfaketime (Debian's `faketime`)",
            Self::LibjpegTurbo => "libjpeg-turbo's tools (Debian's `libjpeg-turbo-progs`)",
            Self::Lintian => "lintian (Debian's `lintian`)",
            Self::Nginx => "nginx (Debian's `nginx`)",
            Self::PageDriver => "the libraries that drive the page (tests/verifiers.sh installs them)",
            Self::OpenApiTools => {
                "the tools that read OpenAPI documents and Node.js (tests/verifiers.sh installs them)"
            }
            Self::PaletteReaders => {
                "the libraries that read palettes and Node.js (tests/verifiers.sh installs them)"
            }
            Self::PgBouncer => "PgBouncer (Debian's `pgbouncer`)",
            Self::PostgreSql => "PostgreSQL's server (Debian's `postgresql`)",
            Self::Prometheus => "Prometheus (Debian's `prometheus`)",
            Self::Promtool => "promtool (Debian's `prometheus`)",
            Self::ReferenceDecoders => {
                "Pillow (tests/verifiers.sh installs it) and libtiff's tools (Debian's `libtiff-tools`)"
            }
            Self::S3 => "the S3 server moto (tests/moto.sh installs it)",
            Self::Systemd => "systemd-analyze (Debian's `systemd`)",
            Self::WebhookVerifiers => {
                "the published webhook verifiers and Node.js (tests/verifiers.sh installs them)"
            }
        }
    }
}

/// Whether the running test must be skipped because one of these tools is missing. Reports it; panics where the
/// environment requires all tools. `module` is the module of the test.
pub fn skips(tools: &[Tool], module: &str) -> bool {
    let Some(missing) = tools.iter().find(|tool| tool.find().is_none()) else { return false };
    let required = std::env::var_os("HUEMILL_TEST_REQUIRE_SERVERS").is_some_and(|value| !value.is_empty());
    assert!(!required, "this test needs {}: run `make setup`", missing.name());
    let thread = std::thread::current();
    // With one test thread the tests run on the main thread, whose name is not theirs.
    let test = thread.name().filter(|name| *name != "main").unwrap_or(module);
    // Written past the test runner, which shows what a test prints only when the test fails.
    let _ = writeln!(std::io::stderr(), "skipped: {test} needs {}", missing.name());
    true
}

/// Ends the running test, which then passes, where one of these tools is missing.
#[allow(unused_macros, reason = "some binaries need servers in all that they do")]
macro_rules! require {
    ($($tool:ident),+ $(,)?) => {
        if $crate::servers::skips(&[$($crate::servers::Tool::$tool),+], module_path!()) {
            return;
        }
    };
}
#[allow(unused_imports, reason = "some binaries need servers in all that they do")]
pub(crate) use require;

fn in_path(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    // Debian puts servers where not every user's PATH leads.
    let folders = std::env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A file in the folder of tools that the scripts in tests/ fill. Unit tests do not know that folder.
fn beside_the_build(file: &str) -> Option<PathBuf> {
    let tools = Path::new(option_env!("CARGO_TARGET_TMPDIR")?).with_file_name("tools");
    Some(tools.join(file)).filter(|path| path.exists())
}

/// The folder of libraries of Python and JavaScript, if they are installed and Node.js is.
fn libraries(folder: &str) -> Option<PathBuf> {
    let installed = beside_the_build(&format!("{folder}/installed.txt"))?;
    in_path("node")?;
    Some(installed.with_file_name(""))
}

/// The files of this name in the folders of a folder.
fn below(folder: &Path, file: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().join(file)).filter(|path| path.exists()).collect()
}

/// The programs of the newest server that is installed.
fn newest_postgresql() -> Option<PathBuf> {
    let programs = below(Path::new("/usr/lib/postgresql"), "bin/initdb");
    let version = |program: &PathBuf| -> Option<u32> { program.iter().rev().nth(2)?.to_str()?.parse().ok() };
    let newest = programs.into_iter().filter(|program| version(program).is_some()).max_by_key(version)?;
    Some(newest.parent()?.to_owned())
}
