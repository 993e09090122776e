//! `huemill serve`: sets up settings, log and runtimes, runs the service, and returns its exit code.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use huemill_observability::json_log::{self, FilterHandle};
use huemill_observability::trace::{Export, ExportError};
use huemill_observability::{log, log_writer};
use huemill_store::store::Role;
use tokio::runtime::{Builder, Runtime};

use super::terminal::EXIT_CONFIG;
use crate::application::{Application, StartError};
use crate::settings::{Environment, Settings};
use crate::signals;
use crate::storage;

/// How long the I/O runtime may take to shut down.
const IO_SHUTDOWN: Duration = Duration::from_secs(5);

/// The arguments of `huemill serve`.
#[derive(Debug, Default, Args)]
pub(super) struct ServeArgs {
    /// What this process does: all, web (handles requests) or worker (processes jobs) [default: the
    /// setting server.role]
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Option<Role>,
}

fn role(word: &str) -> Result<Role, &'static str> {
    Role::parse(word).ok_or("expected all, web or worker")
}

#[allow(clippy::print_stderr, reason = "errors before the log is set up can go nowhere else")]
pub(super) fn run(args: &ServeArgs, file: Option<&Path>) -> ExitCode {
    let mut environment = Environment::of_process();
    if let Some(role) = args.role {
        environment.set("HUEMILL__SERVER__ROLE", role.as_str());
    }
    let settings = match Settings::load(file, &environment) {
        Ok(settings) => settings,
        Err(problems) => {
            eprint!("{problems}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    // The guard writes the lines that are still buffered when it is dropped.
    let (writer, _flush_guard) = log_writer::stdout();
    let filter = match json_log::init(&settings.log.filter, writer) {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("log.filter: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    huemill_observability::install_panic_hook();
    storage::restrict_umask();
    match serve(&settings, filter) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("huemill: {error}");
            if error.is::<ExportError>() { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

fn serve(settings: &Settings, filter: FilterHandle) -> Result<u8, Box<dyn std::error::Error>> {
    let io = io_runtime()?;
    // Dropped before the runtime, because it still sends its last spans on it.
    let export = Export::start(env!("CARGO_PKG_VERSION"), io.handle())?;
    // `System::run` and the main attribute lose the exit code.
    let code = actix_rt::System::new().block_on(async {
        signals::change_log_filter_on_signals(filter, settings.log.filter.clone())
            .map_err(StartError::Signals)?;
        let application = Application::build(settings, io.handle()).await?;
        let addresses = application.addresses().to_vec();
        log!(
            SERVICE_STARTED,
            version = env!("CARGO_PKG_VERSION"),
            address = addresses.first().map(ToString::to_string),
            workers = settings.worker_count(),
        );
        greet(&addresses);
        Ok::<_, StartError>(application.run_until_stopped().await)
    })?;
    drop(export);
    io.shutdown_timeout(IO_SHUTDOWN);
    Ok(code)
}

/// The runtime for store calls and for timers of plain threads. It starts before the actors and stops after them.
fn io_runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).thread_name("io").enable_all().build()
}

/// Prints three lines for a person who starts the service in a terminal.
#[allow(clippy::print_stderr, reason = "these lines are for the person at the terminal, not for the log")]
fn greet(addresses: &[SocketAddr]) {
    let Some(address) = addresses.first().filter(|_| std::io::stderr().is_terminal()) else { return };
    eprintln!("Huemill listens on http://{address}");
    eprintln!("  process a picture:  curl -F image=@photo.jpg http://{address}/process");
    eprintln!("  health: curl http://{address}/ready    stop: Ctrl-C    settings: huemill check");
}
