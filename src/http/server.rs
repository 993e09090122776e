//! The HTTP server: accepts connections, registers the routes and sets connection limits. The composition root owns it
//! and handles signals; a listener that cannot be used is an error at start.
//!
//! Connections are accepted here and not by actix-web's own server, so that each has its place among all connections
//! and a limit on how slowly its client may read.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::{HttpService, Protocol};
use actix_server::{Server, ServerHandle};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, ServiceConfig};
use huemill_actors::clock::watch_lag;
use huemill_actors::share::{Place, Places};
use huemill_observability::EventLoop;
use huemill_store::Caller;
use huemill_store::store::Role;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::client::TrustedProxies;
use super::connection::{Connection, ReadRate};
use super::route::{self, post};
use super::state::State;
use super::{jobs, keys, middleware, operations, process, process_zip, processes, queue, webhooks};
use crate::settings::Settings;

/// What a client is told for whom there is no connection. The request is not read.
const NO_CONNECTION: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A bound server. Await it to run it.
pub(crate) struct Listening {
    /// The addresses it is bound to.
    pub addresses: Vec<SocketAddr>,
    /// The server.
    pub server: Server,
    stopping: CancellationToken,
}

/// Stops a running server.
pub(crate) struct Stop {
    handle: ServerHandle,
    stopping: CancellationToken,
}

impl Listening {
    /// What stops the server.
    pub(crate) fn stop(&self) -> Stop {
        Stop { handle: self.server.handle(), stopping: self.stopping.clone() }
    }
}

impl Stop {
    /// Closes idle connections and waits for open requests.
    pub(crate) async fn after_requests(&self) {
        self.stopping.cancel();
        self.handle.stop(true).await;
    }

    /// Closes all connections.
    pub(crate) async fn at_once(&self) {
        self.handle.stop(false).await;
    }
}

/// Decides about connections.
#[derive(Clone)]
struct Gate {
    places: Places,
    proxies: TrustedProxies,
    rate: ReadRate,
}

impl Gate {
    fn new(settings: &Settings) -> Self {
        let answers = &settings.answers;
        Self {
            places: Places::new(max_connections(settings.server.max_connections) as u64),
            proxies: TrustedProxies::of(&settings.server),
            rate: ReadRate {
                min_bytes_per_second: answers.min_bytes_per_second,
                grace: Duration::from_secs(answers.grace_seconds),
                idle: Duration::from_secs(answers.idle_seconds),
            },
        }
    }

    /// Accepts a connection, or answers it at once if its caller has too many.
    async fn accept(self, mut stream: TcpStream) -> io::Result<(Connection, Protocol, Option<SocketAddr>)> {
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        let Some(place) = self.admit(peer) else {
            // The answer fits into the socket's buffer: nobody waits for the client.
            let _ = stream.write_all(NO_CONNECTION).await;
            let _ = stream.shutdown().await;
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many connections"));
        };
        Ok((Connection::new(stream, self.rate, Some(place)), Protocol::Http1, Some(peer)))
    }

    /// A place for the connection. A trusted proxy's connections are not one caller's.
    fn admit(&self, peer: SocketAddr) -> Option<Place> {
        let is_proxy = self.proxies.trusts(peer.ip());
        let caller = if is_proxy { Caller::Service } else { Caller::of_address(peer.ip()) };
        self.places.try_take(caller, 1).ok()
    }
}

/// The configured maximum, or as many as the process may have descriptors for: some are needed for files, the store and
/// outbound requests.
fn max_connections(configured: usize) -> usize {
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let available =
        descriptors.map_or(usize::MAX, |most| usize::try_from(most / 4 * 3).unwrap_or(usize::MAX));
    configured.min(available).max(1)
}

/// Starts the server's threads on these bound listeners.
///
/// # Errors
/// A listener cannot be used.
pub(crate) fn listen(
    settings: &Settings,
    state: &State,
    listeners: Vec<TcpListener>,
) -> io::Result<Listening> {
    let server = &settings.server;
    let stopping = CancellationToken::new();
    let gate = Gate::new(settings);
    let mut builder = Server::build()
        .workers(server.threads)
        .max_concurrent_connections(server.max_connections.div_ceil(server.threads))
        .shutdown_timeout(server.drain_seconds)
        .disable_signals();
    let mut addresses = Vec::new();
    for (index, listener) in listeners.into_iter().enumerate() {
        addresses.push(listener.local_addr()?);
        let (gate, state, stopping) = (gate.clone(), state.clone(), stopping.clone());
        let timeouts = Timeouts::of(settings);
        builder = builder.listen("http", listener, move || {
            if index == 0 {
                // This runs once on each of the server's threads.
                actix_rt::spawn(watch_lag(EventLoop::Http, state.edge.recorder.clone()));
            }
            let gate = gate.clone();
            fn_service(move |stream| gate.clone().accept(stream))
                .map_err(|_| ())
                .and_then(service(&state, timeouts, &stopping).map_err(|_| ()))
        })?;
    }
    Ok(Listening { addresses, server: builder.run(), stopping })
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
    let app = App::new()
        .configure(|config| state.configure(config))
        .configure(move |config| routes(config, role))
        .wrap(from_fn(middleware::layers));
    let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
    HttpService::build()
        .graceful_shutdown_signal(move || stopping.clone().cancelled_owned())
        .client_request_timeout(timeouts.head)
        .client_disconnect_timeout(timeouts.linger)
        .keep_alive(timeouts.keep_alive)
        .on_connect_ext(|connection: &Connection, data| {
            data.insert(connection.info);
        })
        .finish(map_config(app, |()| AppConfig::default()))
}

/// Operators' routes exist in every process, users' routes only in a process that answers users.
fn routes(config: &mut ServiceConfig, role: Role) {
    #[cfg(feature = "faults")]
    config.configure(operations::fault_routes);
    config
        .configure(operations::routes)
        .configure(webhooks::routes)
        .configure(processes::routes)
        .configure(queue::routes)
        .configure(keys::routes);
    match role {
        Role::All | Role::Web => config.configure(users),
        Role::Worker => config.configure(jobs::operators),
    };
    config.default_service(web::to(route::not_found));
}

fn users(config: &mut ServiceConfig) {
    config
        .service(post(route::PROCESS, process::process))
        .service(post(route::PROCESS_ZIP, process_zip::process_zip))
        .service(post(route::FETCH_URL, process::fetch_url))
        .configure(jobs::routes);
}
