//! The state behind the operators' routes: the operator token, health, metrics, and the actors that operators can wake.

use std::sync::Arc;

use huemill_actors::actor_system::ActorSystem;
use huemill_actors::delivery::{self, Delivery};
use huemill_actors::dispatcher::{self, Dispatcher};
use huemill_actors::fault::Fault;
use huemill_actors::health::HealthCell;
use huemill_actors::metrics::{Metrics, Render};
use huemill_actors::observed::Observed;
use huemill_actors::supervise::ask;
use huemill_store::store::Store;
use secrecy::SecretString;

use crate::http::operator::OperatorToken;
use crate::http::request_stats::RequestStats;

/// What probes and the operators' routes need.
pub(crate) struct Operations {
    /// Identifies the operator.
    pub operator: OperatorToken,
    /// Jobs, deliveries, processes and pauses.
    pub store: Arc<dyn Store>,
    /// The Health actor's last verdict.
    pub health: HealthCell,
    /// What actors publish about their state.
    pub observed: Observed,
    /// Requests in flight and the recent error rate.
    pub stats: Arc<RequestStats>,
    /// Receives injected faults.
    #[cfg(feature = "faults")]
    pub janitor: actix::Addr<huemill_actors::janitor::Janitor>,
    dispatcher: actix::Addr<Dispatcher>,
    delivery: actix::Addr<Delivery>,
    metrics: actix::Addr<Metrics>,
}

impl Operations {
    pub(super) fn new(actor_system: &ActorSystem, token: SecretString, stats: Arc<RequestStats>) -> Self {
        Self {
            operator: OperatorToken::new(token),
            store: actor_system.repository.store.clone(),
            health: actor_system.verdict.clone(),
            observed: actor_system.jobs.observed.clone(),
            stats,
            #[cfg(feature = "faults")]
            janitor: actor_system.jobs.janitor.clone(),
            dispatcher: actor_system.jobs.dispatcher.clone(),
            delivery: actor_system.jobs.delivery.clone(),
            metrics: actor_system.metrics.clone(),
        }
    }

    /// Tells the Dispatcher that pictures can be claimed.
    pub(crate) fn wake_dispatcher(&self) {
        self.dispatcher.do_send(dispatcher::WorkAvailable);
    }

    /// Tells the Delivery actor that a webhook is due.
    pub(crate) fn wake_delivery(&self) {
        self.delivery.do_send(delivery::DeliveryDue);
    }

    /// Renders the metrics in Prometheus' text format.
    pub(crate) async fn render_metrics(&self) -> Result<String, Fault> {
        ask(&self.metrics, Render).await
    }
}
