//! What a listener answers. Where operators have a listener of their own, the public one knows neither their routes nor
//! what is behind `/ready`. Nothing here fails: a route that a listener does not have is a 404.

use actix_web::web::{self, ServiceConfig};
use huemill_store::store::Role;

use super::connection::Surface;
use super::resource::{self, post};
use super::route;
use super::{jobs, keys, openapi, operations, page, process, process_zip, processes, queue, webhooks};

/// Registers the routes of a surface. A process that answers no users has only those of operators.
/// Holders of keys list what is theirs on the public listener too.
pub(crate) fn routes(config: &mut ServiceConfig, surface: Surface, role: Role, has_keys: bool) {
    let answers_users = matches!(role, Role::All | Role::Web);
    page::routes(config, surface, answers_users);
    config.configure(openapi::routes);
    if surface == Surface::Public {
        config.configure(operations::public_routes);
    } else {
        config.configure(operators);
    }
    match surface {
        Surface::Everything if answers_users => config.configure(users).configure(jobs::routes),
        Surface::Public if answers_users && has_keys => {
            config.configure(users).configure(jobs::routes_of_keys).configure(webhooks::routes)
        }
        Surface::Public if answers_users => config.configure(users).configure(jobs::public_routes),
        Surface::Public => config,
        Surface::Everything | Surface::Operations => config.configure(jobs::operators),
    };
    config.default_service(web::to(resource::not_found));
}

fn operators(config: &mut ServiceConfig) {
    if cfg!(feature = "faults") {
        config.configure(operations::fault_routes);
    }
    config
        .configure(operations::routes)
        .configure(webhooks::routes)
        .configure(processes::routes)
        .configure(queue::routes)
        .configure(keys::routes);
}

fn users(config: &mut ServiceConfig) {
    config
        .service(post(route::PROCESS, process::process))
        .service(post(route::PROCESS_ZIP, process_zip::process_zip))
        .service(post(route::FETCH_URL, process::fetch_url));
}
