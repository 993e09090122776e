//! A service as it is deployed: a store, blobs, one process or several, and between them what a test can break.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::bucket_proxy::BucketProxy;
use super::database::Database;
use super::permissions::bound_by_permissions;
use super::postgres::Cluster;
use super::proxy::Proxy;
use super::s3::S3;
use super::service::Service;
use super::wall_clock::WallClock;

/// Where the rows are, and where the blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite and a folder.
    Embedded,
    /// PostgreSQL and a folder that all processes share.
    Postgres,
    /// PostgreSQL and an S3 bucket.
    PostgresAndBucket,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Embedded, Self::Postgres, Self::PostgresAndBucket];
}

/// A database behind a proxy, and its URL without.
struct Remote {
    proxy: Proxy,
    through: String,
    url: String,
}

impl Remote {
    fn of(server: &Cluster) -> Self {
        let url = server.database();
        let (proxy, through) = Proxy::before_database(&url);
        Self { proxy, through, url }
    }
}

/// A bucket behind a proxy.
struct Bucket {
    server: Arc<S3>,
    name: String,
    proxy: BucketProxy,
}

/// See the module.
pub struct Deployment {
    folder: tempfile::TempDir,
    remote: Option<Remote>,
    bucket: Option<Bucket>,
    /// Kept for as long as the rest, where no one else has it.
    _server: Option<Cluster>,
    clock: WallClock,
    settings: Vec<(String, String)>,
    processes: AtomicU32,
}

impl Deployment {
    /// One in which everything happens soon: leases of three seconds, a round of the Janitor a second.
    pub fn new(kind: Kind) -> Self {
        let remote = (kind != Kind::Embedded).then(|| Remote::of(Cluster::shared()));
        let bucket = (kind == Kind::PostgresAndBucket).then(|| {
            let server = S3::shared();
            let (name, proxy) = (server.bucket(), BucketProxy::start(&server.endpoint()));
            Bucket { server, name, proxy }
        });
        let deployment = Self {
            folder: tempfile::tempdir().unwrap(),
            remote,
            bucket,
            _server: None,
            clock: WallClock::start(),
            settings: Vec::new(),
            processes: AtomicU32::new(0),
        };
        deployment.with(&[
            ("HUEMILL__WORKERS__COUNT", "2"),
            ("HUEMILL__JOBS__LEASE_SECONDS", "3"),
            ("HUEMILL__JOBS__POLL_MS", "50"),
            ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
            ("HUEMILL__JOBS__RETRY_BASE_MS", "200"),
        ])
    }

    /// On PostgreSQL, whose server nothing else uses.
    pub fn on_a_server_of_its_own() -> Self {
        let server = Cluster::start();
        let remote = Some(Remote::of(&server));
        Self { remote, _server: Some(server), ..Self::new(Kind::Embedded) }
    }

    /// The same with these settings, which win over earlier ones.
    pub fn with(mut self, settings: &[(&str, &str)]) -> Self {
        self.settings.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        self
    }

    /// Another process of it.
    pub fn start(&self) -> Service {
        Service::start_within(&bound_by_permissions(), &self.new_data(), &self.environment())
    }

    /// The same, whose wall clock is the deployment's.
    pub fn start_on_its_clock(&self) -> Service {
        let environment = [self.environment(), self.clock.environment()].concat();
        Service::start_within(&bound_by_permissions(), &self.new_data(), &environment)
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut list = self.settings.clone();
        if let Some(Remote { through, .. }) = &self.remote {
            list.push(("DATABASE_URL".to_owned(), through.clone()));
            list.push(("BLOB_URL".to_owned(), format!("file://{}", self.blob_folder().display())));
        }
        if let Some(Bucket { server, name, proxy }) = &self.bucket {
            list.push(("BLOB_URL".to_owned(), format!("s3://{name}")));
            list.extend(server.variables().into_iter().map(|(key, value)| (key.to_owned(), value)));
            list.push(("AWS_ENDPOINT_URL".to_owned(), proxy.endpoint()));
        }
        list
    }

    /// SQLite's directory is for one process after the other; else each process has one of its own.
    fn new_data(&self) -> PathBuf {
        if self.remote.is_none() {
            return self.data().to_owned();
        }
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        self.data().join(format!("process-{number}"))
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn blob_folder(&self) -> PathBuf {
        self.data().join("blobs")
    }

    /// A look at the rows, once a process has made them.
    pub fn database(&self) -> Database {
        match &self.remote {
            None => Database::in_directory(self.data()),
            Some(Remote { url, .. }) => Database::at(url),
        }
    }

    /// The network to PostgreSQL.
    pub fn network(&self) -> Option<&Proxy> {
        self.remote.as_ref().map(|remote| &remote.proxy)
    }

    /// The way to the bucket.
    pub fn bucket(&self) -> Option<&BucketProxy> {
        self.bucket.as_ref().map(|bucket| &bucket.proxy)
    }

    /// The clock of the processes that were started on it.
    pub fn clock(&self) -> &WallClock {
        &self.clock
    }

    /// The keys of all blobs of jobs.
    pub fn blobs(&self) -> Vec<String> {
        let keys = match &self.bucket {
            Some(Bucket { server, name, .. }) => server.keys(name),
            None => files(&self.blob_folder(), ""),
        };
        keys.into_iter().filter(|key| key.contains("jobs/")).collect()
    }

    /// Where a blob lies, if that is a folder.
    pub fn blob_file(&self, key: &str) -> PathBuf {
        self.blob_folder().join(key)
    }
}

/// The files below a folder, by their path in it. What goes away meanwhile is not there.
fn files(folder: &Path, prefix: &str) -> Vec<String> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            list.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            list.push(name);
        }
    }
    list
}
