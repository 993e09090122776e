//! The output of commands: only `huemill secret` prints a secret, whatever is wrong with the settings or the service.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use super::canaries::Canaries;
use super::canary_service::CanaryService;

/// Runs the program until it ends.
fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_huemill"))
        .current_dir(folder)
        .env_clear()
        .env("DATA_DIR", folder.join("data"))
        .env("RUST_LOG", "trace")
        .env("PORT", "0")
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .unwrap()
}

/// All lines that a command printed.
fn lines_of(output: &Output) -> Vec<String> {
    let text = [&output.stdout[..], b"\n", &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

/// The leaks that a test has found. It fails with them when they are dropped.
#[derive(Debug, Default)]
struct Leaks(Vec<String>);

impl Leaks {
    /// Searches the output of a command, which must not be empty.
    #[track_caller]
    fn search(&mut self, canaries: &Canaries, what: &str, output: &Output) {
        let lines = lines_of(output);
        assert!(lines.iter().any(|line| !line.is_empty()), "{what} prints nothing: {output:?}");
        self.0.extend(canaries.found_in(&lines).iter().map(|leak| format!("{what}: {leak}")));
    }
}

impl Drop for Leaks {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{self:#?}");
        }
    }
}

#[test]
fn wrong_settings_are_reported_without_their_secrets() {
    let (canaries, mut leaks) = (Canaries::default(), Leaks::default());
    let folder = tempfile::tempdir().unwrap();
    let secret = || canaries.plant("a setting");
    let broken = [
        format!("[security]\noperator_token = \"{}\n", secret()),
        format!("[security]\nwebhook_secret = {}\n", secret()),
        format!("[security]\nwebhook_secret = [\"{}\"]\n", secret()),
        format!("[security]\nwebhook_secret = {{ a = \"{}\" }}\n", secret()),
        format!("[security]\noperator_tokn = \"{}\"\n", secret()),
        format!("[store]\nurl = \"mysql://u:{}@h/d\"\n", secret()),
        format!("security = \"{}\"\n", secret()),
    ];
    for (number, text) in broken.iter().enumerate() {
        let file = folder.path().join(format!("{number}.toml"));
        std::fs::write(&file, text).unwrap();
        for command in ["check", "serve"] {
            let output = run(folder.path(), &[], &["--config", file.to_str().unwrap(), command]);
            assert_eq!(output.status.code(), Some(78), "{text}: {output:?}");
            leaks.search(&canaries, text, &output);
        }
    }
    for (name, value) in [
        ("DATABASE_URL", format!("mysql://u:{}@h/d", secret())),
        ("BLOB_URL", format!("https://u:{}@h/b?token={}", secret(), secret())),
        ("PUBLIC_URL", format!("http://u:{}@h/?token={}", secret(), secret())),
        ("WEBHOOK_SECRET", format!("whsec_{}!", secret())),
        ("WEBHOOK_SECRET_PREVIOUS", secret()),
        ("HUEMILL__SECURITY__OPERATOR_TOKN", secret()),
        ("OTEL_TRACES_SAMPLER", "always".to_owned()),
    ] {
        for command in ["check", "serve"] {
            let more = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), (name, &*value)];
            let output = run(folder.path(), &more, &[command]);
            if command == "serve" || !name.starts_with("OTEL") {
                assert_eq!(output.status.code(), Some(78), "{name}: {output:?}");
            }
            leaks.search(&canaries, name, &output);
        }
    }
}

