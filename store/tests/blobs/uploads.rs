//! Parts of large blobs go up side by side, and no more of them than memory is meant for.

use std::sync::{Arc, Condvar, Mutex};

use huemill_store::blobs::input_key;

use crate::server::{Request, Server, answer};
use crate::{job, spool};

const PART: usize = 5 << 20;

/// Holds parts back until `wanted` of them are there at a time, once.
struct Crossing {
    wanted: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    now: usize,
    most: usize,
}

impl Crossing {
    fn new(wanted: usize) -> Arc<Self> {
        Arc::new(Self { wanted, state: Mutex::default(), changed: Condvar::new() })
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.now += 1;
        state.most = state.most.max(state.now);
        self.changed.notify_all();
        // The client gives up, and the test fails, before this could be for ever.
        let mut state = self.changed.wait_while(state, |state| state.most < self.wanted).unwrap();
        state.now -= 1;
    }

    fn most(&self) -> usize {
        self.state.lock().unwrap().most
    }
}

/// Takes uploads in parts, each of which has to pass the crossing.
async fn server(crossing: &Arc<Crossing>) -> Server {
    let crossing = Arc::clone(crossing);
    Server::start(move |request: &Request| {
        if request.path.contains("partNumber=") {
            crossing.pass();
            return answer("200 OK", "");
        }
        let name = if request.path.contains("uploadId=") { "CompleteMultipart" } else { "InitiateMultipart" };
        let inside = "<UploadId>1</UploadId><ETag>\"1\"</ETag>";
        answer("200 OK", &format!("<{name}UploadResult>{inside}</{name}UploadResult>"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_parts_of_an_upload_are_on_their_way_at_a_time() {
    let crossing = Crossing::new(3);
    let server = server(&crossing).await;
    server.blobs().put_spool(&input_key(&job(1), 0), &spool(vec![7; 8 * PART], 0)).await.unwrap();
    assert_eq!(crossing.most(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_four_parts_of_all_uploads_are_on_their_way_at_a_time() {
    let crossing = Crossing::new(24);
    let server = server(&crossing).await;
    let (blobs, spool, id) = (server.blobs(), spool(vec![7; 3 * PART], 0), job(1));
    let keys: Vec<_> = (0..10).map(|number| input_key(&id, number)).collect();
    let puts = keys.iter().map(|key| blobs.put_spool(key, &spool));
    futures_util::future::try_join_all(puts).await.unwrap();
    assert_eq!(crossing.most(), 24);
}
