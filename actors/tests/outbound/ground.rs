//! What these tests stand on: an arbiter, policies for loopback, downloads into memory, a canary.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use huemill_actors::outbound::{AddressPolicy, Download, DownloadError, Outbound, OutboundError, Target};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything here takes; reached only by what hangs.
pub(crate) const AGES: Duration = Duration::from_secs(30);

/// The most that a download of these tests may bring.
pub(crate) const CAP: u64 = 100_000;

pub(crate) fn on_actix(test: impl Future<Output = ()>) {
    actix::System::new().block_on(async {
        tokio::time::timeout(AGES, test).await.expect("it hangs");
    });
}

pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The usual policy, but for these ports and these networks.
pub(crate) fn policy(networks: &[&str], ports: &[u16]) -> AddressPolicy {
    AddressPolicy {
        allow_cidrs: networks.iter().map(|text| AddressPolicy::network(text).unwrap()).collect(),
        allow_ports: ports.to_vec(),
        ..AddressPolicy::default()
    }
}

/// The same with little time.
pub(crate) fn hasty(policy: AddressPolicy) -> AddressPolicy {
    let soon = Duration::from_millis(300);
    AddressPolicy { connect: soon, head: soon, total: soon, ..policy }
}

pub(crate) async fn fetch(policy: &AddressPolicy, url: &str) -> Result<(Download, Vec<u8>), OutboundError> {
    let target = Target::parse(url, policy)?;
    let mut bytes = Vec::new();
    let outbound = Outbound::new(policy.clone()).unwrap();
    let sink = async |chunk: bytes::Bytes| {
        bytes.extend_from_slice(&chunk);
        assert!(bytes.len() as u64 <= CAP, "more than the cap was handed on");
        Ok::<_, Infallible>(())
    };
    match outbound.get(&target, CAP, sink).await {
        Ok(download) => Ok((download, bytes)),
        Err(DownloadError::Outbound(error)) => Err(error),
        Err(DownloadError::Sink(never)) => match never {},
    }
}

/// A server that nobody must ever reach.
pub(crate) struct Canary {
    pub(crate) address: SocketAddr,
    visits: Rc<Cell<usize>>,
}

impl Canary {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, visits) = (listener.local_addr().unwrap(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&visits);
        actix_rt::spawn(async move {
            while listener.accept().await.is_ok() {
                count.set(count.get() + 1);
            }
        });
        Self { address, visits }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Asserts that nobody came. Visitors are let in by turns, so once we are in, everybody before us is.
    pub(crate) async fn is_untouched(&self) {
        let _ours = TcpStream::connect(self.address).await.unwrap();
        until(|| self.visits.get() > 0).await;
        assert_eq!(self.visits.replace(0), 1, "somebody else came");
    }
}
