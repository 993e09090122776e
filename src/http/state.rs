//! The application state: what request handlers share. It has five parts, one for each group of routes, and each is its
//! own `web::Data`, so that a handler's signature shows which actors and settings it can reach.

mod edge;
mod jobs;
mod operations;
mod processing;
mod uploads;

use actix_web::web::{Data, ServiceConfig};
use huemill_actors::actor_system::ActorSystem;
use huemill_actors::outbound::Outbound;
use huemill_store::SpoolRoom;

pub(crate) use edge::Edge;
pub(crate) use jobs::Jobs;
pub(crate) use operations::Operations;
pub(crate) use processing::Processing;
pub(crate) use uploads::Uploads;

use crate::settings::Settings;
use crate::storage::Keys;

/// All parts of the application state. Clones share them.
#[derive(Clone)]
pub(crate) struct State {
    /// What every request passes through.
    pub edge: Data<Edge>,
    uploads: Data<Uploads>,
    processing: Data<Processing>,
    jobs: Data<Jobs>,
    operations: Data<Operations>,
}

impl State {
    /// Builds the parts from the settings and the running actors.
    #[must_use]
    pub(crate) fn new(
        settings: &Settings,
        actor_system: &ActorSystem,
        spool: SpoolRoom,
        keys: Keys,
        outbound: Outbound,
    ) -> Self {
        let edge = Edge::new(settings, actor_system, keys.webhook, keys.previous);
        let operations = Operations::new(actor_system, keys.operator, edge.stats.clone());
        Self {
            edge: Data::new(edge),
            uploads: Data::new(Uploads::new(settings, actor_system, spool.clone())),
            processing: Data::new(Processing::new(settings, actor_system, spool)),
            jobs: Data::new(Jobs::new(settings, actor_system, keys.link, outbound)),
            operations: Data::new(operations),
        }
    }

    /// Makes every part available to the handlers that ask for it.
    pub(crate) fn configure(&self, config: &mut ServiceConfig) {
        config
            .app_data(self.edge.clone())
            .app_data(self.uploads.clone())
            .app_data(self.processing.clone())
            .app_data(self.jobs.clone())
            .app_data(self.operations.clone());
    }
}
