//! What is kept: opens store and blobs as the settings say, and the secrets that live in the store.
//!
//! Embedded (SQLite in the data directory), the directory is held exclusively: a second process on it does not
//! start. On PostgreSQL any number of processes share store, blobs and secrets.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use huemill_actors::clock::Clock;
use huemill_actors::snapshots::Snapshots;
use huemill_store::blobs::{BlobError, Blobs, BucketSettings};
use huemill_store::sql::{PostgresSettings, SqlStore, StoreClock};
use huemill_store::store::{Owner, Store, StoreError};
use rand::RngCore;
use rustix::fs::Mode;
use rustix::process::umask;
use secrecy::{ExposeSecret, SecretString};

use crate::settings::Settings;

/// The embedded store's file, and the file whose lock is the hold on the directory.
pub(crate) const DATABASE: &str = "huemill.db";
pub(crate) const LOCK: &str = "huemill.lock";

/// The name of the secret that signs webhooks.
const WEBHOOK: &str = "webhook";

/// Why it could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process has the data directory.
    #[error("the data directory {0} is in use by another process")]
    InUse(String),
    /// The data directory cannot be used.
    #[error("the data directory {dir} cannot be used: {source}")]
    Directory {
        /// The configured directory.
        dir: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The data directory holds no store, where one is only looked at.
    #[error("{} holds no store ({DATABASE}): is DATA_DIR the service's own, and was the service started on it?", .0.display())]
    NoStore(PathBuf),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blobs.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// Store, blobs, and who this process is to them.
pub(crate) struct Storage {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) snapshots: Snapshots,
    pub(crate) blobs: Blobs,
    pub(crate) owner: Owner,
    /// Where the blobs are, if that is a folder.
    pub(crate) folder: Option<PathBuf>,
    /// Held for its lock alone.
    pub(crate) lock: Option<File>,
}

/// The keys of signatures and tokens.
#[derive(Clone)]
pub(crate) struct Keys {
    /// Signs download links.
    pub(crate) link: SecretString,
    /// The operator's bearer token.
    pub(crate) operator: SecretString,
    /// Signs webhooks and signed requests.
    pub(crate) webhook: SecretString,
    /// The one before it, while a rotation is under way.
    pub(crate) previous: Option<SecretString>,
}

impl Storage {
    /// Opens everything. Must run where blocking for a moment is no harm.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, StorageError> {
        let (dir, url) = (&settings.data.dir, settings.store.url.expose_secret());
        make_dir(dir)?;
        let snapshots = Snapshots::new(Clock::system());
        let lock = if url.is_empty() { Some(lock(dir)?) } else { None };
        let store = store_of(settings, Arc::new(snapshots.clone())).await?;
        let blobs = blobs_of(settings)?;
        Ok(Self {
            store,
            snapshots,
            blobs,
            owner: Owner(format!("{}-{}-{}", host_name(), std::process::id(), random_hex(16))),
            folder: blob_folder(settings),
            lock,
        })
    }

    /// The configured keys, and those of the store where none is configured: made at the first start, shared by
    /// all processes.
    pub(crate) async fn keys(&self, settings: &Settings) -> Result<Keys, StoreError> {
        let security = &settings.security;
        Ok(Keys {
            link: load_or_create_secret(&*self.store, "link", &SecretString::default()).await?,
            operator: load_or_create_secret(&*self.store, "operator", &security.operator_token).await?,
            webhook: load_or_create_secret(&*self.store, WEBHOOK, &security.webhook_secret).await?,
            previous: Some(security.webhook_secret_previous.clone())
                .filter(|secret| !secret.expose_secret().is_empty()),
        })
    }
}

/// A secret that has a name outside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named {
    Operator,
    Webhook,
}

/// The machine's name, for operators who look at processes.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || ".-".contains(*letter);
    let name: String = name.chars().filter(plain).take(64).collect();
    if name.is_empty() { "host".to_owned() } else { name }
}

/// Whether the store that the settings name has been made.
pub(crate) fn is_there(settings: &Settings) -> bool {
    !settings.store.url.expose_secret().is_empty() || settings.data.dir.join(DATABASE).is_file()
}

/// The same as an error.
pub(crate) fn must_be_there(settings: &Settings) -> Result<(), StorageError> {
    if is_there(settings) { Ok(()) } else { Err(StorageError::NoStore(settings.data.dir.clone())) }
}

