//! Opens the store, the blobs and the stored secrets that the settings name.
//!
//! With the embedded store (SQLite in the data directory), a process locks the directory, and a second one does not
//! start. With PostgreSQL, any number of processes share the store, the blobs and the secrets.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use huemill_actors::clock::Clock;
use huemill_actors::delivery::hex;
use huemill_actors::snapshots::Snapshots;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings};
use huemill_store::sql::{PostgresSettings, SqlStore, StoreClock};
use huemill_store::store::{Owner, Store, StoreError};
use rustix::fs::Mode;
use rustix::process::umask;
use secrecy::{ExposeSecret, SecretString};

use crate::settings::Settings;

/// The file of the embedded store, and the file whose lock protects the directory.
pub(crate) const DATABASE: &str = "huemill.db";
pub(crate) const LOCK: &str = "huemill.lock";

/// The name of the secret that signs webhooks.
const WEBHOOK: &str = "webhook";

/// Why the storage cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process uses the data directory.
    #[error("the data directory {0} is in use by another process")]
    InUse(String),
    /// The data directory cannot be used.
    #[error("the data directory {dir} cannot be used: {source}")]
    Directory {
        /// The configured directory.
        dir: String,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The data directory has no store, and this command does not create one.
    #[error(
        "{} holds no store ({DATABASE}): check that DATA_DIR is the service's directory and that the service has run \
         there",
        .0.display()
    )]
    NoStore(PathBuf),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blob store failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// The opened store and blobs, and the identity of this process.
pub(crate) struct Storage {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) snapshots: Snapshots,
    pub(crate) blobs: Blobs,
    pub(crate) owner: Owner,
    /// The folder of the blobs, unless they are in a bucket.
    pub(crate) folder: Option<PathBuf>,
    /// The lock on the data directory; only the embedded store has one.
    pub(crate) lock: Option<File>,
}

/// The signing keys and the operator's token.
#[derive(Clone)]
pub(crate) struct Keys {
    /// Signs download links.
    pub(crate) link: SecretString,
    /// The operator's bearer token.
    pub(crate) operator: SecretString,
    /// From which the webhook secrets of access keys are derived.
    pub(crate) callbacks: SecretString,
    /// Signs webhooks and verifies signed requests.
    pub(crate) webhook: SecretString,
    /// The previous webhook key, while a rotation is in progress.
    pub(crate) previous: Option<SecretString>,
}

impl Storage {
    /// Opens everything. Blocks briefly, so do not call this on an event loop that serves requests.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, StorageError> {
        let (dir, url) = (&settings.data.dir, settings.store.url.expose_secret());
        std::fs::create_dir_all(dir).map_err(unusable(dir))?;
        let snapshots = Snapshots::new(Clock::system());
        let lock = if url.is_empty() { Some(lock(dir)?) } else { None };
        let store = open_store(settings, Arc::new(snapshots.clone())).await?;
        let blobs = open_blobs(settings)?;
        Ok(Self {
            store,
            snapshots,
            blobs,
            owner: Owner(format!(
                "{}-{}-{}",
                host_name(),
                std::process::id(),
                hex(&rand::random::<[u8; 16]>())
            )),
            folder: blob_folder(settings),
            lock,
        })
    }

    /// Returns the configured keys. A key that is not configured comes from the store, which all processes share; it is
    /// generated at the first start.
    pub(crate) async fn keys(&self, settings: &Settings) -> Result<Keys, StoreError> {
        let security = &settings.security;
        Ok(Keys {
            link: load_or_create_secret(&*self.store, "link", &SecretString::default()).await?,
            callbacks: load_or_create_secret(&*self.store, "webhooks_of_keys", &SecretString::default())
                .await?,
            operator: load_or_create_secret(&*self.store, "operator", &security.operator_token).await?,
            webhook: load_or_create_secret(&*self.store, WEBHOOK, &security.webhook_secret).await?,
            previous: Some(security.webhook_secret_previous.clone())
                .filter(|secret| !secret.expose_secret().is_empty()),
        })
    }
}

/// A secret that operators can print.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SecretName {
    Operator,
    Webhook,
}

/// The host name, which identifies processes for operators.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || ".-".contains(*letter);
    let name: String = name.chars().filter(plain).take(64).collect();
    if name.is_empty() { "host".to_owned() } else { name }
}

/// Whether the store that the settings name exists.
pub(crate) fn store_exists(settings: &Settings) -> bool {
    !settings.store.url.expose_secret().is_empty() || settings.data.dir.join(DATABASE).is_file()
}

