//! The composition root: builds the service from the settings, runs it, and stops it in order.
//!
//! The start order is store → listener → actors → HTTP server, on an I/O runtime that the caller provides. Stopping
//! goes the other way. On SIGTERM or SIGINT the service reports not ready and goes on for a short delay, so that
//! balancers notice; then it accepts no connections, finishes the open requests, and stops the server and the actors. A
//! second signal ends the process at once. The service handles these signals itself, because actix would stop listening
//! before balancers notice. An actor that cannot be restarted stops the service too, with exit code 70; then uploads are
//! refused from the beginning on. The service manager learns when the service is ready and when it stops, and keeps the
//! listeners for the next process.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use huemill_actors::actor_system::ActorSystem;
use huemill_actors::outbound::SetupError;
use huemill_actors::supervise::{EXIT_CODE, FatalErrorReceiver};
use huemill_observability::log;
use huemill_store::{SpoolRoom, SpoolSettings};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::actor_settings;
use crate::http::{self, Listening, State, Tls, TlsError};
use crate::listeners::{self, Inherited, ListenError};
use crate::service_manager::ServiceManager;
use crate::settings::Settings;
use crate::storage::{Storage, StorageError};

/// How long a connection that was just accepted has to send its request, before connections without one are closed. Nothing
/// says whether a request is on its way, so there is nothing else to wait for.
const LAST_REQUESTS: Duration = Duration::from_millis(500);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error("the data directory {dir} cannot be used: {source}")]
    Data {
        /// The configured directory.
        dir: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The store or the blobs cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The address cannot be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The certificate or key of the listener cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The client for outbound requests cannot be set up.
    #[error("cannot set up outbound requests: {0}")]
    Outbound(#[from] SetupError),
    /// The metrics cannot be registered.
    #[error("cannot register the metrics: {0}")]
    Metrics(String),
    /// A signal asked for the end before the service had started.
    #[error("{0} came before the service had started")]
    Interrupted(&'static str),
    /// The signal handlers cannot be installed.
    #[error("cannot install signal handlers: {0}")]
    Signals(io::Error),
    /// The socket of the service manager cannot be used.
    #[error("cannot report to the service manager at NOTIFY_SOCKET: {0}")]
    ServiceManager(io::Error),
}

/// The service, built and bound to its address.
pub struct Application {
    actor_system: ActorSystem,
    listening: Listening,
    signals: Signals,
    service_manager: Rc<ServiceManager>,
    timeouts: ShutdownTimeouts,
    /// The lock on the data directory, released last.
    _lock: Option<File>,
}

/// Receives the signals that ask the process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Installs the handlers. From now on the signals no longer end the process by themselves.
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal and returns its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

impl Application {
    /// Builds the service and binds its listeners, unless they are inherited. Must be called within an actix system.
    pub async fn build(settings: &Settings, io: &Handle, inherited: Inherited) -> Result<Self, StartError> {
        let mut signals = Signals::listen().map_err(StartError::Signals)?;
        let service_manager = ServiceManager::of_process().map_err(StartError::ServiceManager)?;
        let spool = open_spool(settings)?;
        // A database that does not answer, or whose schema is migrated, can take long.
        let mut storage = tokio::select! {
            storage = open_storage(settings, io) => storage?,
            signal = signals.next() => return Err(StartError::Interrupted(signal)),
        };
        let lock = storage.lock.take();
        let keys = storage.keys(settings).await.map_err(StorageError::from)?;
        let server = &settings.server;
        // Before the actors start: their shutdown would add warnings to the one line about a port in use.
        let tls = Tls::load(&settings.tls)?;
        let listeners = listeners::bind(settings, inherited, &service_manager).await?;
        let outbound_dependencies = actor_settings::outbound_dependencies(settings, &keys)?;
        let outbound = outbound_dependencies.outbound.clone();
        let dependencies =
            actor_settings::dependencies(settings, spool.clone(), storage, io.clone(), outbound_dependencies)
                .map_err(|error| StartError::Metrics(error.to_string()))?;
        let actor_system = ActorSystem::start(&actor_settings::of(settings), dependencies);
        let state = State::new(settings, &actor_system, spool, keys, outbound);
        let listening = http::listen(settings, &state, listeners, tls)
            .map_err(|source| listeners::error(&server.host, server.port, source))?;
        Ok(Self {
            actor_system,
            listening,
            signals,
            service_manager: Rc::new(service_manager),
            timeouts: ShutdownTimeouts {
                probes: Duration::from_millis(server.shutdown_delay_ms),
                requests: Duration::from_secs(server.drain_seconds),
                pictures: Duration::from_secs(settings.jobs.drain_timeout_seconds),
            },
            _lock: lock,
        })
    }

    /// The addresses that the service listens on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.listening.addresses
    }

    /// The address on which operators and monitoring have a listener of their own, if they have one.
    #[must_use]
    pub fn operations_address(&self) -> Option<SocketAddr> {
        self.listening.operations
    }

    /// Runs until a signal arrives, an actor fails for good or the server ends. Returns the exit code of the process.
    pub async fn run_until_stopped(self) -> u8 {
        let Self { actor_system, listening, mut signals, service_manager, timeouts, _lock } = self;
        let stop_server = listening.stop();
        let mut server = actix_rt::spawn(listening.run());
        let (manager, health) = (service_manager.clone(), actor_system.verdict.clone());
        let readiness = actix_rt::spawn(async move { manager.report_readiness(&health).await });
        let mut fatal_error = actor_system.fatal_error.clone();
        let (reason, exit_code) = tokio::select! {
            signal = signals.next() => (signal, 0),
            () = wait_for_fatal_error(&mut fatal_error) => ("doom", EXIT_CODE),
            _ = &mut server => ("server_ended", EXIT_CODE),
        };
        let end = End { is_sound: exit_code == 0, keeps_listeners: service_manager.keeps_listeners() };
        let started = Instant::now();
        log!(SHUTDOWN_STARTED, reason);
        readiness.abort();
        let stopped = async {
            service_manager.report_stop().await;
            stop(actor_system, stop_server, timeouts, end).await;
        };
        tokio::select! {
            () = stopped => {}
            signal = signals.next() => {
                log!(SHUTDOWN_STARTED, reason = signal);
                std::process::exit(130);
            }
        }
        log!(SHUTDOWN_FINISHED, duration_ms = started.elapsed().as_millis() as u64, exit_code);
        exit_code
    }
}

/// Waits until an actor has failed so often that it is not restarted any more.
async fn wait_for_fatal_error(fatal_error: &mut FatalErrorReceiver) {
    if fatal_error.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How long each step of stopping may take.
#[derive(Debug, Clone, Copy)]
struct ShutdownTimeouts {
    /// Time for probes to notice that the service is not ready.
    probes: Duration,
    /// Time for open requests to finish.
    requests: Duration,
    /// Time for pictures in progress to finish before they go back to the queue.
    pictures: Duration,
}

/// In which state the service stops.
#[derive(Debug, Clone, Copy)]
struct End {
    /// It works, and a signal asks for its end.
    is_sound: bool,
    /// The service manager keeps the listeners for the next process.
    keeps_listeners: bool,
}

async fn stop(actor_system: ActorSystem, server: http::Stop, timeouts: ShutdownTimeouts, end: End) {
    // A service that works serves what balancers still send; one that does not refuses it at once.
    if end.is_sound {
        actor_system.announce_drain();
    } else {
        actor_system.refuse_uploads();
    }
    // A process that has failed serves nothing: where connections can wait for the next one, it leaves them to it at once.
    if end.is_sound || !end.keeps_listeners {
        tokio::time::sleep(timeouts.probes).await;
    }
    actor_system.drain();
    if end.keeps_listeners {
        // From now on, connections wait for the next process.
        server.accept_nothing_more().await;
        tokio::time::sleep(LAST_REQUESTS).await;
    }
    if tokio::time::timeout(timeouts.requests, server.after_requests()).await.is_err() {
        server.at_once().await;
    }
    actor_system.stop(timeouts.pictures).await;
}

/// Opens the store on the I/O runtime, because its connections belong to the runtime that opens them.
async fn open_storage(settings: &Settings, io: &Handle) -> Result<Storage, StartError> {
    let settings = settings.clone();
    let opened = io.spawn(async move { Storage::open(&settings).await }).await;
    Ok(opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?)
}

fn open_spool(settings: &Settings) -> Result<SpoolRoom, StartError> {
    let (dir, uploads) = (settings.data.dir.join("spool"), &settings.uploads);
    SpoolRoom::open(SpoolSettings {
        dir: dir.clone(),
        memory_each: uploads.memory_each_bytes as usize,
        memory_total: uploads.memory_total_bytes,
        disk_total: uploads.disk_total_bytes,
    })
    .map_err(|source| StartError::Data { dir: dir.display().to_string(), source })
}
