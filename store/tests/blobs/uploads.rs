//! Tests that the parts of large blobs are uploaded in parallel, up to the limits that bound the memory.

use std::sync::{Arc, Condvar, Mutex};

use huemill_store::blobs::input_key;

use crate::server::{Request, Server, answer};
use crate::{job, spool};

const PART: usize = 5 << 20;

/// Holds parts back until `wanted` of them have arrived at the same time, once.
struct Barrier {
    wanted: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    now: usize,
    max: usize,
}

impl Barrier {
    fn new(wanted: usize) -> Arc<Self> {
        Arc::new(Self { wanted, state: Mutex::default(), changed: Condvar::new() })
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.now += 1;
        state.max = state.max.max(state.now);
        self.changed.notify_all();
        // If this waits too long, the client times out and the test fails.
        let mut state = self.changed.wait_while(state, |state| state.max < self.wanted).unwrap();
        state.now -= 1;
    }

    /// The largest number of parts that were there at the same time.
    fn max(&self) -> usize {
        self.state.lock().unwrap().max
    }
}

/// A server that accepts uploads in parts. Each part must pass the barrier.
async fn server(barrier: &Arc<Barrier>) -> Server {
    let barrier = Arc::clone(barrier);
    Server::start(move |request: &Request| {
        if request.path.contains("partNumber=") {
            barrier.pass();
            return answer("200 OK", "");
        }
        let name = if request.path.contains("uploadId=") { "CompleteMultipart" } else { "InitiateMultipart" };
        let inside = "<UploadId>1</UploadId><ETag>\"1\"</ETag>";
        answer("200 OK", &format!("<{name}UploadResult>{inside}</{name}UploadResult>"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_sends_three_parts_at_a_time() {
    let barrier = Barrier::new(3);
    let server = server(&barrier).await;
    server.blobs().put_spool(&input_key(&job(1), 0), &spool(vec![7; 8 * PART], 0)).await.unwrap();
    assert_eq!(barrier.max(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_uploads_together_send_twenty_four_parts_at_a_time() {
    let barrier = Barrier::new(24);
    let server = server(&barrier).await;
    let (blobs, spool, id) = (server.blobs(), spool(vec![7; 3 * PART], 0), job(1));
    let keys: Vec<_> = (0..10).map(|number| input_key(&id, number)).collect();
    let puts = keys.iter().map(|key| blobs.put_spool(key, &spool));
    futures_util::future::try_join_all(puts).await.unwrap();
    assert_eq!(barrier.max(), 24);
}
