//! Loading the settings: sources, precedence, and reporting all problems at once.

#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

use std::io::Write;

use huemill::settings::{DEFAULTS, Environment, Problems, Settings};
use secrecy::ExposeSecret;

fn load(environment: &[(&str, &str)]) -> Result<Settings, Problems> {
    Settings::load(None, &environment.iter().copied().collect())
}

fn keys(problems: Problems) -> Vec<String> {
    problems.0.into_iter().map(|problem| problem.key).collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn the_defaults_are_valid() {
    let settings = load(&[]).unwrap();
    assert_eq!((settings.server.host.as_str(), settings.server.port), ("127.0.0.1", 8080));
    assert_eq!((settings.limits.image_bytes, settings.limits.zip_bytes), (50 << 20, 500 << 20));
}

#[test]
fn every_key_of_the_defaults_has_a_comment() {
    let mut documented = false;
    for line in DEFAULTS.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(documented, "no comment above: {line}");
        }
        documented = line.starts_with('#');
    }
}

#[test]
fn check_prints_the_defaults_where_nothing_is_set() {
    let value = |text: &str| -> toml::Table { text.parse().unwrap() };
    assert_eq!(value(&load(&[]).unwrap().to_string()), value(DEFAULTS));
}

#[test]
fn the_environment_overrides_the_file_and_the_file_overrides_the_defaults() {
    let file = file("[server]\nport = 1111\nthreads = 7\n[workers]\ncount = 3\n");
    let environment: Environment = [("HUEMILL__SERVER__PORT", "2222")].into_iter().collect();
    let settings = Settings::load(Some(file.path()), &environment).unwrap();
    assert_eq!((settings.server.port, settings.server.threads, settings.workers.count), (2222, 7, 3));
}

#[test]
fn short_variable_names_set_their_keys() {
    let settings = load(&[
        ("HOST", "0.0.0.0"),
        ("PORT", "9000"),
        ("DATA_DIR", "/var/lib/huemill"),
        ("RUST_LOG", "warn"),
        ("PUBLIC_URL", "https://huemill.example"),
        ("WEBHOOK_SECRET", "whsec_0123456789abcdef"),
        ("REQUIRE_SIGNATURE", "true"),
    ])
    .unwrap();
    assert_eq!((settings.server.host.as_str(), settings.server.port), ("0.0.0.0", 9000));
    assert_eq!(settings.data.dir.to_str(), Some("/var/lib/huemill"));
    assert_eq!(
        (settings.log.filter.as_str(), settings.public.url.as_str()),
        ("warn", "https://huemill.example")
    );
    assert_eq!(settings.security.webhook_secret.expose_secret(), "whsec_0123456789abcdef");
    assert!(settings.security.require_signature);
}

#[test]
fn a_secret_can_come_from_a_file_and_is_never_printed() {
    let file = file("file-secret-0123456789\n");
    let settings = load(&[("OPERATOR_TOKEN_FILE", file.path().to_str().unwrap())]).unwrap();
    assert_eq!(settings.security.operator_token.expose_secret(), "file-secret-0123456789");
    assert!(!format!("{settings}{settings:?}").contains("file-secret"));
}

#[test]
fn lists_are_comma_separated() {
    let settings = load(&[("HUEMILL__CORS__ORIGINS", "https://a.example, https://b.example")]).unwrap();
    assert_eq!(settings.cors.origins, ["https://a.example", "https://b.example"]);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let settings = load(&[
        ("HOST", ""),
        ("PORT", ""),
        ("PUBLIC_URL", ""),
        ("RUST_LOG", ""),
        ("WEBHOOK_SECRET", ""),
        ("WEBHOOK_SECRET_FILE", ""),
        ("REQUIRE_SIGNATURE", ""),
        ("HUEMILL__SERVER__THREADS", ""),
        ("HUEMILL__CORS__ORIGINS", ""),
        ("HUEMILL__NO__SUCH_KEY", ""),
    ]);
    assert_eq!(settings.unwrap().to_string(), load(&[]).unwrap().to_string());
    let file = file("file-secret-0123456789");
    let settings = load(&[("WEBHOOK_SECRET", ""), ("WEBHOOK_SECRET_FILE", file.path().to_str().unwrap())]);
    assert_eq!(settings.unwrap().security.webhook_secret.expose_secret(), "file-secret-0123456789");
}

