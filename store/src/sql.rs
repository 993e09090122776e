//! The contract of [`crate::store`] kept by a database: SQLite in a file of this process, or PostgreSQL that
//! many processes share. One set of statements serves both; `dialect` holds what differs.
//!
//! Reads take a connection each. Writes are values (`operation`) that `writer` runs in transactions. The
//! listener is told after the commit. What cannot be reached within seconds is `Away`; connections mend
//! themselves, so a store that was away comes back without a restart.

mod claim;
mod clock;
mod counters;
mod create;
mod deferred;
mod dialect;
mod ending;
mod ends;
mod fault;
mod heartbeat;
mod operation;
mod outbox;
mod pauses;
#[cfg(test)]
mod plans;
mod postgres;
mod queue;
mod read;
mod reap;
mod rows;
mod schema;
mod secrets;
mod settle;
mod sweep;
mod writer;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AnyConnection, AnyPool, Connection, Error};
use tokio::sync::OnceCell;

pub use clock::StoreClock;
pub use postgres::PostgresSettings;

use self::counters::Tally;
use self::dialect::Dialect;
use self::fault::told;
use self::operation::Operation;
use self::postgres::Reader;
use self::writer::{PATIENCE, Target, Writer};
use crate::job::{Item, ItemError, Job, JobId, JobKind, NewJob};
use crate::outbox::{After, Call, Deliveries, Delivery, Outbox, Post, Ticket, Try};
use crate::store::{
    Ask, Canceled, Claims, Collected, Created, Expired, Figures, Heartbeat, Key, Lease, Listener, Listing,
    Mark, Outcome, Owner, Process, Reaped, Reconciled, Removable, Retried, Settled, Store, StoreError,
};

/// Connections that read SQLite's file.
const READERS: u32 = 4;

/// The store, over SQLite or PostgreSQL.
pub struct SqlStore {
    dialect: Dialect,
    readers: AnyPool,
    writer_pool: AnyPool,
    writer: Writer,
    /// Set once leases of another boot are void. Nothing is claimed or reaped before.
    boot: OnceCell<()>,
}

impl SqlStore {
    /// Opens the file, or makes it. The caller holds the lock that keeps other writers out; a process that
    /// claims nothing may open it beside.
    pub async fn sqlite(
        path: &Path,
        clock: StoreClock,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let made = dialect::make(path, false).and_then(|()| dialect::address(path));
        let url = made.map_err(|error| StoreError::Broken(format!("{}: {error}", path.display())))?;
        let dialect = Dialect::Sqlite(clock);
        let pool = dialect.pool(&url, 1).map_err(|error| told(&error))?;
        let readers = dialect.pool(&url, READERS).map_err(|error| told(&error))?;
        migrate(&dialect, &url).await?;
        let target = Target { pool: pool.clone(), dialect: dialect.clone(), listener };
        let writer = Writer::grouped(target);
        Ok(Self { dialect, readers, writer_pool: pool, writer, boot: OnceCell::new() })
    }

    /// Connects to a server (`postgres://user:password@host:port/database`) and makes the tables where there
    /// are none.
    pub async fn postgres(
        url: &SecretString,
        settings: PostgresSettings,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::Postgres(settings);
        let pool = dialect.pool(url.expose_secret(), settings.connections).map_err(|error| told(&error))?;
        migrate(&dialect, url.expose_secret()).await?;
        let target = Target { pool: pool.clone(), dialect: dialect.clone(), listener };
        let writer = Writer::Single(target);
        // Leases there may be those of other processes: they run out by themselves.
        let boot = OnceCell::new_with(Some(()));
        Ok(Self { dialect, readers: pool.clone(), writer_pool: pool, writer, boot })
    }

    async fn write<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        self.writer.run(operation).await
    }

    /// Runs a write that has to do with leases.
    async fn write_leases<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        self.boot.get_or_try_init(|| self.write(reap::VoidLeases)).await?;
        self.write(operation).await
    }

    async fn reader(&self) -> Result<Reader, StoreError> {
        read(self.dialect.reader(&self.readers)).await
    }
}

