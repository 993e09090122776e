//! A Prometheus with this repository's own configuration and rules, in real time, that watches one service.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::Value;

/// Killed on drop.
pub struct Watch {
    process: Child,
    address: SocketAddr,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Watch {
    /// Watches this service every `interval`; fifteen seconds are what the file says.
    pub fn start(service: SocketAddr, interval: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("observability/prometheus");
        let text = std::fs::read_to_string(source.join("prometheus.yml")).unwrap();
        let text = text
            .replace("localhost:8080", &service.to_string())
            .replace("rules/*.yml", &format!("{}/rules/*.yml", source.display()))
            .replace("scrape_timeout: 5s", "scrape_timeout: 1s")
            .replace("interval: 15s", &format!("interval: {interval}"));
        assert!(text.contains(&service.to_string()), "the file names another service");
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, text).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus does not start ({error}): run `make setup`"));
        let client = Client::builder().no_proxy().build().unwrap();
        let watch = Self { process, address, client, _folder: folder };
        watch.wait_for(|watch| watch.value("up{job=\"huemill\"}") == Some(1.0));
        watch
    }

    /// Waits until something can be seen here, for two minutes at most.
    pub fn wait_for(&self, seen: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !seen(self) {
            assert!(Instant::now() < deadline, "Prometheus does not see it");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The one value that a query gives now; none where it gives nothing.
    pub fn value(&self, query: &str) -> Option<f64> {
        self.ask(query)?[0]["value"][1].as_str()?.parse().ok()
    }

    /// The values of a label over all series that a query gives.
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

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
