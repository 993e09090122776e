//! Prometheus, Alertmanager and the pager.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};
use super::scale::{marked, scaled};
use super::until;

/// Who is paged.
pub struct Pager(Receiver);

/// An alert as a page tells of it: its name, its labels, whether it still fires.
struct Told {
    alert: String,
    labels: String,
    fires: bool,
    /// The number of the page.
    number: usize,
}

impl Pager {
    /// Whether an alert of this name came on the route of its priority.
    pub fn is_triggered(&self, alert: &str, priority: &str) -> bool {
        self.told(priority).iter().any(|told| told.alert == alert && told.fires)
    }

    /// How many pages there were so far.
    pub fn told_so_far(&self) -> usize {
        self.0.requests().len()
    }

    /// Whether all that came under this name was taken back, the last of it in a page after the first `told`.
    pub fn is_quiet_since(&self, told: usize, alert: &str, priority: &str) -> bool {
        let mut last = BTreeMap::new();
        for one in self.told(priority).into_iter().filter(|one| one.alert == alert) {
            last.insert(one.labels, (one.number, one.fires));
        }
        last.values().all(|(_, fires)| !fires) && last.values().any(|(number, _)| *number >= told)
    }

    /// How many pages came this way.
    pub fn count(&self, route: &str) -> usize {
        let path = format!("/{route}");
        self.0.requests().iter().filter(|request| request.path == path).count()
    }

    /// Every name that rang, with the route that it came by.
    pub fn all(&self) -> BTreeSet<String> {
        let routes = ["p0", "p1", "p2", "p3"].into_iter();
        let names = routes.flat_map(|route| {
            let fires = self.told(route).into_iter().filter(|told| told.fires);
            fires.map(move |told| format!("{} {}", told.alert, route.to_uppercase()))
        });
        names.collect()
    }

    fn told(&self, priority: &str) -> Vec<Told> {
        let path = format!("/{}", priority.to_lowercase());
        let mut list = Vec::new();
        for (number, request) in self.0.requests().iter().enumerate().filter(|(_, page)| page.path == path) {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            list.extend(body["alerts"].as_array().into_iter().flatten().map(|one| Told {
                alert: one["labels"]["alertname"].as_str().unwrap_or_default().to_owned(),
                labels: one["labels"].to_string(),
                fires: one["status"] == "firing",
                number,
            }));
        }
        list
    }
}

/// All of it; ends with this value.
pub struct Town {
    pub pager: Pager,
    folder: tempfile::TempDir,
    prometheus: SocketAddr,
    processes: Vec<Child>,
    factor: u64,
}

impl Town {
    /// Starts everything, with nothing to watch yet. Time runs this many times faster.
    pub fn start(factor: u64) -> Self {
        // As long as in life: after four such times without news an alert counts as resolved, and a busy machine
        // could be silent for as long if this were scaled.
        Self::with(factor, Duration::from_secs(60))
    }

    /// The same, and Prometheus tells of an alert this often.
    pub fn with(factor: u64, resend: Duration) -> Self {
        let (folder, pager) = (tempfile::tempdir().unwrap(), Receiver::start(|_, _| Reply::status(200)));
        let (prometheus, alertmanager) = (free_port(), free_port());
        let mut town = Self { pager: Pager(pager), folder, prometheus, processes: Vec::new(), factor };
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
        let again = format!("--rules.alert.resend-delay={}ms", resend.as_millis());
        town.spawn("prometheus", &[&config, &listen, &storage, "--query.lookback-delta=2s", &again]);
        for address in [alertmanager, prometheus] {
            until("the watch is up", || {
                reqwest::blocking::get(format!("http://{address}/-/ready"))
                    .is_ok_and(|answer| answer.status() == 200)
            });
        }
        // Until then it has nobody to tell, and would tell again after a minute.
        until("Prometheus knows Alertmanager", || {
            let answer = reqwest::blocking::get(format!("http://{prometheus}/api/v1/alertmanagers"));
            let known = answer.and_then(reqwest::blocking::Response::json::<Value>);
            known.is_ok_and(|known| known["data"]["activeAlertmanagers"][0].is_object())
        });
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

    /// Stops Prometheus where it stands, or lets it go on.
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
            let text = marked(&read(&format!("prometheus/rules/{name}")));
            let keys = ["for", "interval", "keep_firing_for"];
            std::fs::write(rules.join(name), scaled(&text, &keys, self.factor)).unwrap();
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

/// A file of observability/.
pub fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("observability").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
