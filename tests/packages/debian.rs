//! The Debian package. What Cargo.toml says about it is checked here always; with `HUEMILL_PACKAGES=all` (`make packages`)
//! the package is made, checked by lintian, and installed, upgraded, removed and purged on a [`Machine`].

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::machine::Machine;
use crate::servers::require;
use crate::source::{self, is_long_form, program, read, run};
use crate::support::pictures::small_png;
use crate::support::wait_until;

fn metadata() -> toml::Table {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
}

#[test]
fn every_file_of_the_package_is_in_the_source_or_generated() {
    let metadata = metadata();
    let assets = metadata["assets"].as_array().unwrap();
    let source = |asset: &toml::Value| asset[0].as_str().unwrap().to_owned();
    let mut files: Vec<_> = assets.iter().map(source).collect();
    for key in ["changelog", "maintainer-scripts"] {
        files.push(metadata[key].as_str().unwrap().to_owned());
    }
    files.push(metadata["license-file"][0].as_str().unwrap().to_owned());
    let scripts = read("packaging/stage.sh") + &read("packaging/debian/build.sh");
    for file in files {
        let is_there = match file.strip_prefix("target/package/") {
            Some("man/*.1") => scripts.contains("man --out \"$stage/man\""),
            Some(generated) => match generated.strip_prefix("completions/") {
                Some(shell) => scripts.contains("\"$stage/completions/$shell\"") && scripts.contains(shell),
                None => scripts.contains(&format!("\"$stage/{generated}\"")),
            },
            None => file == "target/release/huemill" || source::file(&file).exists(),
        };
        assert!(is_there, "{file} is neither in the source nor generated");
    }
}

#[test]
fn the_package_names_the_licence_of_everything_that_is_in_the_source() {
    let copyright = read("packaging/debian/copyright");
    // Lines are broken elsewhere, and empty ones have a dot.
    let words = |text: &str| -> Vec<String> {
        text.split_whitespace().filter(|word| *word != ".").map(str::to_owned).collect()
    };
    let text = words(&copyright).join(" ");
    for (file, begins_at) in
        [("LICENSE-MIT", "Permission is"), ("LICENSE-SEETAFACE", "Redistribution and use")]
    {
        let licence = read(file);
        let licence = &licence[licence.find(begins_at).unwrap()..];
        assert!(text.contains(&words(licence).join(" ")), "{file}");
    }
    assert!(text.contains("/usr/share/common-licenses/Apache-2.0"));
}

/// Held by whoever makes a package: all are made of the same folder.
pub static STAGE: Mutex<()> = Mutex::new(());

/// Makes the package of the program in this folder, and returns its path.
pub fn package(folder: &Path) -> PathBuf {
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    run(Command::new(source::file("packaging/debian/build.sh"))
        .arg(folder)
        .env("HUEMILL_PACKAGE_BINARY", program())
        .env("HUEMILL_PACKAGE_FAST", "1"));
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|end| end == "deb")).expect("there is a package")
}

/// The same package with an older version.
fn older(package: &Path, folder: &Path) -> PathBuf {
    let (tree, older) = (folder.join("tree"), folder.join("older.deb"));
    run(Command::new("dpkg-deb").arg("-R").arg(package).arg(&tree));
    let control = tree.join("DEBIAN/control");
    let text = std::fs::read_to_string(&control).unwrap();
    let version = text.lines().find(|line| line.starts_with("Version: ")).unwrap();
    std::fs::write(&control, text.replace(version, "Version: 0.0.1-1")).unwrap();
    run(Command::new("dpkg-deb").args(["-b", "-Znone"]).arg(&tree).arg(&older));
    older
}

/// Lists the jobs with the settings of the service.
const LIST: &str = "huemill --config /etc/huemill/huemill.toml jobs list --json";

#[test]
fn lintian_finds_no_error_in_the_package() {
    if !is_long_form() {
        return;
    }
    require!(Lintian);
    let folder = tempfile::tempdir().unwrap();
    let package = package(folder.path());
    run(Command::new("lintian").args(["--fail-on", "error", "--allow-root"]).arg(&package));
}

#[test]
fn the_package_is_installed_runs_is_upgraded_under_load_and_leaves_no_data_after_a_purge() {
    if !is_long_form() {
        return;
    }
    require!(Debootstrap, Systemd);
    let folder = tempfile::tempdir().unwrap();
    let new = package(folder.path());
    let old = older(&new, folder.path());
    let photo = folder.path().join("photo.png");
    std::fs::write(&photo, small_png()).unwrap();

    let machine = Machine::start(folder.path());
    // systemd gives up on a service that is not ready in ten seconds.
    machine.run("mkdir -p /etc/systemd/system/huemill.service.d");
    machine
        .run("printf '[Service]\\nTimeoutStartSec=10\\n' >/etc/systemd/system/huemill.service.d/soon.conf");
    machine.run(&format!("dpkg -i {}", machine.path(&old)));
    let job = processes_a_picture(&machine, &machine.path(&photo));
    while_clients_send(&machine, folder.path(), || is_upgraded(&machine, &machine.path(&new), &job));
    listens_where_its_settings_say(&machine);
    starts_again_after_a_crash_but_not_with_bad_settings(&machine);
    machine
        .run("dpkg -r huemill && test -f /var/lib/huemill/huemill.db && test -f /etc/huemill/huemill.toml");
    machine.run("dpkg -P huemill && ! test -e /var/lib/huemill && ! test -e /etc/huemill");
}

