//! The listener: binds, routes, limits. Signals are not its business.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Resource};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::lag;
use huemill_observability::EventLoop;
use huemill_store::store::Role;

use super::doors::Doors;
use super::problem::Problem;
use super::route::{self, Route};
use super::{access, fetch_url, jobs, operations, process, process_zip, processes, queue, upload, webhooks};
use crate::settings::ServerSection as ServerSettings;

/// A bound server that runs when it is awaited.
pub(crate) struct Listening {
    /// Where it listens.
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
    doors: Data<Doors>,
    listeners: Vec<TcpListener>,
) -> std::io::Result<Listening> {
    let threads = settings.threads;
    let mut server = HttpServer::new(move || {
        // Once on each of the server's threads.
        actix_rt::spawn(lag::watch(EventLoop::Http, doors.recorder.clone()));
        let role = doors.role;
        App::new()
            .app_data(doors.clone())
            .configure(move |config| routes(config, role))
            .wrap(from_fn(access::layer))
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

/// Those of operators everywhere; those of users where requests are answered.
fn routes(config: &mut ServiceConfig, role: Role) {
    #[cfg(feature = "faults")]
    config.configure(super::faults::routes);
    config.configure(operators);
    match role {
        Role::All | Role::Web => config.configure(users),
        Role::Worker => config.configure(jobs::operators),
    };
    config.default_service(web::to(nowhere));
}

fn users(config: &mut ServiceConfig) {
    config
        .service(at(route::PROCESS).route(web::post().to(process::process)))
        .service(at(route::PROCESS_ZIP).route(web::post().to(process_zip::process_zip)))
        .service(at(route::FETCH_URL).route(web::post().to(fetch_url::fetch_url)))
        .configure(jobs::routes);
}

fn operators(config: &mut ServiceConfig) {
    config
        .service(
            at(route::HEALTH)
                .route(web::get().to(operations::health))
                .route(web::head().to(operations::health)),
        )
        .service(
            at(route::READY).route(web::get().to(operations::ready)).route(web::head().to(operations::ready)),
        )
        .service(
            at(route::METRICS)
                .route(web::get().to(operations::metrics))
                .route(web::head().to(operations::metrics)),
        )
        .configure(webhooks::routes)
        .configure(processes::routes)
        .configure(queue::routes);
}

/// A resource that answers other methods with 405 and its own `Allow`.
pub(super) fn at(route: Route) -> Resource {
    let other = move |request: HttpRequest, payload: Payload, doors: Data<Doors>| async move {
        proven(&request, payload, &doors).await?;
        Ok::<_, Problem>(not_allowed(route.allow))
    };
    web::resource(route.path).default_service(web::to(other))
}

/// No route is here; and a method that is taken nowhere is told so first.
pub(super) async fn nowhere(
    request: HttpRequest,
    payload: Payload,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    proven(&request, payload, &doors).await?;
    Ok(if route::takes(request.method()) {
        Problem::from(not_found(doors.role)).into_response()
    } else {
        not_allowed(route::ALLOW_ANYWHERE)
    })
}

/// Where a signature is needed, or some proxy may think so, whoever cannot sign is told no more than that.
async fn proven(request: &HttpRequest, payload: Payload, doors: &Doors) -> Result<(), Problem> {
    if doors.signatures.guards(request.method(), request.uri().path()) {
        let signed = doors.signatures.begin(request)?;
        upload::drain(payload).await?;
        doors.signatures.settle(signed, request, &*doors.repository.store).await?;
    }
    Ok(())
}

fn not_found(role: Role) -> Fault {
    let fault = Fault::new(Code::NotFound);
    match role {
        Role::All | Role::Web => fault,
        Role::Worker => fault.with_message(
            "This process works on jobs and answers no requests. Send them to one with the role web or all.",
        ),
    }
}

fn not_allowed(allow: &'static str) -> HttpResponse {
    let mut response = Problem::from(Code::MethodNotAllowed).into_response();
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
    response
}
