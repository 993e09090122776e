//! The long form: the last stage of the Dockerfile is built as it is written, on a base of the same Debian packages as
//! the real one, and the image runs as containers do, without privileges on a root that nothing can write to.
//!
//! Buildah needs neither a daemon nor a registry. The stages before the last one are not built: they download a compiler.
//! What they leave is laid out here, with the binary that is tested.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::context::{Rules, files};
use crate::source::{self, is_long_form, program, read, run};
use crate::support::http::{client, submit};
use crate::support::pictures::{noise_png, small_png};
use crate::support::servers::{Tool, require};
use crate::support::service::Service;
use crate::support::wait_until;

/// The packages that distroless images of this kind are made of.
const PACKAGES: [&str; 6] = ["base-files", "ca-certificates", "libc6", "libgcc-s1", "netbase", "tzdata"];

/// What a container runtime does: a mount namespace with a read-only root and the volume, no way to gain privileges, and
/// the user of the image. The arguments are the root, the volume, and the command; what the harness adds is left out.
const CONTAINER: &str = r#"
set -eu
root=$1 volume=$2 user=$3 group=$4 program=$5 argument=$6
mount --bind "$root" "$root"
mount --bind "$volume" "$root/var/lib/huemill"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs unshare --root "$root" --wd /var/lib/huemill \
  --setgid "$group" --setuid "$user" "$program" "$argument"
"#;

/// Buildah with a storage of its own, in a folder that is removed when it is dropped.
struct Builder(tempfile::TempDir);

impl Builder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.0.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn buildah(&self, command: &str) -> Command {
        let mut buildah = Command::new(Tool::Buildah.path());
        buildah.arg("--root").arg(self.folder("storage")).arg("--runroot").arg(self.folder("run"));
        buildah.args(["--storage-driver", "vfs", command]);
        buildah
    }

    /// Builds an image from these lines of a Dockerfile.
    fn build(&self, name: &str, lines: &str, context: &Path, options: &[&str]) {
        let file = self.0.path().join(format!("{name}.Dockerfile"));
        std::fs::write(&file, lines).unwrap();
        let mut build = self.buildah("bud");
        build.args(["--isolation", "chroot", "--format", "docker", "--tag", &format!("localhost/{name}")]);
        run(build.args(options).arg("--file").arg(file).arg(context));
    }

    /// The files of an image.
    fn unpack(&self, name: &str) -> PathBuf {
        let container = run(self.buildah("from").arg(format!("localhost/{name}")));
        PathBuf::from(run(self.buildah("mount").arg(container.trim())).trim())
    }

    /// Builds what stands for the base image.
    fn build_base(&self) {
        let (downloads, root) = (self.folder("downloads"), self.folder("base"));
        run(Command::new("apt-get").args(["download", "-qq"]).args(PACKAGES).current_dir(&downloads));
        for package in files(&downloads) {
            run(Command::new("dpkg-deb").arg("--extract").arg(downloads.join(package)).arg(&root));
        }
        let authorities = root.join("usr/share/ca-certificates/mozilla");
        let bundle: Vec<u8> = files(&authorities)
            .iter()
            .flat_map(|file| std::fs::read(authorities.join(file)).unwrap())
            .collect();
        std::fs::write(root.join("etc/ssl/certs/ca-certificates.crt"), bundle).unwrap();
        self.build("base", "FROM scratch\nCOPY . /\n", &root, &[]);
    }

    /// Lays out what the stage `build` leaves.
    fn lay_out(&self) -> PathBuf {
        let folder = self.folder("build");
        let (system, state) = (folder.join("out/system"), folder.join("out/state/huemill"));
        std::fs::create_dir_all(system.join("usr/bin")).unwrap();
        std::fs::copy(program(), system.join("usr/bin/huemill")).unwrap();
        std::fs::create_dir_all(&state).unwrap();
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    /// Builds the last stage of the Dockerfile, and returns what the image says about itself.
    fn build_runtime(&self) -> Value {
        let dockerfile = read("Dockerfile");
        let stage = dockerfile.split_once("FROM ${RUNTIME_IMAGE} AS runtime").unwrap().1;
        let lines = format!("ARG RUNTIME_IMAGE\nFROM ${{RUNTIME_IMAGE}} AS runtime{stage}");
        let stage_before = format!("build={}", self.lay_out().display());
        let arguments = ["RUNTIME_IMAGE=localhost/base", "REVISION=abc"].map(|value| ["--build-arg", value]);
        let options = [arguments.as_flattened(), &["--build-context", &stage_before]].concat();
        self.build("huemill", &lines, &source::file(""), &options);
        let image = run(self.buildah("inspect").args(["--type", "image", "localhost/huemill"]));
        serde_json::from_str::<Value>(&image).unwrap()["Docker"]["config"].clone()
    }
}

/// An image, unpacked, with a new volume and a port of this machine.
struct Container {
    root: PathBuf,
    volume: PathBuf,
    user: (String, String),
    environment: Vec<(String, String)>,
}