/// The installed service is ready and does a job, whose id this returns.
fn processes_a_picture(machine: &Machine, photo: &str) -> String {
    // systemd knows that the service is ready.
    machine.run("systemctl is-active huemill && huemill healthcheck --config /etc/huemill/huemill.toml");
    assert_eq!(machine.run("stat -c '%U %a' /var/lib/huemill/huemill.db").trim(), "huemill 600");
    machine.run(&format!("cd /tmp && huemill submit --watch {photo}"));
    let as_user = format!("setpriv --reuid huemill --regid huemill --clear-groups {LIST}");
    let job: serde_json::Value = serde_json::from_str(&machine.run(&as_user)).unwrap();
    assert_eq!(job["status"], "completed", "{job}");
    job["job_id"].as_str().unwrap().to_owned()
}

/// Clients send `photo.png` while something happens, and no request fails.
fn while_clients_send(machine: &Machine, folder: &Path, happens: impl FnOnce()) {
    let script = "until [ -e end ] || ! [ -e photo.png ]; do
        curl -sS -o /dev/null -w '%{http_code}\n' -F image=@photo.png http://127.0.0.1:8080/process >>answers 2>&1
    done";
    let clients: Vec<_> = (0..3).map(|_| machine.client(script).spawn().unwrap()).collect();
    let answers = || std::fs::read_to_string(folder.join("answers")).unwrap_or_default();
    let wait_for_more = || {
        let before = answers().lines().count();
        wait_until("clients have answers", || answers().lines().count() > before + 20);
    };
    let end = EndOnDrop(folder.join("end"));
    wait_for_more();
    happens();
    wait_for_more();
    drop(end);
    for mut client in clients {
        assert!(client.wait().unwrap().success());
    }
    let failed: Vec<_> = answers().lines().filter(|line| *line != "200").map(str::to_owned).collect();
    assert_eq!(failed, Vec::<String>::new());
}

/// Has clients end, also where the test fails.
struct EndOnDrop(PathBuf);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.0, "");
    }
}

/// An upgrade keeps the settings and the job, and the service that it restarts has the new secret.
fn is_upgraded(machine: &Machine, package: &str, job: &str) {
    machine.run("echo '# mine' >>/etc/huemill/huemill.toml");
    machine.run("echo operator-token-of-the-test >/etc/huemill/credentials/operator_token");
    machine.run(&format!("dpkg -i --force-confold {package}"));
    machine.run("systemctl is-active huemill && grep mine /etc/huemill/huemill.toml");
    let jobs = machine.run(&format!("OPERATOR_TOKEN=operator-token-of-the-test {LIST}"));
    assert!(jobs.contains(job), "{jobs}");
}

/// What systemd keeps of another address is not in the way of a new one, and nothing listens after a stop.
fn listens_where_its_settings_say(machine: &Machine) {
    let listens = "bash -c '</dev/tcp/127.0.0.2/8080'";
    machine.run(&format!("! {listens}"));
    machine.run(
        "printf '[server]\nhost = \"0.0.0.0\"\n' >>/etc/huemill/huemill.toml; systemctl restart huemill",
    );
    machine.run(listens);
    machine.run(
        "sed -i 's/^host = .*/host = \"127.0.0.2\"/' /etc/huemill/huemill.toml; systemctl restart huemill",
    );
    machine.run(&format!(
        "{listens}; ! bash -c '</dev/tcp/127.0.0.1/8080'; systemctl stop huemill; ! {listens}"
    ));
    machine.run("sed -i '/^\\[server\\]/d; /^host = /d' /etc/huemill/huemill.toml; systemctl start huemill");
}

fn starts_again_after_a_crash_but_not_with_bad_settings(machine: &Machine) {
    machine.run("systemctl kill --signal=KILL huemill");
    let restarts = || machine.run("systemctl show --value -p NRestarts huemill").trim().to_owned();
    wait_until("systemd starts the service again", || restarts() == "1");
    // It waits until the start is complete.
    machine.run("systemctl start huemill && huemill healthcheck --config /etc/huemill/huemill.toml");
    machine.run("echo 'nonsense = 1' >>/etc/huemill/huemill.toml; ! systemctl restart huemill");
    // Were it to start again, it would be about to.
    let state = machine.run("systemctl show -p ActiveState -p ExecMainStatus huemill");
    assert!(state.contains("ActiveState=failed") && state.contains("ExecMainStatus=78"), "{state}");
}
