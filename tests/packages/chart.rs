//! The Helm chart in `packaging/helm/huemill`. The tests themselves are in `chart.py`, because Helm and the schemas of
//! Kubernetes are libraries of Python here.

use std::process::{Command, Stdio};

use crate::source::file;
use crate::support::authority::Authority;
use crate::support::servers::{Tool, require};

#[test]
fn the_chart_renders_what_kubernetes_and_the_service_accept_and_refuses_what_cannot_work() {
    require!(ChartTools);
    let tls = tempfile::tempdir().unwrap();
    let identity = Authority::new().issue();
    for (name, text) in [("tls.crt", identity.certificate), ("tls.key", identity.key)] {
        std::fs::write(tls.path().join(name), text).unwrap();
    }
    let done = Command::new(Tool::ChartTools.path())
        .arg("-B")
        .arg(file("tests/packages/chart.py"))
        .env("HUEMILL_TEST_BINARY", env!("CARGO_BIN_EXE_huemill"))
        .env("HUEMILL_TEST_TLS", tls.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
