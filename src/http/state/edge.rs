//! The state that every request passes through: cross-origin rules, the minimum upload rate, request signatures and
//! request statistics. The middleware and the handlers of signed routes use it.

use std::sync::Arc;
use std::time::Duration;

use huemill_actors::actor_system::ActorSystem;
use huemill_actors::metrics::Recorder;
use huemill_store::store::Role;
use secrecy::SecretString;

use crate::http::middleware::body_rate::BodyRate;
use crate::http::middleware::cors::Cors;
use crate::http::request_stats::{ClientSketch, RequestStats};
use crate::http::signature::Signatures;
use crate::settings::Settings;

/// What the middleware and signed routes need.
pub(crate) struct Edge {
    /// Whether this process answers users, works on jobs, or both.
    pub role: Role,
    /// Which origins may read responses.
    pub cors: Cors,
    /// The minimum upload rate.
    pub body_rate: BodyRate,
    /// Which requests must be signed.
    pub signatures: Signatures,
    /// Records metric events.
    pub recorder: Recorder,
    /// Counts distinct clients without storing their addresses.
    pub clients: ClientSketch,
    /// Requests in flight and the recent error rate.
    pub stats: Arc<RequestStats>,
}

impl Edge {
    /// Requests must be signed with `key`, or with the `previous` one, if the settings require signatures.
    pub(super) fn new(
        settings: &Settings,
        actor_system: &ActorSystem,
        key: SecretString,
        previous: Option<SecretString>,
    ) -> Self {
        let uploads = &settings.uploads;
        let keys = if settings.security.require_signature {
            [key].into_iter().chain(previous).collect()
        } else {
            Vec::new()
        };
        Self {
            role: settings.server.role,
            cors: Cors::new(&settings.cors.origins),
            body_rate: BodyRate {
                min_bytes_per_second: uploads.min_bytes_per_second,
                grace: Duration::from_secs(uploads.pace_grace_seconds),
                idle: Duration::from_secs(uploads.idle_seconds),
            },
            signatures: Signatures::new(keys, actor_system.repository.store.clone()),
            recorder: actor_system.recorder.clone(),
            clients: ClientSketch::default(),
            stats: Arc::default(),
        }
    }
}
