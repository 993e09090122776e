//! Shared helpers of these tests: an arbiter, policies for loopback, downloads into memory, and a server that must
//! not be reached.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use huemill_actors::outbound::{
    AddressPolicy, AtOnce, Download, DownloadError, Endpoints, Outbound, OutboundError, Target,
};
use huemill_store::Caller;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{AGES, until};

/// Maximum bytes of a download in these tests.
pub(crate) const CAP: u64 = 100_000;

/// The default policy with these networks and ports allowed.
pub(crate) fn policy(networks: &[&str], ports: &[u16]) -> AddressPolicy {
    AddressPolicy {
        allow_cidrs: networks.iter().map(|text| AddressPolicy::network(text).unwrap()).collect(),
        allow_ports: ports.to_vec(),
        ..AddressPolicy::default()
    }
}

/// The same policy with short time limits.
pub(crate) fn with_short_limits(policy: AddressPolicy) -> AddressPolicy {
    let soon = Duration::from_millis(300);
    AddressPolicy { connect: soon, head: soon, total: soon, ..policy }
}

/// Admits every request.
pub(crate) fn admit_all() -> AtOnce {
    AtOnce { endpoints: Endpoints::new(1_000), caller: Caller::Service }
}

pub(crate) async fn fetch(policy: &AddressPolicy, url: &str) -> Result<(Download, Vec<u8>), OutboundError> {
    let target = Target::parse(url, policy)?;
    let (mut bytes, admission) = (Vec::new(), admit_all());
    let outbound = Outbound::new(policy.clone()).unwrap();
    let sink = async |chunk: bytes::Bytes| {
        bytes.extend_from_slice(&chunk);
        assert!(bytes.len() as u64 <= CAP, "more bytes than the cap were passed on");
        Ok::<_, Infallible>(())
    };
    let download = tokio::time::timeout(AGES, outbound.get(&target, CAP, &admission, sink));
    match download.await.expect("the download hangs") {
        Ok(download) => Ok((download, bytes)),
        Err(DownloadError::Outbound(error)) => Err(error),
        Err(DownloadError::Sink(never)) => match never {},
    }
}

/// A server that no request may reach.
pub(crate) struct ForbiddenServer {
    pub(crate) address: SocketAddr,
    connections: Rc<Cell<usize>>,
}

impl ForbiddenServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&connections);
        actix_rt::spawn(async move {
            while listener.accept().await.is_ok() {
                count.set(count.get() + 1);
            }
        });
        Self { address, connections }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Asserts that no one connected. The server accepts connections in order, so once it has accepted this one, it has
    /// accepted all earlier ones.
    pub(crate) async fn assert_untouched(&self) {
        let _connection = TcpStream::connect(self.address).await.unwrap();
        until(|| self.connections.get() > 0).await;
        assert_eq!(self.connections.replace(0), 1, "another connection was made");
    }
}