/// Returns an error if the store that the settings name does not exist.
pub(crate) fn require_store(settings: &Settings) -> Result<(), StorageError> {
    if store_exists(settings) { Ok(()) } else { Err(StorageError::NoStore(settings.data.dir.clone())) }
}

/// Returns the secret in effect. Takes no lock on the data directory, so it works beside a running service.
pub(crate) async fn secret(settings: &Settings, name: SecretName) -> Result<SecretString, StorageError> {
    let (name, configured) = match name {
        SecretName::Operator => ("operator", &settings.security.operator_token),
        SecretName::Webhook => (WEBHOOK, &settings.security.webhook_secret),
    };
    if !configured.expose_secret().is_empty() {
        return Ok(configured.clone());
    }
    let store = open_without_lock(settings).await?;
    let secret = load_or_create_secret(&*store, name, configured).await;
    store.close().await;
    Ok(secret?)
}

/// Opens the store without locking the data directory, for a command that claims no jobs. Does not create a store: a
/// directory without one is most likely the wrong directory.
pub(crate) async fn open_without_lock(settings: &Settings) -> Result<Arc<dyn Store>, StorageError> {
    require_store(settings)?;
    open_store(settings, Arc::new(Snapshots::new(Clock::system()))).await
}

async fn open_store(settings: &Settings, listener: Arc<Snapshots>) -> Result<Arc<dyn Store>, StorageError> {
    let store = &settings.store;
    Ok(if store.url.expose_secret().is_empty() {
        let path = settings.data.dir.join(DATABASE);
        Arc::new(SqlStore::sqlite(&path, StoreClock::system(), listener).await?)
    } else {
        let limits = PostgresSettings {
            connections: store.connections,
            statement_timeout: Duration::from_millis(store.statement_timeout_ms),
            lock_timeout: Duration::from_millis(store.lock_timeout_ms),
            pgbouncer: store.pgbouncer,
        };
        Arc::new(SqlStore::postgres(&store.url, limits, listener).await?)
    })
}

/// The folder of the blobs, unless they are in a bucket.
fn blob_folder(settings: &Settings) -> Option<PathBuf> {
    match settings.blobs.url.as_str() {
        "" => Some(settings.data.dir.join("blobs")),
        url => url.strip_prefix("file://").map(PathBuf::from),
    }
}

/// Opens the blobs that the settings name. Blocks.
pub(crate) fn open_blobs(settings: &Settings) -> Result<Blobs, StorageError> {
    if let Some(folder) = blob_folder(settings) {
        return Ok(Blobs::folder(&folder)?);
    }
    let blobs = &settings.blobs;
    let bucket = BucketSettings {
        retries: blobs.retries,
        retry: Duration::from_secs(blobs.retry_seconds),
        encryption: blobs.encryption.clone(),
        kms_key: blobs.kms_key.clone(),
    };
    Ok(Blobs::open(&blobs.url, &bucket, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))?)
}

/// Makes new files and folders of this process private to its user: the store contains secrets, and the blobs are other
/// people's pictures. Existing files keep their mode. Call this at start, before there are threads.
pub(crate) fn restrict_umask() {
    let others = Mode::RWXG | Mode::RWXO;
    let before = umask(others);
    umask(before | others);
}

/// Adds the directory to an I/O error.
fn unusable(dir: &Path) -> impl Fn(std::io::Error) -> StorageError {
    move |source| StorageError::Directory { dir: dir.display().to_string(), source }
}

async fn load_or_create_secret(
    store: &dyn Store,
    name: &str,
    configured: &SecretString,
) -> Result<SecretString, StoreError> {
    if configured.expose_secret().is_empty() {
        let random: [u8; 32] = rand::random();
        // The format of the Standard Webhooks specification, which libraries that verify webhooks expect.
        let webhook_key = || format!("whsec_{}", base64_simd::STANDARD.encode_to_string(random));
        let generated = if name == WEBHOOK { webhook_key() } else { hex(&random) };
        store.secret(name, generated.into()).await
    } else {
        Ok(configured.clone())
    }
}

/// Locks the data directory for this process.
pub(crate) fn lock(dir: &Path) -> Result<File, StorageError> {
    let opened = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK));
    let file = opened.map_err(unusable(dir))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse(dir.display().to_string())),
        Err(TryLockError::Error(source)) => Err(unusable(dir)(source)),
    }
}
