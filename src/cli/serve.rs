//! `huemill serve`: the service. Sets up settings, log and runtimes, runs the application, keeps its exit code.

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

use super::EXIT_CONFIG;
use crate::application::{Application, StartError};
use crate::settings::{Environment, Settings};
use crate::signals;
use crate::storage;

/// How long what is still in the io runtime may take at the very end.
const IO_SHUTDOWN: Duration = Duration::from_secs(5);

/// How to serve.
#[derive(Debug, Default, Args)]
pub(super) struct ServeArgs {
    /// What this process does: all, web (answers requests) or worker (works on jobs) [default: server.role]
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Option<Role>,
}

fn role(word: &str) -> Result<Role, &'static str> {
    Role::parse(word).ok_or("it is none of all, web, worker")
}

#[allow(clippy::print_stderr, reason = "before the log is set up there is nowhere else to say it")]
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
    // Kept to the end, at which it writes what waits.
    let (writer, _lines) = log_writer::stdout();
    let filter = match json_log::init(&settings.log.filter, writer) {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("log.filter: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    huemill_observability::install_panic_hook();
    storage::for_owner_alone();
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
    // Dropped before the runtime on which it sends its last.
    let export = Export::start(env!("CARGO_PKG_VERSION"), io.handle())?;
    // Not `System::run` or the main attribute: they lose the exit code.
    let code = actix_rt::System::new().block_on(async {
        signals::switch_log(filter, settings.log.filter.clone()).map_err(StartError::Signals)?;
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

/// Where store calls and waits of plain threads run: started before the actors, stopped after them.
fn io_runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).thread_name("io").enable_all().build()
}

/// Three lines for whoever started the service by hand.
#[allow(clippy::print_stderr, reason = "meant for the person at the terminal, not for the log")]
fn greet(addresses: &[SocketAddr]) {
    let Some(address) = addresses.first().filter(|_| std::io::stderr().is_terminal()) else { return };
    eprintln!("Huemill listens on http://{address}");
    eprintln!("  a picture:  curl -F image=@photo.jpg http://{address}/process");
    eprintln!("  its state:  curl http://{address}/ready    stop it: Ctrl-C    settings: huemill check");
}