#[test]
fn a_start_that_fails_prints_no_secret() {
    let (canaries, mut leaks) = (Canaries::default(), Leaks::default());
    let folder = tempfile::tempdir().unwrap();
    let secret = || canaries.plant("a setting");
    for (name, value) in [
        ("DATABASE_URL", format!("postgres://u:{}@127.0.0.1:1/d", secret())),
        ("DATABASE_URL", format!("postgres://u:{}@127.0.0.1:x{}/d", secret(), secret())),
        ("DATABASE_URL", format!("postgres://u:{}@[::1/d?sslmode={}", secret(), secret())),
        ("DATABASE_URL", format!("postgres://u@127.0.0.1:1/d?password={}&x={}", secret(), secret())),
        ("BLOB_URL", format!("s3://u:{}@b/p?token={}", secret(), secret())),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://u:{}@127.0.0.1:1/{}", secret(), secret())),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://[::1/{}", secret())),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{} {}", secret(), secret())),
    ] {
        let (token, key) = (secret(), secret());
        let more = [("OPERATOR_TOKEN", &*token), ("AWS_SECRET_ACCESS_KEY", &key), (name, &value)];
        let output = run(folder.path(), &more, &["serve"]);
        assert!(!output.status.success(), "{name}: {output:?}");
        leaks.search(&canaries, &value, &output);
    }
}

#[test]
fn right_settings_are_shown_without_their_secrets() {
    let (canaries, mut leaks) = (Canaries::default(), Leaks::default());
    let folder = tempfile::tempdir().unwrap();
    let secret = || canaries.plant("a setting");
    let (token, key, previous) = (secret(), secret(), secret());
    let database = format!("postgres://u:{}@h/d?password={}", secret(), secret());
    let more = [
        ("OPERATOR_TOKEN", &*token),
        ("WEBHOOK_SECRET", &key),
        ("WEBHOOK_SECRET_PREVIOUS", &previous),
        ("DATABASE_URL", &database),
        ("AWS_SECRET_ACCESS_KEY", &key),
    ];
    let output = run(folder.path(), &more, &["check"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    leaks.search(&canaries, "check", &output);
    // The one command that prints a secret prints nothing else.
    let output = run(folder.path(), &more, &["secret", "operator"]);
    assert_eq!((&output.stdout[..], &output.stderr[..]), (format!("{token}\n").as_bytes(), &b""[..]));
}

#[test]
fn commands_that_fail_print_no_tokens_and_passwords() {
    let (canaries, mut leaks) = (Arc::new(Canaries::default()), Leaks::default());
    let key = canaries.plant("the webhook secret");
    let service = CanaryService::start(&canaries, &key, &[("REQUIRE_SIGNATURE", "true")]);
    let secret = || canaries.plant("a command's secret");
    let (address, folder) = (service.process.address, service.data());
    std::fs::write(folder.join("a.png"), crate::support::pictures::small_png()).unwrap();
    let servers = [
        format!("http://{address}"),
        format!("http://u:{}@{address}", secret()),
        format!("http://u:{}@127.0.0.1:1", secret()),
        format!("https://u:{}@127.0.0.1/?token={}", secret(), secret()),
        format!("http://127.0.0.1:1/?token={}", secret()),
        format!("u:{}@[::1", secret()),
    ];
    for server in &servers {
        let (token, wrong, callback) =
            (secret(), secret(), format!("http://u:{}@h/?token={}", secret(), secret()));
        for arguments in [
            vec!["deliveries", "list", "--token", &token],
            vec![
                "deliveries",
                "redeliver",
                "dlv_018c0000000000112233445566778899aabbccddeeff",
                "--token",
                &token,
            ],
            vec!["jobs", "list", "--token", &token],
            vec!["jobs", "cancel", "job_018c0000000000112233445566778899aabbccddeeff"],
            vec!["submit", "a.png", "--callback", &callback],
        ] {
            let arguments = [&arguments[..], &["--server", server, "--tries", "1"]].concat();
            let more = [("WEBHOOK_SECRET", &*wrong), ("OPERATOR_TOKEN", &wrong)];
            let output = run(folder, &more, &arguments);
            assert!(!output.status.success(), "{arguments:?}: {output:?}");
            leaks.search(&canaries, &format!("{arguments:?}"), &output);
        }
        let url = format!("{server}/ready?token={}", secret());
        let output = run(folder, &[], &["healthcheck", "--url", &url]);
        // The command prints nothing where all is well.
        leaks.0.extend(canaries.found_in(&lines_of(&output)));
        let output = run(folder, &[("HUEMILL_SERVER", server)], &["submit", "--help"]);
        leaks.search(&canaries, "help", &output);
    }
}