/// The secret in force, without the hold on the data directory: a running service is not disturbed.
pub(crate) async fn secret(settings: &Settings, name: Named) -> Result<SecretString, StorageError> {
    let (name, configured) = match name {
        Named::Operator => ("operator", &settings.security.operator_token),
        Named::Webhook => (WEBHOOK, &settings.security.webhook_secret),
    };
    if !configured.expose_secret().is_empty() {
        return Ok(configured.clone());
    }
    let store = beside(settings).await?;
    let secret = load_or_create_secret(&*store, name, configured).await;
    store.close().await;
    Ok(secret?)
}

/// The store, for a process that claims nothing: without the hold on the data directory. It makes none, since a
/// directory without one is most likely another than was meant.
pub(crate) async fn beside(settings: &Settings) -> Result<Arc<dyn Store>, StorageError> {
    must_be_there(settings)?;
    store_of(settings, Arc::new(Snapshots::new(Clock::system()))).await
}

async fn store_of(settings: &Settings, listener: Arc<Snapshots>) -> Result<Arc<dyn Store>, StorageError> {
    Ok(if settings.store.url.expose_secret().is_empty() {
        let path = settings.data.dir.join(DATABASE);
        Arc::new(SqlStore::sqlite(&path, StoreClock::system(), listener).await?)
    } else {
        Arc::new(SqlStore::postgres(&settings.store.url, postgres(settings), listener).await?)
    })
}

fn postgres(settings: &Settings) -> PostgresSettings {
    let store = &settings.store;
    PostgresSettings {
        connections: store.connections,
        statement_timeout: Duration::from_millis(store.statement_timeout_ms),
        lock_timeout: Duration::from_millis(store.lock_timeout_ms),
        pgbouncer: store.pgbouncer,
    }
}

/// The folder that the blobs are in, unless that is a bucket.
fn blob_folder(settings: &Settings) -> Option<PathBuf> {
    match settings.blobs.url.as_str() {
        "" => Some(settings.data.dir.join("blobs")),
        url => url.strip_prefix("file://").map(PathBuf::from),
    }
}

/// The blobs that the settings name. Blocks.
pub(crate) fn blobs_of(settings: &Settings) -> Result<Blobs, StorageError> {
    Ok(match blob_folder(settings) {
        Some(folder) => Blobs::folder(&folder)?,
        None => {
            Blobs::open(&settings.blobs.url, &bucket_settings(settings), &|name| std::env::var(name).ok())?
        }
    })
}

fn bucket_settings(settings: &Settings) -> BucketSettings {
    let blobs = &settings.blobs;
    BucketSettings {
        retries: blobs.retries,
        retry: Duration::from_secs(blobs.retry_seconds),
        encryption: blobs.encryption.clone(),
        kms_key: blobs.kms_key.clone(),
    }
}

/// What this process makes from here on is for its own user alone: the store holds secrets, the blobs are other
/// people's pictures. What is there already stays as it is. For the start, before there are threads.
pub(crate) fn for_owner_alone() {
    let others = Mode::RWXG | Mode::RWXO;
    let before = umask(others);
    umask(before | others);
}

fn make_dir(dir: &Path) -> Result<(), StorageError> {
    let unusable = |source| StorageError::Directory { dir: dir.display().to_string(), source };
    std::fs::create_dir_all(dir).map_err(unusable)
}

async fn load_or_create_secret(
    store: &dyn Store,
    name: &str,
    configured: &SecretString,
) -> Result<SecretString, StoreError> {
    if configured.expose_secret().is_empty() {
        // Webhooks' verifiers want theirs in base64, and marked so.
        let made = if name == WEBHOOK { random_key() } else { random_hex(32) };
        store.secret(name, made.into()).await
    } else {
        Ok(configured.clone())
    }
}

/// The exclusive hold on the data directory.
pub(crate) fn lock(dir: &Path) -> Result<File, StorageError> {
    let shown = || dir.display().to_string();
    let unusable = |source| StorageError::Directory { dir: shown(), source };
    let file =
        File::options().create(true).truncate(false).write(true).open(dir.join(LOCK)).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse(shown())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// A random key as the Standard Webhooks specification writes it.
fn random_key() -> String {
    let mut random = [0; 32];
    rand::rng().fill_bytes(&mut random);
    format!("whsec_{}", base64_simd::STANDARD.encode_to_string(random))
}

/// So many random bytes as lower-case hex.
fn random_hex(bytes: usize) -> String {
    use std::fmt::Write as _;
    let mut random = vec![0; bytes];
    rand::rng().fill_bytes(&mut random);
    random.iter().fold(String::with_capacity(bytes * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
