//! Starts a Prometheus, an Alertmanager and a pager that watch a service, with this repository's rules and routes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::scale::{scaled, with_lower_thresholds};
use crate::support::http::client;
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::Tool;
use crate::support::servers::free_ports;
use crate::support::wait_until;

/// The receiver of all pages.
pub struct Pager(Receiver);

/// An alert in a page.
struct PagedAlert {
    alert: String,
    labels: String,
    fires: bool,
    /// The number of the page that contains the alert.
    page: usize,
}

impl Pager {
    /// Whether an alert of this name has fired on the route of its priority.
    pub fn is_triggered(&self, alert: &str, priority: &str) -> bool {
        self.alerts(priority).iter().any(|paged| paged.alert == alert && paged.fires)
    }

    /// Whether an alert of this name has fired with this value of a label.
    pub fn is_triggered_with(&self, alert: &str, priority: &str, label: &str, value: &str) -> bool {
        let member = format!("\"{label}\":\"{value}\"");
        self.alerts(priority)
            .iter()
            .any(|paged| paged.alert == alert && paged.fires && paged.labels.contains(&member))
    }

    /// The number of pages so far.
    pub fn pages(&self) -> usize {
        self.0.requests().len()
    }

    /// Whether all alerts of this name are resolved, at least one of them after the first `pages` pages.
    pub fn is_resolved_since(&self, pages: usize, alert: &str, priority: &str) -> bool {
        let mut last = BTreeMap::new();
        for paged in self.alerts(priority).into_iter().filter(|paged| paged.alert == alert) {
            last.insert(paged.labels, (paged.page, paged.fires));
        }
        last.values().all(|(_, fires)| !fires) && last.values().any(|(page, _)| *page >= pages)
    }

    /// The number of pages on this route.
    pub fn count(&self, route: &str) -> usize {
        let path = format!("/{route}");
        self.0.requests().iter().filter(|request| request.path == path).count()
    }

    /// The names of all alerts that fired, each with its route.
    pub fn all(&self) -> BTreeSet<String> {
        let routes = ["p0", "p1", "p2", "p3"].into_iter();
        let names = routes.flat_map(|route| {
            let fired = self.alerts(route).into_iter().filter(|paged| paged.fires);
            fired.map(move |paged| format!("{} {}", paged.alert, route.to_uppercase()))
        });
        names.collect()
    }

    fn alerts(&self, priority: &str) -> Vec<PagedAlert> {
        let path = format!("/{}", priority.to_lowercase());
        let mut list = Vec::new();
        for (number, request) in self.0.requests().iter().enumerate().filter(|(_, page)| page.path == path) {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            list.extend(body["alerts"].as_array().into_iter().flatten().map(|one| PagedAlert {
                alert: one["labels"]["alertname"].as_str().unwrap_or_default().to_owned(),
                labels: one["labels"].to_string(),
                fires: one["status"] == "firing",
                page: number,
            }));
        }
        list
    }
}

/// The whole stack. It is stopped when it is dropped.
pub struct MonitoringStack {
    pub pager: Pager,
    folder: tempfile::TempDir,
    prometheus: SocketAddr,
    processes: Vec<Child>,
    factor: u64,
}

impl MonitoringStack {
    /// Starts the stack, which watches no service yet. Time runs faster by this factor.
    pub fn start(factor: u64) -> Self {
        // Not scaled: an alert counts as resolved after four such times without news, and a busy machine could be
        // silent for the scaled time.
        Self::with(factor, Duration::from_secs(60))
    }