/// What a read gave, within the time that callers are made to wait.
async fn read<T>(reading: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    let outcome = tokio::time::timeout(PATIENCE, reading).await;
    outcome.map_err(|_| writer::out_of_patience())?.map_err(|error| told(&error))
}

/// On a connection of its own: the pools' time limits are not meant for it.
async fn migrate(dialect: &Dialect, url: &str) -> Result<(), StoreError> {
    let connect = tokio::time::timeout(PATIENCE, AnyConnection::connect(url)).await;
    let mut connection = connect.map_err(|_| writer::out_of_patience())?.map_err(|error| told(&error))?;
    dialect.migrate(&mut connection).await?;
    connection.close().await.map_err(|error| told(&error))
}

#[async_trait]
impl Store for SqlStore {
    async fn create(&self, job: NewJob) -> Result<Created, StoreError> {
        self.write(create::Create(job)).await
    }

    async fn key(&self, scope: &str, key: &str) -> Result<Option<Key>, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            create::find_key(&mut reader, now.wall, scope, key).await
        })
        .await
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::job(&mut reader, id)).await
    }

    async fn mark(&self, id: &JobId) -> Result<Option<Mark>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::mark(&mut reader, id)).await
    }

    async fn items(&self, id: &JobId, from: u32, limit: u32) -> Result<Vec<Item>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::items(&mut reader, id, from, limit)).await
    }

    async fn list(&self, listing: &Listing) -> Result<Vec<Job>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::list(&mut reader, listing)).await
    }

    async fn claim(&self, ask: &Ask) -> Result<Claims, StoreError> {
        self.write_leases(claim::Take(ask.clone())).await
    }

    async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<Reconciled, StoreError> {
        self.write_leases(heartbeat.clone()).await
    }

    async fn leave(&self, owner: &Owner) -> Result<(), StoreError> {
        self.write(heartbeat::Leave(owner.clone())).await
    }

    async fn processes(&self) -> Result<Vec<Process>, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            heartbeat::list(&mut reader, now).await
        })
        .await
    }

    async fn pause(&self, kind: Option<JobKind>) -> Result<(), StoreError> {
        self.write(pauses::Pause(kind)).await
    }

    async fn resume(&self, kind: Option<JobKind>) -> Result<(), StoreError> {
        self.write(pauses::Resume(kind)).await
    }

    async fn pauses(&self) -> Result<Vec<Option<JobKind>>, StoreError> {
        let mut reader = self.reader().await?;
        Ok(read(pauses::read(&mut reader)).await?.list())
    }

    async fn settle(&self, lease: &Lease, outcome: Outcome, pace_ms: u64) -> Result<Settled, StoreError> {
        self.write(settle::Settle { lease: lease.clone(), outcome, pace_ms }).await
    }

    async fn give_back(&self, leases: &[Lease]) -> Result<u64, StoreError> {
        self.write(settle::GiveBack(leases.to_vec())).await
    }

    async fn reap(&self, most: u32, crashes: u32, error: &ItemError) -> Result<Reaped, StoreError> {
        self.write_leases(reap::Reap { most, crashes, error: error.clone() }).await
    }

    async fn fetched(&self, id: &JobId) -> Result<bool, StoreError> {
        self.write(settle::Fetched(id.clone())).await
    }

    async fn retry(&self, id: &JobId) -> Result<Retried, StoreError> {
        self.write(ends::Retry(id.clone())).await
    }

    async fn cancel(&self, id: &JobId) -> Result<Canceled, StoreError> {
        self.write(ends::Cancel(id.clone())).await
    }

    async fn delete(&self, id: &JobId) -> Result<bool, StoreError> {
        self.write(ends::Delete(id.clone())).await
    }

    async fn hold_duty(&self, owner: &Owner, name: &str, lease: Duration) -> Result<bool, StoreError> {
        if self.is_sole_writer() {
            return Ok(true);
        }
        self.write(heartbeat::HoldDuty { owner: owner.clone(), name: name.to_owned(), lease }).await
    }

    async fn expire(&self, most: u32, jump: Duration) -> Result<Expired, StoreError> {
        self.write(sweep::Expire { most, jump }).await
    }

    async fn removable(&self, most: u32) -> Result<Vec<Removable>, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            read::removable(&mut reader, now, most).await
        })
        .await
    }

    async fn removed(&self, gone: &[Removable]) -> Result<(), StoreError> {
        self.write(sweep::Removed(gone.to_vec())).await
    }

    async fn not_removed(&self, job: &JobId, wait: Duration) -> Result<(), StoreError> {
        self.write(sweep::NotRemoved { job: job.clone(), wait }).await
    }

    async fn collect(&self, most: u32, tombstone: Duration) -> Result<Collected, StoreError> {
        self.write(sweep::Collect { most, tombstone }).await
    }

    async fn living(&self, ids: &[JobId]) -> Result<HashSet<JobId>, StoreError> {
        let mut reader = self.reader().await?;
        read(read::living(&mut reader, ids)).await
    }

    async fn spend(&self, words: &[String], keep: Duration) -> Result<bool, StoreError> {
        self.write(secrets::Spend::new(words, keep)).await
    }

    async fn secret(&self, name: &str, made: SecretString) -> Result<SecretString, StoreError> {
        let mut reader = self.reader().await?;
        if let Some(secret) = read(secrets::find_secret(&mut reader, name)).await? {
            return Ok(secret);
        }
        drop(reader);
        self.write(secrets::Secret { name: name.to_owned(), made }).await
    }

    async fn figures(&self) -> Result<Figures, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            read::figures(&mut reader, now).await
        })
        .await
    }

    async fn stalled(&self, quiet: Duration) -> Result<u64, StoreError> {
        let mut reader = self.reader().await?;
        read(async {
            let now = self.dialect.now(&mut reader).await?;
            read::stalled(&mut reader, now, quiet).await
        })
        .await
    }

    async fn recount(&self) -> Result<[i64; 10], StoreError> {
        let mut reader = self.reader().await?;
        let error = read(Tally::error(&mut reader)).await?;
        drop(reader);
        // A difference stays one, whatever is counted meanwhile.
        self.write(counters::Correct(error)).await?;
        Ok(error.values())
    }

    async fn probe(&self, owner: &Owner) -> Result<(), StoreError> {
        self.write(secrets::Probe(owner.clone())).await?;
        let mut reader = self.reader().await?;
        read(secrets::find_probe(&mut reader, owner)).await
    }

    async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        if !self.is_sole_writer() {
            return Err(StoreError::Broken("a server is backed up by its own tools".into()));
        }
        let mut reader = self.reader().await?;
        read::copy(&mut reader, to).await.map_err(|error| told(&error))
    }

    fn is_sole_writer(&self) -> bool {
        matches!(self.dialect, Dialect::Sqlite(_))
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer_pool.close().await;
    }
}

#[async_trait]
impl Outbox for SqlStore {
    async fn due(&self, call: &Call) -> Result<Post, StoreError> {
        self.write(outbox::TakeDue(call.clone())).await
    }

    async fn tried(&self, ticket: &Ticket, outcome: &Try, after: After) -> Result<bool, StoreError> {
        self.write(outbox::WriteTry { ticket: ticket.clone(), outcome: outcome.clone(), after }).await
    }

    async fn put_off(&self, tickets: &[Ticket], wait: Duration) -> Result<(), StoreError> {
        self.write(outbox::PutOff { tickets: tickets.to_vec(), wait }).await
    }

    async fn deliveries(&self, which: &Deliveries) -> Result<Vec<Delivery>, StoreError> {
        let mut reader = self.reader().await?;
        read(outbox::list(&mut reader, which)).await
    }

    async fn redeliver(&self, id: &str) -> Result<bool, StoreError> {
        self.write(outbox::Redeliver(id.to_owned())).await
    }
}
