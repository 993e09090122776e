//! Faults on order, for the drills: an operator has an actor panic. Only in a build with the feature `faults`, which no
//! release has.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::janitor::Panic;

use super::doors::Doors;
use super::operator;
use super::problem::Problem;

/// The routes of faults; in no table, since no release has them.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource("/faults/panic").route(web::post().to(panic)));
}

async fn panic(request: HttpRequest, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    operator::check(request.headers(), &doors.operator)?;
    doors.janitor.do_send(Panic);
    Ok(HttpResponse::Accepted().finish())
}
