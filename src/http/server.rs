//! The HTTP servers: accept connections, answer what their listeners' [`Surface`] has, and set connection limits. The
//! composition root owns them and handles signals; a listener that cannot be used is an error at start.
//!
//! Connections are accepted here and not by actix-web's own server, so that each has its place among all connections
//! and a limit on how slowly its client may read. Operators and monitoring may have a server of their own, with a
//! thread of its own: it answers while all other connections are taken and all other threads are busy.

mod expect;
mod gate;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::{HttpService, Protocol};
use actix_server::{Server, ServerHandle};
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service, map_config,
};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use huemill_actors::clock::watch_lag;
use huemill_observability::EventLoop;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Surface};
use super::state::State;
use super::tls::Tls;
use super::{middleware, surface};
use crate::settings::Settings;
use gate::Gate;

/// What an HTTP/2 client may send before the service reads it: 5 MB a second over a distance of 50 ms. Each connection may
/// hold as much in memory.
const STREAM_WINDOW: u32 = 262_144;
const CONNECTION_WINDOW: u32 = 524_288;

/// Listeners that are bound and not yet used.
pub(crate) struct Listeners {
    /// For users, and for operators too if they have none of their own.
    pub public: Vec<TcpListener>,
    /// For operators and monitoring.
    pub operations: Option<TcpListener>,
}

impl Listeners {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &TcpListener> {
        self.public.iter().chain(&self.operations)
    }
}

/// Bound servers.
pub(crate) struct Listening {
    /// The addresses for users.
    pub addresses: Vec<SocketAddr>,
    /// The address for operators, if they have their own.
    pub operations: Option<SocketAddr>,
    public_server: Running,
    operations_server: Option<Running>,
}

struct Running {
    server: Server,
    stopping: CancellationToken,
}

/// Stops running servers.
pub(crate) struct Stop {
    public: StopServer,
    operations: Option<StopServer>,
}

struct StopServer {
    handle: ServerHandle,
    stopping: CancellationToken,
}

impl Listening {
    /// What stops the servers.
    pub(crate) fn stop(&self) -> Stop {
        let stop = |running: &Running| StopServer {
            handle: running.server.handle(),
            stopping: running.stopping.clone(),
        };
        Stop { public: stop(&self.public_server), operations: self.operations_server.as_ref().map(stop) }
    }

    /// Runs until one of the servers ends.
    pub(crate) async fn run(self) {
        let public = actix_rt::spawn(self.public_server.server);
        match self.operations_server {
            None => drop(public.await),
            Some(running) => {
                let operations = actix_rt::spawn(running.server);
                tokio::select! { _ = public => {} _ = operations => {} }
            }
        }
    }
}

impl Stop {
    /// Accepts no more connections of users: they wait in the kernel's queue. Those that are accepted stay open.
    pub(crate) async fn accept_nothing_more(&self) {
        self.public.handle.pause().await;
    }

    /// Closes idle connections and waits for open requests. Probes and monitoring are answered until the end.
    pub(crate) async fn after_requests(&self) {
        self.public.after_requests().await;
        if let Some(operations) = &self.operations {
            operations.after_requests().await;
        }
    }

    /// Closes all connections.
    pub(crate) async fn at_once(&self) {
        self.public.handle.stop(false).await;
        if let Some(operations) = &self.operations {
            operations.handle.stop(false).await;
        }
    }
}

impl StopServer {
    async fn after_requests(&self) {
        self.stopping.cancel();
        self.handle.stop(true).await;
    }
}

/// Starts the servers' threads on these bound listeners. Only users' connections have TLS.
///
/// # Errors
/// A listener cannot be used.
pub(crate) fn listen(
    settings: &Settings,
    state: &State,
    listeners: Listeners,
    tls: Option<Tls>,
) -> io::Result<Listening> {
    let addresses = listeners.public.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    let operations = listeners.operations.as_ref().map(TcpListener::local_addr).transpose()?;
    let surface = if operations.is_some() { Surface::Public } else { Surface::Everything };
    if let Some(tls) = &tls {
        actix_rt::spawn(tls.clone().follow());
    }
    let public_server = start(settings, state, listeners.public, surface, tls)?;
    let operations_server = listeners
        .operations
        .map(|one| start(settings, state, vec![one], Surface::Operations, None))
        .transpose()?;
    Ok(Listening { addresses, operations, public_server, operations_server })
}

fn start(
    settings: &Settings,
    state: &State,
    listeners: Vec<TcpListener>,
    surface: Surface,
    tls: Option<Tls>,
) -> io::Result<Running> {
    let stopping = CancellationToken::new();
    let gate = Gate::new(settings, surface, tls, stopping.clone());
    let threads = if surface == Surface::Operations { 1 } else { settings.server.threads };
    let mut builder = Server::build()
        .workers(threads)
        .max_concurrent_connections(gate.max_connections().div_ceil(threads))
        .shutdown_timeout(settings.server.drain_seconds)
        .disable_signals();
    for (index, listener) in listeners.into_iter().enumerate() {
        let (gate, state, stopping) = (gate.clone(), state.clone(), stopping.clone());
        let timeouts = Timeouts::of(settings);
        builder = builder.listen("http", listener, move || {
            if index == 0 && surface != Surface::Operations {
                // This runs once on each of the server's threads.
                actix_rt::spawn(watch_lag(EventLoop::Http, state.edge.recorder.clone()));
            }
            let gate = gate.clone();
            fn_service(move |stream| gate.clone().accept(stream))
                .map_err(|_| ())
                .and_then(service(&state, surface, timeouts, &stopping).map_err(|_| ()))
        })?;
    }
    Ok(Running { server: builder.run(), stopping })
}

/// Time limits of connections.
#[derive(Clone, Copy)]
struct Timeouts {
    head: Duration,
    linger: Duration,
    keep_alive: Duration,
}

impl Timeouts {
    fn of(settings: &Settings) -> Self {
        let server = &settings.server;
        Self {
            head: Duration::from_secs(server.header_seconds),
            linger: Duration::from_secs(server.linger_seconds),
            keep_alive: Duration::from_secs(server.keep_alive_seconds),
        }
    }
}

/// The application as a service for accepted connections.
fn service(
    state: &State,
    surface: Surface,
    timeouts: Timeouts,
    stopping: &CancellationToken,
) -> impl ServiceFactory<
    (Connection, Protocol, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = actix_http::error::DispatchError,
    InitError = (),
> + use<> {
    let (state, role, stopping) = (state.clone(), state.edge.role, stopping.clone());
    let has_keys = state.edge.access.has_keys();
    let application = || {
        let state = state.clone();
        let app = App::new()
            .configure(move |config| state.configure(config))
            .configure(move |config| surface::routes(config, surface, role, has_keys))
            .wrap(from_fn(middleware::layers));
        map_config(app.into_factory(), |()| AppConfig::default())
    };
    let begin = apply_fn_factory(application(), expect::begin);
    let respond = apply_fn_factory(application(), expect::respond);
    HttpService::build()
        .expect(begin.map_err(|error: actix_web::Error| error.error_response()))
        .graceful_shutdown_signal(move || stopping.clone().cancelled_owned())
        .client_request_timeout(timeouts.head)
        .client_disconnect_timeout(timeouts.linger)
        .keep_alive(timeouts.keep_alive)
        .h2_initial_window_size(STREAM_WINDOW)
        .h2_initial_connection_window_size(CONNECTION_WINDOW)
        .on_connect_ext(|connection: &Connection, data| {
            data.insert(connection.info.clone());
        })
        .finish(respond.map_err(|error: actix_web::Error| error.error_response()))
}
