//! External servers whose delay a drill sets: one serves pictures, the other receives webhooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::pictures::gradient_png;
use crate::support::receiver::{Receiver, Reply};

/// A server with a delay below `/slow`. Clones share it.
#[derive(Clone)]
pub struct DelayedServer {
    receiver: Arc<Receiver>,
    delay_ms: Arc<AtomicU64>,
}

impl DelayedServer {
    /// Starts a server that has a picture under every path.
    pub fn of_pictures() -> Self {
        Self::start(|| Reply::Whole(200, "content-type: image/png\r\n", gradient_png(7)))
    }

    /// Starts a server that accepts every webhook.
    pub fn of_webhooks() -> Self {
        Self::start(|| Reply::status(200))
    }

    fn start(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        let delay_ms = Arc::<AtomicU64>::default();
        let wait = delay_ms.clone();
        let receiver = Receiver::start(move |_, request| {
            if request.path.starts_with("/slow") {
                std::thread::sleep(Duration::from_millis(wait.load(Ordering::SeqCst)));
            }
            answer()
        });
        Self { receiver: Arc::new(receiver), delay_ms }
    }

    /// Sets the delay of answers below `/slow`.
    pub fn set_delay_ms(&self, delay_ms: u64) {
        self.delay_ms.store(delay_ms, Ordering::SeqCst);
    }

    pub fn slow_url(&self) -> String {
        self.receiver.url("/slow")
    }

    pub fn quick_url(&self) -> String {
        self.receiver.url("/quick")
    }

    pub fn port(&self) -> u16 {
        self.receiver.port()
    }
}

/// The settings with which a service may make many calls at a time to servers on this port of loopback.
pub fn loopback(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32".to_owned()),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", port.to_string()),
        ("HUEMILL__OUTBOUND__DOWNLOADS_EACH", "16".to_owned()),
        ("HUEMILL__WEBHOOKS__EACH", "32".to_owned()),
    ]
}
