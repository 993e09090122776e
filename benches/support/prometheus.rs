//! Starts a Prometheus with this repository's configuration and rules, in real time, that watches one service.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::blocking::Client;
use serde_json::Value;

use super::harness::servers::Tool;
use super::harness::servers::free_ports;
use super::harness::wait_until;

/// A running Prometheus. It is killed when it is dropped.
pub struct Prometheus {
    process: Child,
    address: SocketAddr,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts a Prometheus that scrapes this service every `interval`. The file's interval is fifteen seconds.
    pub fn start(service: SocketAddr, interval: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("observability/prometheus");
        let text = std::fs::read_to_string(source.join("prometheus.yml")).unwrap();
        let text = text
            .replace("localhost:8080", &service.to_string())
            .replace("rules/*.yml", &format!("{}/rules/*.yml", source.display()))
            .replace("scrape_timeout: 5s", "scrape_timeout: 1s")
            .replace("interval: 15s", &format!("interval: {interval}"));
        assert!(text.contains(&service.to_string()), "the configuration has another target");
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, text).unwrap();
        let [port] = free_ports();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let process = Command::new(Tool::Prometheus.path())
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let prometheus = Self { process, address, client, _folder: folder };
        prometheus.wait_for(|prometheus| prometheus.value("up{job=\"huemill\"}") == Some(1.0));
        prometheus
    }

    /// Waits until a query of this Prometheus meets the condition.
    pub fn wait_for(&self, holds: impl Fn(&Self) -> bool) {
        wait_until("Prometheus has scraped enough", || holds(self));
    }

    /// The value of a query now, if it has one.
    pub fn value(&self, query: &str) -> Option<f64> {
        self.ask(query)?[0]["value"][1].as_str()?.parse().ok()
    }

    /// The values of a label in all series of a query.
    pub fn labels(&self, query: &str, label: &str) -> Vec<String> {
        let result = self.ask(query).unwrap_or_default();
        let series = result.as_array().into_iter().flatten();
        series.filter_map(|one| Some(one["metric"][label].as_str()?.to_owned())).collect()
    }

    fn ask(&self, query: &str) -> Option<Value> {
        let url = format!("http://{}/api/v1/query", self.address);
        let mut body: Value = self.client.get(url).query(&[("query", query)]).send().ok()?.json().ok()?;
        Some(body["data"]["result"].take())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