impl Container {
    fn new(builder: &Builder, config: &Value) -> Self {
        let (root, volume) = (builder.unpack("huemill"), builder.0.path().join("volume"));
        // As with a new volume of Docker: the image's folder with its owner and mode.
        run(Command::new("cp").arg("--archive").arg(root.join("var/lib/huemill")).arg(&volume));
        let (user, group) = config["User"].as_str().unwrap().split_once(':').unwrap();
        let variables = config["Env"].as_array().unwrap().iter();
        let variables = variables.map(|variable| variable.as_str().unwrap().split_once('=').unwrap());
        let mut environment: Vec<_> =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        environment.push(("PORT".to_owned(), port.to_string()));
        Self { root, volume, user: (user.to_owned(), group.to_owned()), environment }
    }

    /// The command line that runs a program in the container.
    fn around<'a>(&'a self, program: &'a str, argument: &'a str) -> Vec<&'a str> {
        let (root, volume) = (self.root.to_str().unwrap(), self.volume.to_str().unwrap());
        let namespace = ["unshare", "--mount", "--", "sh", "-c", CONTAINER, "container"];
        [&namespace[..], &[root, volume, &self.user.0, &self.user.1, program, argument]].concat()
    }

    fn start(&self, config: &Value) -> Service {
        let (program, argument) = (&config["Entrypoint"][0], &config["Cmd"][0]);
        let around = self.around(program.as_str().unwrap(), argument.as_str().unwrap());
        let service = Service::start_within(&around, Path::new("/var/lib/huemill"), &self.environment);
        let port = &self.environment.last().unwrap().1;
        assert_eq!(service.address.to_string(), format!("0.0.0.0:{port}"), "the image's HOST");
        service
    }

    /// Whether the image's health check succeeds.
    fn is_healthy(&self, config: &Value) -> bool {
        let test = config["Healthcheck"]["Test"].as_array().unwrap();
        assert_eq!(test[0], "CMD");
        let around = self.around(test[1].as_str().unwrap(), test[2].as_str().unwrap());
        let mut check = Command::new(around[0]);
        check.args(&around[1..]).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        check.envs(self.environment.iter().map(|(name, value)| (name, value)));
        check.output().unwrap().status.success()
    }
}

/// A field of a process's status.
fn status(service: &Service, field: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let prefix = format!("{field}:");
    text.lines()
        .find_map(|line| line.strip_prefix(&prefix))
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The options with which a process sees a folder mounted.
fn mounted(service: &Service, folder: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{}/mountinfo", service.id())).unwrap();
    let mut mounts = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    // The last one lies over the others.
    mounts.rfind(|fields| fields[4] == folder).unwrap()[5].to_owned()
}

/// Checks what the image says about itself.
fn check_config(config: &Value) {
    let labels = &config["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(labels["org.opencontainers.image.revision"], "abc");
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["WorkingDir"], "/var/lib/huemill");
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(config["Volumes"], json!({ "/var/lib/huemill": {} }));
    assert_eq!(config["ExposedPorts"], json!({ "8080/tcp": {} }));
}

/// Sends pictures, in memory and in a temporary file, and a job; all must succeed.
fn use_service(service: &Service) {
    for picture in [small_png(), noise_png(900, 1)] {
        let answer = client().post(service.url("/process")).header("content-type", "image/png").body(picture);
        let answer = answer.send().unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().unwrap());
    }
    let job = submit(service, &[small_png()]);
    wait_until("the job is completed", || {
        let answer = client().get(service.url(&format!("/jobs/{job}"))).send().unwrap();
        answer.json::<Value>().unwrap()["status"] == "completed"
    });
}

#[test]
fn the_image_works_without_privileges_on_a_read_only_root_and_stops_when_asked() {
    if !is_long_form() {
        return;
    }
    require!(Buildah);
    let builder = Builder::new();
    builder.build_base();
    let config = builder.build_runtime();
    check_config(&config);

    let container = Container::new(&builder, &config);
    let volume = std::fs::metadata(&container.volume).unwrap();
    assert_eq!((volume.uid(), volume.gid(), volume.mode() & 0o777), (65532, 65532, 0o700));
    assert!(!container.is_healthy(&config), "nothing runs yet");
    let service = container.start(&config);
    assert_eq!(status(&service, "Uid"), "65532 65532 65532 65532");
    assert_eq!(status(&service, "Gid"), "65532 65532 65532 65532");
    assert_eq!(status(&service, "Groups"), "");
    assert_eq!(status(&service, "CapEff"), "0000000000000000");
    assert_eq!(status(&service, "NoNewPrivs"), "1");
    assert!(mounted(&service, "/").split(',').any(|option| option == "ro"), "the root can be written to");
    wait_until("the container is healthy", || container.is_healthy(&config));
    use_service(&service);
    assert_eq!(service.stop(), Some(0));

    // The volume outlives the container.
    let again = container.start(&config);
    let jobs = std::fs::read_dir(&container.volume).unwrap().count();
    assert!(jobs > 0, "nothing is on the volume");
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn builders_read_the_rules_of_the_build_context_as_the_test_does() {
    if !is_long_form() {
        return;
    }
    require!(Buildah);
    let builder = Builder::new();
    builder.build("context", "FROM scratch\nCOPY . /\n", &source::file(""), &[]);
    let rules = Rules::read(&read(".dockerignore"));
    let expected: Vec<_> = files(&source::file("")).into_iter().filter(|file| rules.let_in(file)).collect();
    assert_eq!(files(&builder.unpack("context")), expected);
}