#[test]
fn an_empty_file_of_a_secret_counts_as_not_set() {
    let file = file("\n");
    let path = file.path().to_str().unwrap();
    let settings = load(&[("WEBHOOK_SECRET", "0123456789abcdef"), ("WEBHOOK_SECRET_FILE", path)]).unwrap();
    assert_eq!(settings.security.webhook_secret.expose_secret(), "0123456789abcdef");
}

#[test]
fn a_short_webhook_secret_is_taken_unless_there_are_access_keys() {
    let short =
        |name, mode| load(&[(name, "short"), ("WEBHOOK_SECRET", "short"), ("HUEMILL__ACCESS__MODE", mode)]);
    for name in ["WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS"] {
        let settings = short(name, "open").unwrap();
        assert!(settings.has_short_webhook_secret());
        let problems = keys(short(name, "keys").unwrap_err());
        assert!(problems.contains(&format!("security.{}", name.to_lowercase())), "{problems:?}");
    }
    assert!(!load(&[]).unwrap().has_short_webhook_secret());
    assert!(!load(&[("WEBHOOK_SECRET", "0123456789abcdef")]).unwrap().has_short_webhook_secret());
}

#[test]
fn all_problems_are_reported_at_once() {
    let file = file("[server]\nprot = 1\nthreads = \"many\"\n[nonsense]\nx = 1\n");
    let environment: Environment = [
        ("HUEMILL__WORKERS__COUNT", "-1"),
        ("PORT", "eighty"),
        ("HUEMILL__WROKERS__COUNT", "1"),
        ("OPERATOR_TOKEN_FILE", "/nowhere"),
    ]
    .into_iter()
    .collect();
    let problems = Settings::load(Some(file.path()), &environment).unwrap_err();
    let text = problems.to_string();
    for part in [
        "server.prot",
        "did you mean server.port?",
        "server.threads",
        "nonsense.x",
        "workers.count (HUEMILL__",
        "server.port (PORT)",
        "wrokers.count",
        "OPERATOR_TOKEN_FILE",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(problems.0.len(), 7, "{text}");
}

#[test]
fn wrong_types_unknown_keys_wrong_values_and_contradictions_are_reported_together() {
    let file = file(
        "[server]\nport = \"many\"\nthreads = 0\n[tls]\ncertificate = [5]\nkey = \"tls.key\"\n[workers]\nqueu = 1\n",
    );
    let path = file.path().display().to_string();
    let environment: Environment = [
        ("HUEMILL__LIMITS__ZIP_PICTURES", "some"),
        ("HUEMILL__STORE__CONNECTIONS", "0"),
        ("HUEMILL__STORE__STATEMENT_TIMEOUT_MS", "3000"),
        ("REQUIRE_SIGNATURE", "true"),
        ("WEBHOOK_SECRET_FILE", "/nowhere"),
    ]
    .into_iter()
    .collect();
    let problems = Settings::load(Some(file.path()), &environment).unwrap_err();
    let text = problems.to_string();
    let found: Vec<_> =
        problems.0.iter().map(|problem| (problem.key.as_str(), problem.place.as_str())).collect();
    // Nothing is said of the rules that depend on a value which could not be used: those of the key's certificate, and of
    // the secret that signatures require.
    assert_eq!(
        found,
        [
            ("security.webhook_secret", "WEBHOOK_SECRET_FILE"),
            ("server.port", &path),
            ("tls.certificate", &path),
            ("workers.queu", &path),
            ("limits.zip_pictures", "HUEMILL__LIMITS__ZIP_PICTURES"),
            ("server.threads", &path),
            ("store.connections", "HUEMILL__STORE__CONNECTIONS"),
            ("store.lock_timeout_ms", ""),
        ],
        "{text}"
    );
    let lines = [
        format!("server.threads ({path}): must be from 1 to 256\n"),
        "store.connections (HUEMILL__STORE__CONNECTIONS): must be from 1 to 1000\n".into(),
        "store.lock_timeout_ms: must be at least 10 and not above store.statement_timeout_ms\n".into(),
    ];
    assert!(lines.iter().all(|line| text.contains(line)), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_hides_rules_but_not_the_environments_problems() {
    let environment = [("PORT", "x"), ("REQUIRE_SIGNATURE", "true")].into_iter().collect();
    let problems = Settings::load(Some(std::path::Path::new("/nowhere/huemill.toml")), &environment);
    assert_eq!(keys(problems.unwrap_err()), ["/nowhere/huemill.toml", "server.port"]);
}

#[test]
fn a_value_of_the_wrong_type_is_reported_with_what_is_allowed() {
    for (name, value, message) in [
        ("PORT", "99999", "server.port (PORT): is \"99999\"; it must be a whole number from 0 to 65535"),
        ("PORT", "-1", "server.port (PORT): is \"-1\"; it must be a whole number from 0 to 65535"),
        (
            "HUEMILL__LIMITS__IMAGE_SIDE",
            "5000000000",
            "limits.image_side (HUEMILL__LIMITS__IMAGE_SIDE): is \"5000000000\"; it must be a whole number from 0 \
             to 4294967295",
        ),
        (
            "HUEMILL__WORKERS__COUNT",
            "1.5",
            "workers.count (HUEMILL__WORKERS__COUNT): is \"1.5\"; it must be a whole number, 0 or more",
        ),
        ("REQUIRE_SIGNATURE", "maybe", "it must be true or false"),
        (
            "HUEMILL__ACCESS__MODE",
            "key",
            "access.mode (HUEMILL__ACCESS__MODE): is \"key\"; it must be open or keys",
        ),
        ("HUEMILL__SERVER__FORWARDED_HEADERS", "both", "is \"both\"; it must be x-forwarded or forwarded"),
        ("HUEMILL__SERVER__ROLE", "boss", "is \"boss\"; it must be all, web or worker"),
        (
            "HUEMILL__OUTBOUND__ALLOW_PORTS",
            "443,abc",
            "is [\"443\", \"abc\"]; it must be a list of whole numbers from 0 to 65535",
        ),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "soon", "it must be a list of whole numbers, 0 or more"),
        ("HUEMILL__OUTBOUND__REDIRECTS", "256", "it must be a whole number from 0 to 255"),
        ("HUEMILL__HEALTH__MEMORY_USED_RATIO", "much", "it must be a number"),
        (
            "HUEMILL__SERVER__PROT",
            "1",
            "server.prot (HUEMILL__SERVER__PROT): unknown key; did you mean server.port?",
        ),
    ] {
        let text = load(&[(name, value)]).unwrap_err().to_string();
        assert!(text.contains(message), "{message} is missing in {text}");
    }
    for name in ["HUEMILL__SERVER__BANANA", "HUEMILL__NONSENSE"] {
        let text = load(&[(name, "1")]).unwrap_err().to_string();
        assert!(text.ends_with("unknown key\n"), "nothing is like {name}: {text}");
    }
    let file = file(
        "[server]\nport = 99999\nhost = [\"a\"]\n[security]\noperator_token = [\"secret-0123456789\"]\n",
    );
    let text = Settings::load(Some(file.path()), &Environment::default()).unwrap_err().to_string();
    for part in ["is 99999; it must be a whole number from 0 to 65535", "is a list; it must be a string"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains("secret-0123456789"), "{text}");
}

#[test]
fn every_problem_with_a_value_says_what_the_value_must_be() {
    let defaults: toml::Table = DEFAULTS.parse().unwrap();
    for (section, keys) in &defaults {
        for key in keys.as_table().unwrap().keys() {
            let name = format!("HUEMILL__{section}__{key}").to_uppercase();
            let problems =
                load(&[(&name, "no such value")]).map_or_else(|problems| problems.0, |_| Vec::new());
            for problem in problems {
                let says_what = problem.what.contains("must ") || problem.what.starts_with("requires ");
                assert!(says_what, "{section}.{key}: {}", problem.what);
            }
        }
    }
}

#[test]
fn violations_of_ranges_and_of_rules_between_keys_are_reported_at_once() {
    let problems = load(&[
        ("HUEMILL__SERVER__THREADS", "0"),
        ("HUEMILL__HEALTH__STALE_SECONDS", "5"),
        ("HUEMILL__UPLOADS__IN_FLIGHT_BYTES", "1000"),
        ("HUEMILL__CORS__ORIGINS", "https://app.example/path"),
        ("REQUIRE_SIGNATURE", "true"),
        ("OPERATOR_TOKEN", "short"),
        ("PUBLIC_URL", "huemill.example"),
        ("RUST_LOG", "loud"),
        ("HUEMILL__STORE__CONNECTIONS", "0"),
        ("HUEMILL__STORE__STATEMENT_TIMEOUT_MS", "3000"),
    ]);
    let keys = keys(problems.unwrap_err());
    assert_eq!(
        keys,
        [
            "server.threads",
            "log.filter",
            "cors.origins",
            "uploads.in_flight_bytes",
            "health.stale_seconds",
            "store.connections",
            "store.lock_timeout_ms",
            "security.operator_token",
            "security.require_signature",
            "public.url"
        ]
    );
}

#[test]
fn the_settings_of_a_bucket_are_validated() {
    for (variables, wrong) in [
        (&[("HUEMILL__BLOBS__RETRIES", "101")][..], Some("blobs.retries")),
        (&[("HUEMILL__BLOBS__RETRIES", "0"), ("HUEMILL__BLOBS__RETRY_SECONDS", "240")], None),
        (&[("HUEMILL__BLOBS__RETRY_SECONDS", "0")], Some("blobs.retry_seconds")),
        (&[("HUEMILL__BLOBS__RETRY_SECONDS", "241")], Some("blobs.retry_seconds")),
        (&[("HUEMILL__BLOBS__ENCRYPTION", "aes256")], Some("blobs.encryption")),
        (&[("HUEMILL__BLOBS__KMS_KEY", "key")], Some("blobs.kms_key")),
        (
            &[("HUEMILL__BLOBS__ENCRYPTION", "AES256"), ("HUEMILL__BLOBS__KMS_KEY", "key")],
            Some("blobs.kms_key"),
        ),
        (&[("HUEMILL__BLOBS__ENCRYPTION", "aws:kms:dsse"), ("HUEMILL__BLOBS__KMS_KEY", "key")], None),
    ] {
        let found = load(variables).map_or_else(keys, |_| Vec::new());
        assert_eq!(found, Vec::from_iter(wrong), "{variables:?}");
    }
}

#[test]
fn the_operators_listener_has_an_address_and_a_port() {
    for (text, is_valid) in
        [("", true), ("127.0.0.1:9090", true), ("[::1]:9090", true), ("9090", false), ("ops:9090", false)]
    {
        let found = load(&[("HUEMILL__SERVER__OPERATIONS", text)]).map_or_else(keys, |_| Vec::new());
        assert_eq!(found.is_empty(), is_valid, "{text}: {found:?}");
    }
}

#[test]
fn an_origin_that_no_browser_sends_is_refused() {
    for (text, is_valid) in [
        ("*", true),
        ("https://app.example", true),
        ("http://localhost:3000", true),
        ("https://*.example.com", true),
        ("https://*.example.com:8443", true),
        ("https://app.example/", false),
        ("https://App.example", false),
        ("https://app.example:443", false),
        ("https://a.*.example.com", false),
        ("https://*example.com", false),
        ("https://*.*.example.com", false),
        ("*.example.com", false),
        ("null", false),
    ] {
        let found = load(&[("HUEMILL__CORS__ORIGINS", text)]).map_or_else(keys, |_| Vec::new());
        assert_eq!(found.is_empty(), is_valid, "{text}: {found:?}");
    }
}

#[test]
fn tls_needs_a_certificate_and_its_key() {
    let (certificate, key, authorities) = (
        ("HUEMILL__TLS__CERTIFICATE", "tls.crt"),
        ("HUEMILL__TLS__KEY", "tls.key"),
        ("HUEMILL__TLS__CLIENT_CA", "ca.crt"),
    );
    for (variables, wrong) in [
        (&[certificate, key][..], &[][..]),
        (&[certificate, key, authorities], &[]),
        (&[certificate], &["tls.key"]),
        (&[key], &["tls.key"]),
        (&[authorities], &["tls.client_ca"]),
    ] {
        let found = load(variables).map_or_else(keys, |_| Vec::new());
        assert_eq!(found, wrong, "{variables:?}");
    }
}

#[test]
fn an_invalid_secret_is_reported_without_its_value() {
    let text = load(&[("OPERATOR_TOKEN", "tooshort")]).unwrap_err().to_string();
    assert!(text.contains("security.operator_token") && !text.contains("tooshort"), "{text}");
}

#[test]
fn a_missing_or_invalid_file_is_reported() {
    let missing =
        Settings::load(Some(std::path::Path::new("/nowhere/huemill.toml")), &Environment::default());
    assert!(missing.unwrap_err().to_string().contains("/nowhere/huemill.toml"));
    let broken = file("[server\n");
    assert!(
        Settings::load(Some(broken.path()), &Environment::default())
            .unwrap_err()
            .to_string()
            .contains("not valid TOML")
    );
}
