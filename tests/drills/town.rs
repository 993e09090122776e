//! Prometheus, Alertmanager and the pager.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};
use super::scale::scaled;
use super::until;

/// Who is paged.
pub struct Pager(Receiver);

impl Pager {
    /// Whether an alert came this way, in this state.
    pub fn has_heard(&self, alert: &str, priority: &str, status: &str) -> bool {
        let path = format!("/{}", priority.to_lowercase());
        self.0.requests().iter().filter(|request| request.path == path).any(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            body["alerts"].as_array().is_some_and(|alerts| {
                alerts.iter().any(|one| one["labels"]["alertname"] == alert && one["status"] == status)
            })
        })
    }
}

/// All of it; ends with this value.
pub struct Town {
    pub pager: Pager,
    folder: tempfile::TempDir,
    prometheus: SocketAddr,
    processes: Vec<Child>,
}

impl Town {
    /// Starts everything, with nothing to watch yet.
    pub fn start() -> Self {
        let (folder, pager) = (tempfile::tempdir().unwrap(), Receiver::start(|_, _| Reply::status(200)));
        let (prometheus, alertmanager) = (free_port(), free_port());
        let mut town = Self { pager: Pager(pager), folder, prometheus, processes: Vec::new() };
        town.write_routes();
        town.write_rules(alertmanager);
        town.watch(&[]);
        let config = format!("--config.file={}", town.path("alertmanager.yml"));
        let listen = format!("--web.listen-address={alertmanager}");
        let storage = format!("--storage.path={}", town.path("alertmanager"));
        town.spawn("prometheus-alertmanager", &[&config, &listen, &storage, "--cluster.listen-address="]);
        let config = format!("--config.file={}", town.path("prometheus.yml"));
        let listen = format!("--web.listen-address={prometheus}");
        let storage = format!("--storage.tsdb.path={}", town.path("prometheus"));
        town.spawn("prometheus", &[&config, &listen, &storage, "--query.lookback-delta=2s"]);
        for address in [alertmanager, prometheus] {
            until("the watch is up", || {
                reqwest::blocking::get(format!("http://{address}/-/ready"))
                    .is_ok_and(|answer| answer.status() == 200)
            });
        }
        town
    }

    /// Has Prometheus watch these processes from now on, and waits until it sees each.
    pub fn watch(&self, services: &[SocketAddr]) {
        let targets: Vec<String> = services.iter().map(ToString::to_string).collect();
        let staged = self.folder.path().join("targets.tmp");
        std::fs::write(&staged, json!([{ "targets": targets }]).to_string()).unwrap();
        std::fs::rename(staged, self.folder.path().join("targets.json")).unwrap();
        if !services.is_empty() {
            until("they are scraped", || {
                self.query("sum(up{job=\"huemill\"})") == Some(services.len() as f64)
            });
        }
    }

    /// What a query gives now.
    pub fn query(&self, query: &str) -> Option<f64> {
        let url = format!("http://{}/api/v1/query", self.prometheus);
        let answer = reqwest::blocking::Client::new().get(url).query(&[("query", query)]).send().ok()?;
        let body: Value = answer.json().ok()?;
        body["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write_routes(&self) {
        let keys = ["group_wait", "group_interval", "repeat_interval"];
        let text = read("alertmanager/alertmanager.yml");
        let text = text.replace("http://127.0.0.1:9095", &self.pager.0.url(""));
        std::fs::write(self.folder.path().join("alertmanager.yml"), scaled(&text, &keys)).unwrap();
    }

    fn write_rules(&self, alertmanager: SocketAddr) {
        let rules = self.folder.path().join("rules");
        std::fs::create_dir(&rules).unwrap();
        for name in ["recording.yml", "alerts.yml", "slo.yml"] {
            let text =
                scaled(&read(&format!("prometheus/rules/{name}")), &["for", "interval", "keep_firing_for"]);
            std::fs::write(rules.join(name), text).unwrap();
        }
        // The intervals of the real file would leave windows of a second empty.
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

    fn spawn(&mut self, program: &str, arguments: &[&str]) {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join(format!("{program}.log"))).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start ({error}): run `make setup`"));
        self.processes.push(child);
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("observability").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
