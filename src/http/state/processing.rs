//! The state that processes pictures while the client waits: the workers, their slots, and the spool for results.

use std::time::Duration;

use huemill_actors::actor_system::ActorSystem;
use huemill_actors::clock::Instant as Deadline;
use huemill_actors::fault::Fault;
use huemill_actors::metrics::Recorder;
use huemill_actors::workers::{self, Cancel, Class, Input, Run, Workers};
use huemill_imaging::{Options, Outcome};
use huemill_observability::trace::Scope;
use huemill_store::SpoolRoom;

use crate::settings::Settings;

/// What processes pictures for a waiting client.
pub(crate) struct Processing {
    /// How many pictures are processed at the same time.
    pub slots: usize,
    /// Where results are stored until the client has read them.
    pub spool: SpoolRoom,
    /// Records metric events.
    pub recorder: Recorder,
    workers: actix::Addr<Workers>,
    request_time: Duration,
}

impl Processing {
    pub(super) fn new(settings: &Settings, actor_system: &ActorSystem, spool: SpoolRoom) -> Self {
        Self {
            slots: settings.worker_count(),
            spool,
            recorder: actor_system.recorder.clone(),
            workers: actor_system.workers.clone(),
            request_time: settings.request_time(),
        }
    }

    /// The deadline of an attempt that starts now.
    #[must_use]
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::now() + self.request_time
    }

    /// Processes a picture until `deadline`. Dropping the future cancels the work.
    pub(crate) async fn run(
        &self,
        input: Input,
        options: Options,
        deadline: Deadline,
    ) -> Result<Outcome, Fault> {
        let cancel = Cancel::new();
        let (class, scope) = (Class::Interactive, Scope::here());
        let run = Run { input, options, deadline, cancel, class, counted: true, scope };
        workers::run(&self.workers, run).await.map(|done| done.outcome)
    }
}
