//! The HTTP server: binds the listener, registers the routes and sets connection limits. The composition root owns it
//! and handles signals; a listener that cannot be bound is an error at start.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer};
use huemill_actors::clock::watch_lag;
use huemill_observability::EventLoop;
use huemill_store::store::Role;

use super::route::{self, post};
use super::state::State;
use super::{jobs, middleware, operations, process, process_zip, processes, queue, webhooks};
use crate::settings::ServerSection as ServerSettings;

/// A bound server. Await it to run it.
pub(crate) struct Listening {
    /// The addresses it is bound to.
    pub addresses: Vec<SocketAddr>,
    /// The server.
    pub server: Server,
}

/// Starts the server's threads on these bound listeners.
///
/// # Errors
/// A listener cannot be used.
pub(crate) fn listen(
    settings: &ServerSettings,
    state: State,
    listeners: Vec<TcpListener>,
) -> std::io::Result<Listening> {
    let threads = settings.threads;
    let mut server = HttpServer::new(move || {
        // This runs once on each of the server's threads.
        actix_rt::spawn(watch_lag(EventLoop::Http, state.edge.recorder.clone()));
        let role = state.edge.role;
        App::new()
            .configure(|config| state.configure(config))
            .configure(move |config| routes(config, role))
            .wrap(from_fn(middleware::layers))
    })
    .workers(threads)
    .max_connections(settings.max_connections.div_ceil(threads))
    .client_request_timeout(Duration::from_secs(settings.header_seconds))
    .client_disconnect_timeout(Duration::from_secs(settings.linger_seconds))
    .keep_alive(Duration::from_secs(settings.keep_alive_seconds))
    .shutdown_timeout(settings.drain_seconds)
    .disable_signals();
    for listener in listeners {
        server = server.listen(listener)?;
    }
    Ok(Listening { addresses: server.addrs(), server: server.run() })
}

/// Operators' routes exist in every process, users' routes only in a process that answers users.
fn routes(config: &mut ServiceConfig, role: Role) {
    #[cfg(feature = "faults")]
    config.configure(operations::fault_routes);
    config
        .configure(operations::routes)
        .configure(webhooks::routes)
        .configure(processes::routes)
        .configure(queue::routes);
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
