//! `huemill serve`: sets up settings, log and runtimes, runs the service, and returns its exit code.
//!
//! SIGUSR1 turns on debug lines and SIGUSR2 restores the configured filter; both work while HTTP does not.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use huemill_observability::json_log::{self, FilterHandle};
use huemill_observability::log;
use huemill_observability::log_writer::{self, LineStyle};
use huemill_observability::trace::{Export, ExportError};
use huemill_store::store::Role;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::terminal::{EXIT_CONFIG, EXIT_INTERRUPTED, has_colour, refuse_settings};
use crate::application::{Application, StartError};
use crate::listeners::Inherited;
use crate::settings::{Environment, LogFormat, Settings};
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
        Err(problems) => return refuse_settings(&problems),
    };
    // The log has a thread of its own.
    let inherited = Inherited::of_process();
    // The guard writes the lines that are still buffered when it is dropped.
    let (writer, _flush_guard) = log_writer::stdout(line_style(settings.log.format));
    let filter = match json_log::init(&settings.log.filter, writer) {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("log.filter: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    huemill_observability::install_panic_hook();
    storage::restrict_umask();
    match serve(&settings, filter, inherited) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("huemill: {error}");
            match error.downcast_ref::<StartError>() {
                Some(StartError::Tls(_)) => ExitCode::from(EXIT_CONFIG),
                Some(StartError::Interrupted(_)) => ExitCode::from(EXIT_INTERRUPTED),
                _ if error.is::<ExportError>() => ExitCode::from(EXIT_CONFIG),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// How log lines look on this standard output.
fn line_style(format: LogFormat) -> LineStyle {
    let output = std::io::stdout();
    if format.is_pretty(output.is_terminal()) {
        LineStyle::Pretty { colour: has_colour(&output) }
    } else {
        LineStyle::Json
    }
}

fn serve(
    settings: &Settings,
    filter: FilterHandle,
    inherited: Inherited,
) -> Result<u8, Box<dyn std::error::Error>> {
    // For store calls and for timers of plain threads. It starts before the actors and stops after them.
    let io = Builder::new_multi_thread().worker_threads(2).thread_name("io").enable_all().build()?;
    // Dropped before the runtime, because it still sends its last spans on it.
    let export = Export::start(env!("CARGO_PKG_VERSION"), io.handle())?;
    // `System::run` and the main attribute lose the exit code.
    let code = actix_rt::System::new().block_on(async {
        change_log_filter_on_signals(filter, settings.log.filter.clone()).map_err(StartError::Signals)?;
        let application = Application::build(settings, io.handle(), inherited).await?;
        let addresses = application.addresses().to_vec();
        log!(
            SERVICE_STARTED,
            version = env!("CARGO_PKG_VERSION"),
            address = addresses.first().map(ToString::to_string),
            operations = application.operations_address().map(|address| address.to_string()),
            workers = settings.worker_count(),
        );
        if settings.omits_download_urls() {
            log!(PUBLIC_URL_UNSET);
        }
        if settings.has_short_webhook_secret() {
            log!(WEBHOOK_SECRET_SHORT);
        }
        greet(&addresses, settings.tls.is_enabled());
        Ok::<_, StartError>(application.run_until_stopped().await)
    })?;
    drop(export);
    io.shutdown_timeout(IO_SHUTDOWN);
    Ok(code)
}

/// Changes the log filter on signals: SIGUSR1 adds Huemill's debug lines to `configured`, SIGUSR2 removes them.
///
/// # Errors
/// The signal handlers cannot be installed.
fn change_log_filter_on_signals(handle: FilterHandle, configured: String) -> std::io::Result<()> {
    let (mut verbose, mut normal) =
        (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    actix_rt::spawn(async move {
        loop {
            let filter = tokio::select! {
                // If both are pending, SIGUSR1 is handled first, so SIGUSR2 wins.
                biased;
                _ = verbose.recv() => format!("{configured},huemill=debug"),
                _ = normal.recv() => configured.clone(),
            };
            if handle.set(&filter).is_ok() {
                log!(LOG_FILTER_CHANGED, filter);
            }
        }
    });
    Ok(())
}

/// Prints a few lines for a person who starts the service in a terminal.
#[allow(clippy::print_stderr, reason = "these lines are for the person at the terminal, not for the log")]
fn greet(addresses: &[SocketAddr], is_secure: bool) {
    let Some(address) = addresses.first().filter(|_| std::io::stderr().is_terminal()) else { return };
    let scheme = if is_secure { "https" } else { "http" };
    // In one write, so that no line of the log gets into it.
    let greeting = format!(
        "Huemill listens on {scheme}://{address}\n  \
           open it in a browser: {scheme}://{address}/    reference of the API: {scheme}://{address}/docs\n  \
           process a picture:  curl -F image=@photo.jpg {scheme}://{address}/process\n  \
           health: curl {scheme}://{address}/ready    stop: Ctrl-C    settings: huemill check\n"
    );
    eprint!("{greeting}");
}
