//! Implements the outbox's contract: each method runs as one named operation, like those in `calls`.

use std::time::Duration;

use async_trait::async_trait;

use super::outbox;
use super::store::SqlStore;
use crate::outbox::{
    AfterAttempt, ClaimDue, DeliveryAttempt, DeliveryFilter, DeliveryLease, DeliveryRecord, DueDeliveries,
    Outbox,
};
use crate::store::StoreError;

#[async_trait]
impl Outbox for SqlStore {
    async fn due(&self, request: &ClaimDue) -> Result<DueDeliveries, StoreError> {
        let request = request.clone();
        self.run("due", |database| async move {
            if !database.is_sole_writer() {
                // With other processes around, a claim locks rows only if something is due.
                let next = database.read_now(|connection, now| Box::pin(outbox::next_due(connection, now)));
                match next.await? {
                    Some(wait) if wait.is_zero() => {}
                    next => return Ok(DueDeliveries { due: Vec::new(), next }),
                }
            }
            database.write(outbox::ClaimDueDeliveries(request)).await
        })
        .await
    }

    async fn record_attempt(
        &self,
        lease: &DeliveryLease,
        attempt: &DeliveryAttempt,
        after: AfterAttempt,
    ) -> Result<bool, StoreError> {
        let record = outbox::RecordAttempt { lease: lease.clone(), attempt: attempt.clone(), after };
        self.write("tried", record).await
    }

    async fn snooze(&self, leases: &[DeliveryLease], wait: Duration) -> Result<(), StoreError> {
        self.write("put_off", outbox::Snooze { leases: leases.to_vec(), wait }).await
    }

    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<DeliveryRecord>, StoreError> {
        let filter = filter.clone();
        self.read("deliveries", |connection| Box::pin(async move { outbox::list(connection, &filter).await }))
            .await
    }

    async fn redeliver(&self, id: &str) -> Result<bool, StoreError> {
        self.write("redeliver", outbox::Redeliver(id.to_owned())).await
    }
}
