//! The Compose files: they follow the specification, what they mount exists, every container is confined, and the
//! settings in them are valid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};

use super::tool;
use crate::source::{file, is_long_form, read, run};
use crate::support::servers::{Tool, require};

const FILES: [&str; 2] = ["packaging/compose/compose.yaml", "packaging/compose/compose.scale.yaml"];
/// Prints a YAML file as JSON, with anchors and merges resolved.
const TO_JSON: &str =
    "import json, ruamel.yaml, sys; print(json.dumps(ruamel.yaml.YAML(typ='safe').load(open(sys.argv[1]))))";

fn yaml(path: &str) -> Value {
    serde_json::from_str(&run(tool("python").args(["-c", TO_JSON]).arg(file(path)))).unwrap()
}

fn services(file: &Value) -> &Map<String, Value> {
    file["services"].as_object().unwrap()
}

/// The texts in a list; none where there is no list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// The folder of secrets that the script writes, in a folder of its own.
struct Secrets(tempfile::TempDir);

impl Secrets {
    fn create() -> Self {
        let secrets = Self(tempfile::tempdir().unwrap());
        std::fs::copy(file("packaging/compose/secrets.sh"), secrets.script()).unwrap();
        secrets.write();
        secrets
    }

    fn script(&self) -> PathBuf {
        self.0.path().join("secrets.sh")
    }

    /// Runs the script. Bash reads it: a program that was just written cannot be run while another thread starts one.
    fn write(&self) {
        run(Command::new("bash").arg(self.script()));
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join("secrets").join(name)).unwrap()
    }
}

#[test]
fn compose_files_follow_the_specification() {
    require!(ContainerTools);
    let files = FILES.map(file);
    run(tool("check-jsonschema").args(["--builtin-schema", "vendor.compose-spec"]).args(files));
}

#[test]
fn what_compose_files_mount_and_refer_to_exists() {
    require!(ContainerTools);
    let folder = file("packaging/compose");
    for (path, file) in FILES.map(|path| (path, yaml(path))) {
        for (name, service) in services(&file) {
            for volume in texts(&service["volumes"]) {
                let source = volume.split_once(':').map_or("", |(source, _)| source);
                match source {
                    // A volume without a name.
                    "" => {}
                    source if source.starts_with('.') => {
                        assert!(folder.join(source).exists(), "{path}: {name}: {volume}");
                        assert!(volume.ends_with(":ro"), "{path}: {name} can write to {volume}");
                    }
                    source => assert!(names(&file["volumes"]).contains(source), "{path}: {name}: {volume}"),
                }
            }
            let others = names(&service["depends_on"]);
            assert!(others.is_subset(&names(&file["services"])), "{path}: {name}: {others:?}");
            for key in ["networks", "secrets"] {
                let used: BTreeSet<_> = texts(&service[key]).into_iter().collect();
                assert!(used.is_subset(&names(&file[key])), "{path}: {name}: {used:?}");
            }
            if let Some(context) = service["build"]["context"].as_str() {
                assert!(folder.join(context).join("Dockerfile").exists(), "{path}: {name}: {context}");
            }
        }
    }
}

#[test]
fn every_container_is_confined_and_no_port_is_open_to_other_machines() {
    require!(ContainerTools);
    for (path, file) in FILES.map(|path| (path, yaml(path))) {
        for (name, service) in services(&file) {
            assert_eq!(service["read_only"], true, "{path}: {name}");
            assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{path}: {name}");
            assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{path}: {name}");
            assert!(service.get("privileged").is_none(), "{path}: {name}");
            for port in texts(&service["ports"]) {
                assert!(port.starts_with("127.0.0.1:"), "{path}: {name}: {port}");
            }
            if name.starts_with("huemill") {
                assert!(service.get("cap_add").is_none(), "{path}: {name}");
            }
        }
    }
}

