//! Servers of others that are slow when a drill says so: one that has pictures, and one that takes webhooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::clients::picture;
use super::receiver::{Receiver, Reply};

/// A server that takes its time. Clones share it.
#[derive(Clone)]
pub struct Server {
    receiver: Arc<Receiver>,
    millis: Arc<AtomicU64>,
}

impl Server {
    /// A server that has a picture under every path, at once or, below `/slow`, after a while.
    pub fn of_pictures() -> Self {
        Self::start(|| Reply::Whole(200, "content-type: image/png\r\n", picture(7)))
    }

    /// A server that takes every webhook, at once or, below `/slow`, after a while.
    pub fn of_webhooks() -> Self {
        Self::start(|| Reply::status(200))
    }

    fn start(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        let millis = Arc::<AtomicU64>::default();
        let wait = millis.clone();
        let receiver = Receiver::start(move |_, request| {
            if request.path.starts_with("/slow") {
                std::thread::sleep(Duration::from_millis(wait.load(Ordering::SeqCst)));
            }
            answer()
        });
        Self { receiver: Arc::new(receiver), millis }
    }

    /// How long it waits from now on.
    pub fn takes(&self, millis: u64) {
        self.millis.store(millis, Ordering::SeqCst);
    }

    pub fn slow(&self) -> String {
        self.receiver.url("/slow")
    }

    pub fn quick(&self) -> String {
        self.receiver.url("/quick")
    }

    pub fn port(&self) -> u16 {
        self.receiver.port()
    }
}

/// The settings with which a service may call servers on this port of loopback, many at a time.
pub fn reachable(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32".to_owned()),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", port.to_string()),
        ("HUEMILL__OUTBOUND__DOWNLOADS_EACH", "16".to_owned()),
        ("HUEMILL__WEBHOOKS__EACH", "32".to_owned()),
    ]
}
