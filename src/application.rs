//! The composition root: builds everything out of the settings, runs it, stops it in order.
//!
//! Started in the order io runtime → store → crew → server, stopped in the other. On SIGTERM or SIGINT: not ready, listen
//! on for a short delay so that probes see it, take no new uploads, let requests end, stop the server, then the
//! crew. A second signal ends the process at once. A doomed actor does the same with exit code 70.

use std::fs::File;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use huemill_actors::actor_system::ActorSystem;
use huemill_actors::outbound::SetupError;
use huemill_actors::supervise::{EXIT_CODE, FatalErrorReceiver};
use huemill_observability::log;
use huemill_store::{SpoolRoom, SpoolSettings};
use tokio::runtime::Handle;

use crate::actor_settings;
use crate::http::{self, Listening, State};
use crate::settings::Settings;
use crate::signals::Signals;
use crate::storage::{Storage, StorageError};

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error("the data directory {dir} cannot be used: {source}")]
    Data {
        /// The configured directory.
        dir: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Store or blobs cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The address cannot be bound.
    #[error("{host}:{port} cannot be listened on: {source}")]
    Listen {
        /// The configured host.
        host: String,
        /// The configured port.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// Requests to others cannot be made.
    #[error("outbound requests cannot be made: {0}")]
    Outbound(#[from] SetupError),
    /// The metrics cannot be registered.
    #[error("the metrics cannot be registered: {0}")]
    Metrics(String),
    /// The signals cannot be listened to.
    #[error("signals cannot be listened to: {0}")]
    Signals(std::io::Error),
}

/// The service, built and bound.
pub struct Application {
    actor_system: ActorSystem,
    listening: Listening,
    signals: Signals,
    delay: Duration,
    drain: Duration,
    rest: Duration,
    /// The hold on the data directory, let go last of all.
    _lock: Option<File>,
}

/// Why the service stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Signal(&'static str),
    FatalError,
    Server,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Signal(name) => name,
            Self::FatalError => "doom",
            Self::Server => "server_ended",
        }
    }

    fn exit_code(self) -> u8 {
        match self {
            Self::Signal(_) => 0,
            Self::FatalError | Self::Server => EXIT_CODE,
        }
    }
}

impl Application {
    /// Builds everything and binds the listener. Must be called within an actix system.
    pub async fn build(settings: &Settings, io: &Handle) -> Result<Self, StartError> {
        let signals = Signals::listen().map_err(StartError::Signals)?;
        let spool = open_spool(settings)?;
        let mut storage = open_storage(settings, io).await?;
        let lock = storage.lock.take();
        let keys = storage.keys(settings).await.map_err(StorageError::from)?;
        let outbound_dependencies = actor_settings::outbound_dependencies(settings, &keys)?;
        let outbound = outbound_dependencies.outbound.clone();
        let dependencies =
            actor_settings::dependencies(settings, spool.clone(), storage, io.clone(), outbound_dependencies)
                .map_err(|error| StartError::Metrics(error.to_string()))?;
        let actor_system = ActorSystem::start(&actor_settings::of(settings), dependencies);
        let state = State::new(settings, &actor_system, spool, keys, outbound);
        let server = &settings.server;
        let listening = http::listen(server, state).map_err(|source| StartError::Listen {
            host: server.host.clone(),
            port: server.port,
            source,
        })?;
        Ok(Self {
            actor_system,
            listening,
            signals,
            delay: Duration::from_millis(server.shutdown_delay_ms),
            drain: Duration::from_secs(server.drain_seconds),
            rest: Duration::from_secs(settings.jobs.rest_seconds),
            _lock: lock,
        })
    }

    /// Where the service listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.listening.addresses
    }

    /// Runs until a signal, a doom or the server's own end; the process's exit code.
    pub async fn run_until_stopped(self) -> u8 {
        let Self { actor_system, listening, mut signals, delay, drain, rest, _lock } = self;
        let handle = listening.server.handle();
        let mut server = actix_rt::spawn(listening.server);
        let mut fatal_error = actor_system.fatal_error.clone();
        let reason = tokio::select! {
            signal = signals.next() => Reason::Signal(signal),
            () = fail_for_good(&mut fatal_error) => Reason::FatalError,
            _ = &mut server => Reason::Server,
        };
        let started = Instant::now();
        log!(SHUTDOWN_STARTED, reason = reason.name());
        tokio::select! {
            () = stop(actor_system, handle, ShutdownTimeouts { delay, drain, rest }) => {}
            signal = signals.next() => {
                log!(SHUTDOWN_STARTED, reason = signal);
                std::process::exit(130);
            }
        }
        let exit_code = reason.exit_code();
        log!(SHUTDOWN_FINISHED, duration_ms = started.elapsed().as_millis() as u64, exit_code);
        exit_code
    }
}

/// Waits until an actor cannot be saved.
async fn fail_for_good(fatal_error: &mut FatalErrorReceiver) {
    if fatal_error.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How long each step of a stop may take.
struct ShutdownTimeouts {
    delay: Duration,
    drain: Duration,
    rest: Duration,
}

/// Stops everything in order.
async fn stop(actor_system: ActorSystem, server: ServerHandle, timeouts: ShutdownTimeouts) {
    let ShutdownTimeouts { delay, drain, rest } = timeouts;
    actor_system.drain();
    tokio::time::sleep(delay).await;
    if tokio::time::timeout(drain, server.stop(true)).await.is_err() {
        server.stop(false).await;
    }
    actor_system.stop(rest).await;
}

/// On the io runtime, where the store's connections belong.
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