#[test]
fn the_script_writes_every_secret_once_and_only_its_owner_gets_at_them() {
    use std::os::unix::fs::PermissionsExt;

    require!(ContainerTools);
    let secrets = Secrets::create();
    let file = yaml(FILES[1]);
    for secret in file["secrets"].as_object().unwrap().values() {
        let path = secrets.0.path().join(secret["file"].as_str().unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o444, "{}", path.display());
        assert!(std::fs::read_to_string(&path).unwrap().len() >= 20, "{}", path.display());
    }
    let folder = std::fs::metadata(secrets.0.path().join("secrets")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let keys = secrets.read("s3.env");
    assert!(keys.contains(&secrets.read("s3_access_key")) && keys.contains(&secrets.read("s3_secret_key")));
    let before = secrets.read("database_url");
    assert!(before.contains(&secrets.read("postgres_password")), "{before}");

    secrets.write();
    assert_eq!(secrets.read("database_url"), before);
    assert_ne!(Secrets::create().read("database_url"), before);
}

/// The value of a setting in a Compose file, with the defaults of its variables.
fn with_defaults(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(variable) => variable.split_once(":-").unwrap().1.to_owned(),
        None => text,
    }
}

/// The settings that a service of a Compose file would run with.
fn settings(service: &Value, secrets: &Path) -> toml::Value {
    let mut check = Command::new(env!("CARGO_BIN_EXE_huemill"));
    check.arg("check").env_clear();
    for (name, value) in service["environment"].as_object().unwrap() {
        let value = with_defaults(value).replace("/run/secrets", secrets.to_str().unwrap());
        check.env(name, value);
    }
    toml::from_str(&run(&mut check)).unwrap()
}

#[test]
fn the_settings_are_valid_and_stopping_may_take_as_long_as_they_say() {
    require!(ContainerTools);
    let secrets = Secrets::create();
    for (path, file) in FILES.map(|path| (path, yaml(path))) {
        let processes = services(&file).iter().filter(|(name, _)| name.starts_with("huemill"));
        for (name, service) in processes {
            let settings = settings(service, &secrets.0.path().join("secrets"));
            let (server, jobs) = (&settings["server"], &settings["jobs"]);
            let delay = server["shutdown_delay_ms"].as_integer().unwrap();
            let seconds = server["drain_seconds"].as_integer().unwrap()
                + jobs["drain_timeout_seconds"].as_integer().unwrap()
                + delay / 1000;
            let grace = service["stop_grace_period"].as_str().unwrap().strip_suffix('s').unwrap();
            assert!(grace.parse::<i64>().unwrap() > seconds + 1, "{path}: {name}: {grace} s for {seconds}");
        }
    }
}

#[test]
fn prometheus_differs_from_the_documented_one_in_its_targets_only() {
    require!(ContainerTools);
    let mut file = yaml("packaging/compose/prometheus.yml");
    let mut documented = yaml("observability/prometheus/prometheus.yml");
    let targets = "/scrape_configs/0/static_configs/0/targets";
    let scraped = file.pointer(targets).unwrap().clone();
    let scale = yaml(FILES[1]);
    let processes = services(&scale).keys().filter(|name| name.starts_with("huemill"));
    let expected: Vec<_> = processes.map(|name| format!("{name}:9090")).collect();
    assert_eq!(texts(&scraped), expected);
    for path in [targets, "/alerting/alertmanagers/0/static_configs/0/targets"] {
        *documented.pointer_mut(path).unwrap() = Value::Null;
        *file.pointer_mut(path).unwrap() = Value::Null;
    }
    assert_eq!(file, documented);
}

#[test]
fn the_balancer_knows_every_process_and_grafana_is_the_documented_one() {
    require!(ContainerTools);
    let (scale, balancer) = (yaml(FILES[1]), read("packaging/compose/Caddyfile"));
    for name in services(&scale).keys().filter(|name| name.starts_with("huemill")) {
        assert!(balancer.contains(&format!("{name}:8080")), "{name}");
    }
    let grafana = scale["services"]["grafana"]["image"].as_str().unwrap();
    assert!(read("Makefile").contains(grafana.strip_prefix("docker.io/").unwrap()), "{grafana}");
}

#[test]
fn caddy_accepts_the_configuration_of_the_balancer() {
    if !is_long_form() {
        return;
    }
    require!(Caddy);
    let file = file("packaging/compose/Caddyfile");
    run(Command::new(Tool::Caddy.path()).args(["validate", "--adapter", "caddyfile", "--config"]).arg(file));
}
