//! A Debian machine in a container, with systemd as its first process, for tests that install packages. It needs root.
//!
//! Its files are those of a system that debootstrap makes once beside the build; what a test changes lies in memory and is
//! gone with the machine. Nothing outside is reachable from it, nor is it from outside.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::wait_for;

/// What the machine has besides the essential packages: what huemill's package depends on.
const PACKAGES: &str = "adduser,ca-certificates,systemd";

/// The folder of the test on the machine.
const SHARED: &str = "/mnt";

/// A running machine. It ends when it is dropped.
pub struct Machine {
    container: Child,
    /// The machine's first process, as it is called outside.
    init: String,
    folder: PathBuf,
}

/// The system that machines begin with.
fn system() -> PathBuf {
    let tools = Path::new(env!("CARGO_BIN_EXE_huemill")).ancestors().nth(2).unwrap().join("tools");
    let system = tools.join("debian");
    if !system.is_dir() {
        let unfinished = tools.join("debian.unfinished");
        let _ = std::fs::remove_dir_all(&unfinished);
        let mut command = Command::new("debootstrap");
        command.args(["--variant=minbase", &format!("--include={PACKAGES}"), "bookworm"]).arg(&unfinished);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        // Debian's containers keep documentation out, which would leave out the package's own.
        let _ = std::fs::remove_file(unfinished.join("etc/dpkg/dpkg.cfg.d/docker"));
        std::fs::rename(&unfinished, &system).unwrap();
    }
    system
}

impl Machine {
    /// Starts a machine that sees this folder, and returns once systemd answers.
    pub fn start(folder: &Path) -> Self {
        // The container's manager keeps its own files in /run, which must be in memory.
        let start = "mount -t tmpfs tmpfs /run && exec systemd-nspawn --quiet --register=no --keep-unit --private-network \
                     --volatile=overlay --link-journal=no --directory=\"$0\" --bind=\"$1\" --boot";
        let container = Command::new("unshare")
            .args(["-m", "sh", "-c", start])
            .arg(system())
            .arg(format!("{}:{SHARED}", folder.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let children = format!("/proc/{0}/task/{0}/children", container.id());
        let init = wait_for("the machine starts", || {
            let text = std::fs::read_to_string(&children).ok()?;
            let name = |pid: &&str| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            text.split_whitespace().find(|pid| name(pid).trim() == "systemd").map(str::to_owned)
        });
        let machine = Self { container, init, folder: folder.to_owned() };
        wait_for("systemd answers", || {
            let output = machine.command("systemctl is-system-running").output().unwrap();
            let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            // A container has degraded units, for what only a real machine has.
            matches!(state.as_str(), "running" | "degraded").then_some(())
        });
        machine
    }

    /// The path on the machine of a file in the test's folder.
    pub fn path(&self, file: &Path) -> String {
        format!("{SHARED}/{}", file.strip_prefix(&self.folder).unwrap().display())
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.init,
            "--all",
            "--root",
            "--wd",
            "env",
            "-i",
            "DEBIAN_FRONTEND=noninteractive",
        ]);
        command.args(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-ec", script]);
        command
    }

    /// A script outside of the machine, in the test's folder, which reaches the machine's own addresses.
    pub fn client(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init, "--net", "sh", "-c", script]).current_dir(&self.folder);
        command
    }

    /// Runs a script on the machine as root, which must succeed, and returns what it printed.
    pub fn run(&self, script: &str) -> String {
        let output = self.command(script).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let journal =
                self.command("journalctl --no-pager -n 50; systemctl status huemill").output().unwrap();
            panic!(
                "{script}: {}{text}{}",
                String::from_utf8_lossy(&output.stderr),
                String::from_utf8_lossy(&journal.stdout)
            );
        }
        text
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The container ends with its first process.
        let _ = Command::new("kill").args(["-9", &self.init]).status();
        let _ = self.container.wait();
    }
}
