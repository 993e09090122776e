//! A deployment of the service: a store, blobs, one or several processes, and between them what a test can break.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::bucket_proxy::BucketProxy;
use super::database::Database;
use super::permissions::bound_by_permissions;
use super::proxy::Proxy;
use super::servers::postgres::Cluster;
use super::servers::s3::S3;
use super::servers::{Tool, skips};
use super::service::Service;
use super::wall_clock::WallClock;
use super::{files_below, variables};

/// Where a deployment keeps its rows and its blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rows in SQLite, blobs in a folder.
    Embedded,
    /// Rows in PostgreSQL, blobs in a folder that all processes share.
    Postgres,
    /// Rows in PostgreSQL, blobs in an S3 bucket.
    PostgresAndBucket,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Embedded, Self::Postgres, Self::PostgresAndBucket];

    /// Whether a test has to skip this kind because a server is missing.
    pub fn skips(self) -> bool {
        let servers: &[Tool] = match self {
            Self::Embedded => &[],
            Self::Postgres => &[Tool::PostgreSql],
            Self::PostgresAndBucket => &[Tool::PostgreSql, Tool::S3],
        };
        skips(servers, module_path!())
    }
}

/// A PostgreSQL database behind a proxy.
struct Remote {
    proxy: Proxy,
    proxied_url: String,
    direct_url: String,
}

impl Remote {
    fn of(server: &Cluster) -> Self {
        let direct_url = server.database();
        let (proxy, proxied_url) = Proxy::before_database(&direct_url);
        Self { proxy, proxied_url, direct_url }
    }
}

/// An S3 bucket behind a proxy.
struct Bucket {
    server: Arc<S3>,
    name: String,
    proxy: BucketProxy,
}

/// A deployment, whose processes the test starts.
pub struct Deployment {
    folder: tempfile::TempDir,
    remote: Option<Remote>,
    bucket: Option<Bucket>,
    /// A server that only this deployment uses.
    _server: Option<Cluster>,
    clock: WallClock,
    settings: Vec<(String, String)>,
    processes: AtomicU32,
}

impl Deployment {
    /// A deployment in which things happen soon: a lease lasts three seconds, the Janitor sweeps every second.
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

    /// A deployment on a PostgreSQL server that nothing else uses.
    pub fn on_own_server() -> Self {
        let server = Cluster::start();
        let remote = Some(Remote::of(&server));
        Self { remote, _server: Some(server), ..Self::new(Kind::Embedded) }
    }

    /// Adds settings, which win over earlier ones.
    pub fn with(mut self, settings: &[(&str, &str)]) -> Self {
        self.settings.extend(variables(settings));
        self
    }

    /// Starts a process.
    pub fn start(&self) -> Service {
        Service::start_within(&bound_by_permissions(), &self.new_data(), &self.environment())
    }

    /// Starts a process that listens on this port.
    pub fn start_at(&self, port: u16) -> Service {
        let environment = [self.environment(), variables(&[("PORT", port.to_string())])].concat();
        Service::start_within(&bound_by_permissions(), &self.new_data(), &environment)
    }

    /// Starts a process that runs on the deployment's wall clock.
    pub fn start_on_wall_clock(&self) -> Service {
        let environment = [self.environment(), self.clock.environment()].concat();
        Service::start_within(&bound_by_permissions(), &self.new_data(), &environment)
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut list = self.settings.clone();
        if let Some(Remote { proxied_url, .. }) = &self.remote {
            list.push(("DATABASE_URL".to_owned(), proxied_url.clone()));
            list.push(("BLOB_URL".to_owned(), format!("file://{}", self.blob_folder().display())));
        }
        if let Some(Bucket { server, name, proxy }) = &self.bucket {
            list.push(("BLOB_URL".to_owned(), format!("s3://{name}")));
            list.extend(server.variables().into_iter().map(|(key, value)| (key.to_owned(), value)));
            list.push(("AWS_ENDPOINT_URL".to_owned(), proxy.endpoint()));
        }
        list
    }

    /// The next process's data directory. Processes on SQLite use one after the other the same directory.
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

    /// Connects to the database, which a process must have created.
    pub fn database(&self) -> Database {
        match &self.remote {
            None => Database::in_directory(self.data()),
            Some(Remote { direct_url, .. }) => Database::at(direct_url),
        }
    }

    /// The network between the processes and PostgreSQL.
    pub fn network(&self) -> Option<&Proxy> {
        self.remote.as_ref().map(|remote| &remote.proxy)
    }

    /// The proxy between the processes and the bucket.
    pub fn bucket(&self) -> Option<&BucketProxy> {
        self.bucket.as_ref().map(|bucket| &bucket.proxy)
    }

    /// The wall clock of the processes that were started on it.
    pub fn clock(&self) -> &WallClock {
        &self.clock
    }

    /// The keys of all blobs of jobs.
    pub fn blobs(&self) -> Vec<String> {
        let keys = match &self.bucket {
            Some(Bucket { server, name, .. }) => server.keys(name),
            None => files_below(&self.blob_folder()),
        };
        keys.into_iter().filter(|key| key.contains("jobs/")).collect()
    }

    /// The file of a blob, where the blobs are in a folder.
    pub fn blob_file(&self, key: &str) -> PathBuf {
        self.blob_folder().join(key)
    }
}
