//! The composition root: builds everything out of the settings, runs it, stops it in order.
//!
//! Started in the order io runtime → store → crew → server, stopped in the other. On SIGTERM or SIGINT: not ready, listen
//! on for a short delay so that probes see it, take no new uploads, let requests end, stop the server, then the
//! crew. A second signal ends the process at once. A doomed actor does the same with exit code 70.

use std::fs::File;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use huemill_actors::crew::Crew;
use huemill_actors::outbound::SetupError;
use huemill_actors::supervise::{DoomReceiver, EXIT_CODE};
use huemill_observability::log;
use huemill_store::{SpoolRoom, SpoolSettings};
use tokio::runtime::Handle;

use crate::crew_settings;
use crate::http::{self, Doors, Listening};
use crate::keep::{Keep, KeepError};
use crate::settings::Settings;
use crate::signals::Signals;

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
    Keep(#[from] KeepError),
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
    crew: Crew,
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
    Doom,
    Server,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Signal(name) => name,
            Self::Doom => "doom",
            Self::Server => "server_ended",
        }
    }

    fn exit_code(self) -> u8 {
        match self {
            Self::Signal(_) => 0,
            Self::Doom | Self::Server => EXIT_CODE,
        }
    }
}

impl Application {
    /// Builds everything and binds the listener. Must be called within an actix system.
    pub async fn build(settings: &Settings, io: &Handle) -> Result<Self, StartError> {
        let signals = Signals::listen().map_err(StartError::Signals)?;
        let spool = open_spool(settings)?;
        let mut keep = open_keep(settings, io).await?;
        let lock = keep.lock.take();
        let keys = keep.keys(settings).await.map_err(KeepError::from)?;
        let mail = crew_settings::mail(settings, &keys)?;
        let outbound = mail.outbound.clone();
        let world = crew_settings::world(settings, spool.clone(), keep, io.clone(), mail)
            .map_err(|error| StartError::Metrics(error.to_string()))?;
        let crew = Crew::start(&crew_settings::of(settings), world);
        let doors = Data::new(Doors::new(settings, &crew, spool, keys, outbound));
        let server = &settings.server;
        let listening = http::listen(server, doors).map_err(|source| StartError::Listen {
            host: server.host.clone(),
            port: server.port,
            source,
        })?;
        Ok(Self {
            crew,
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
        let Self { crew, listening, mut signals, delay, drain, rest, _lock } = self;
        let handle = listening.server.handle();
        let mut server = actix_rt::spawn(listening.server);
        let mut doom = crew.doom.clone();
        let reason = tokio::select! {
            signal = signals.next() => Reason::Signal(signal),
            () = doomed(&mut doom) => Reason::Doom,
            _ = &mut server => Reason::Server,
        };
        let started = Instant::now();
        log!(SHUTDOWN_STARTED, reason = reason.name());
        tokio::select! {
            () = stop(crew, handle, Patience { delay, drain, rest }) => {}
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
async fn doomed(doom: &mut DoomReceiver) {
    if doom.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How long each step of a stop may take.
struct Patience {
    delay: Duration,
    drain: Duration,
    rest: Duration,
}

/// Stops everything in order.
async fn stop(crew: Crew, server: ServerHandle, patience: Patience) {
    let Patience { delay, drain, rest } = patience;
    crew.drain();
    tokio::time::sleep(delay).await;
    if tokio::time::timeout(drain, server.stop(true)).await.is_err() {
        server.stop(false).await;
    }
    crew.stop(rest).await;
}

/// On the io runtime, where the store's connections belong.
async fn open_keep(settings: &Settings, io: &Handle) -> Result<Keep, StartError> {
    let settings = settings.clone();
    let opened = io.spawn(async move { Keep::open(&settings).await }).await;
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
