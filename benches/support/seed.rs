//! Fills the store of a benchmark with jobs, and measures bare commits to compare with.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use huemill_store::Caller;
use huemill_store::job::{ItemSource, JobId, JobKind, NewItem, NewJob, Priority};
use huemill_store::sql::{SqlStore, StoreClock};
use huemill_store::store::{
    CallerLimits, ClaimRequest, DownloadLimits, JobVersion, Listener, Owner, Selection, Store,
};

/// A listener that ignores changes.
struct IgnoreChanges;

impl Listener for IgnoreChanges {
    fn changed(&self, _: JobVersion) {}
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn open(data: &Path) -> Arc<SqlStore> {
    let path = data.join("huemill.db");
    Arc::new(SqlStore::sqlite(&path, StoreClock::system(), Arc::new(IgnoreChanges)).await.unwrap())
}

fn job(id: &JobId, pictures: usize) -> NewJob {
    let item = |n: usize| NewItem {
        name: format!("{n}.png"),
        source: ItemSource::Blob { key: format!("jobs/{id}/in/{n}"), length: 10 },
        host: String::new(),
        same_as: None,
    };
    NewJob {
        input_bytes: 0,
        expected_bytes: 0,
        limits: CallerLimits::default(),
        id: id.clone(),
        caller: Caller::Service,
        kind: JobKind::Image,
        priority: Priority::Normal,
        options: r#"{"colors":10,"aspect":"3:2","format":"png"}"#.to_owned(),
        request_id: "c298c805".to_owned(),
        traceparent: None,
        base_url: "http://127.0.0.1".to_owned(),
        callback_url: None,
        ttl: Duration::from_secs(24 * 3600),
        eta_s: 1,
        items: (0..pictures).map(item).collect(),
        key: None,
    }
}

fn id() -> JobId {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    JobId::generate(now, &mut rand::rng())
}

/// Creates this many jobs that have ended.
pub fn fill(data: &Path, jobs: usize) {
    runtime().block_on(async {
        let store = open(data).await;
        let lanes: Vec<_> = (0..64)
            .map(|lane| {
                let store = store.clone();
                tokio::spawn(async move {
                    for _ in (lane..jobs).step_by(64) {
                        let id = id();
                        store.create(job(&id, 1)).await.unwrap();
                        store.cancel(&id).await.unwrap();
                    }
                })
            })
            .collect();
        for lane in lanes {
            lane.await.unwrap();
        }
        store.close().await;
    });
}

/// Creates a job that stays in progress: its pictures are claimed by a process that does not exist.
pub fn in_progress(data: &Path) -> JobId {
    let id = id();
    runtime().block_on(async {
        let store = open(data).await;
        store.create(job(&id, 50)).await.unwrap();
        let request = ClaimRequest {
            owner: Owner("seed".to_owned()),
            limit: 50,
            lease: Duration::from_secs(3600),
            selection: Selection::InTurn,
            downloads: DownloadLimits::default(),
            sequence: 1,
            pace_ms: 1,
        };
        assert_eq!(store.claim(&request).await.unwrap().items.len(), 50);
        store.close().await;
    });
    id
}

/// The rate of small writes, each in a separate transaction, one after the other.
pub fn commits_per_second(data: &Path, time: Duration) -> f64 {
    runtime().block_on(async {
        let store = open(data).await;
        let (started, mut done) = (Instant::now(), 0_u32);
        while started.elapsed() < time {
            let word = format!("{:032x}", rand::random::<u128>());
            assert!(store.consume_nonces(&[word], Duration::from_secs(1)).await.unwrap());
            done += 1;
        }
        let rate = f64::from(done) / started.elapsed().as_secs_f64();
        store.close().await;
        rate
    })
}

/// A picture of one pixel.
pub fn tiny_picture() -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = image::RgbImage::from_pixel(1, 1, image::Rgb([40, 90, 60]));
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

/// The body of a form with this picture as its only part. The boundary is `b`.
pub fn form(picture: &[u8]) -> Vec<u8> {
    let head = b"--b\r\nContent-Disposition: form-data; name=\"images\"; filename=\"a.png\"\r\n\r\n";
    [head.as_slice(), picture, b"\r\n--b--\r\n"].concat()
}