    /// Starts the stack with this interval between two notifications of an alert by Prometheus.
    pub fn with(factor: u64, resend: Duration) -> Self {
        let (folder, pager) = (tempfile::tempdir().unwrap(), Receiver::start(|_, _| Reply::status(200)));
        let [prometheus, alertmanager] = free_ports().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let mut stack = Self { pager: Pager(pager), folder, prometheus, processes: Vec::new(), factor };
        stack.write_routes();
        stack.write_rules(alertmanager);
        stack.watch(&[]);
        let config = format!("--config.file={}", stack.path("alertmanager.yml"));
        let listen = format!("--web.listen-address={alertmanager}");
        let storage = format!("--storage.path={}", stack.path("alertmanager"));
        stack.spawn(Tool::Alertmanager, &[&config, &listen, &storage, "--cluster.listen-address="]);
        let config = format!("--config.file={}", stack.path("prometheus.yml"));
        let listen = format!("--web.listen-address={prometheus}");
        let storage = format!("--storage.tsdb.path={}", stack.path("prometheus"));
        let again = format!("--rules.alert.resend-delay={}ms", resend.as_millis());
        stack.spawn(Tool::Prometheus, &[&config, &listen, &storage, "--query.lookback-delta=2s", &again]);
        for address in [alertmanager, prometheus] {
            wait_until("Prometheus and Alertmanager are ready", || {
                let answer = client().get(format!("http://{address}/-/ready")).send();
                answer.is_ok_and(|answer| answer.status() == 200)
            });
        }
        // An alert that fires before this would be lost until the next notification a minute later.
        wait_until("Prometheus knows Alertmanager", || {
            let answer = client().get(format!("http://{prometheus}/api/v1/alertmanagers")).send();
            let known = answer.and_then(reqwest::blocking::Response::json::<Value>);
            known.is_ok_and(|known| known["data"]["activeAlertmanagers"][0].is_object())
        });
        stack
    }

    /// Makes Prometheus watch these processes and waits until it has scraped each.
    pub fn watch(&self, services: &[SocketAddr]) {
        let targets: Vec<String> = services.iter().map(ToString::to_string).collect();
        let staged = self.folder.path().join("targets.tmp");
        std::fs::write(&staged, json!([{ "targets": targets }]).to_string()).unwrap();
        std::fs::rename(staged, self.folder.path().join("targets.json")).unwrap();
        if !services.is_empty() {
            wait_until("Prometheus has scraped them", || {
                self.query("sum(up{job=\"huemill\"})") == Some(services.len() as f64)
            });
        }
    }

    /// The value of a query now.
    pub fn query(&self, query: &str) -> Option<f64> {
        let url = format!("http://{}/api/v1/query", self.prometheus);
        let answer = client().get(url).query(&[("query", query)]).send().ok()?;
        let body: Value = answer.json().ok()?;
        body["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// Sends a signal to Prometheus.
    pub fn signal_prometheus(&self, signal: &str) {
        let process = self.processes.last().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write_routes(&self) {
        let keys = ["group_wait", "group_interval", "repeat_interval"];
        let text = read("alertmanager/alertmanager.yml");
        let text = text.replace("http://127.0.0.1:9095", &self.pager.0.url(""));
        std::fs::write(self.folder.path().join("alertmanager.yml"), scaled(&text, &keys, self.factor))
            .unwrap();
    }

    fn write_rules(&self, alertmanager: SocketAddr) {
        let rules = self.folder.path().join("rules");
        std::fs::create_dir(&rules).unwrap();
        for name in ["recording.yml", "alerts.yml", "slo.yml"] {
            let text = with_lower_thresholds(&read(&format!("prometheus/rules/{name}")));
            let keys = ["for", "interval", "keep_firing_for"];
            std::fs::write(rules.join(name), scaled(&text, &keys, self.factor)).unwrap();
        }
        // With the intervals of the real file, windows of a second would be empty.
        let config = json!({
            "global": { "scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms" },
            "rule_files": ["rules/*.yml"],
            "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": [alertmanager.to_string()] }] }] },
            "scrape_configs": [{
                "job_name": "huemill",
                "file_sd_configs": [{ "files": ["targets.json"], "refresh_interval": "1s" }],
            }],
        });
        std::fs::write(self.folder.path().join("prometheus.yml"), config.to_string()).unwrap();
    }

    fn spawn(&mut self, tool: Tool, arguments: &[&str]) {
        let program = tool.path();
        let child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join(format!("{tool:?}.log"))).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        self.processes.push(child);
    }
}

impl Drop for MonitoringStack {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Reads a file of observability/.
pub fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("observability").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
