//! Hostile URLs (rows S1 to S18, S23, S24) at all three places that accept one: `/fetch_url`, a job's `urls` and its
//! `callback_url`. The service refuses each of them and connects to no forbidden server.

use serde_json::{Value, json};

use crate::answers::photo;
use crate::job_requests::{OPERATOR, accepted, ended, id};
use crate::support::{wait_for, wait_until};
use crate::test_server::{ForbiddenServer, TestServer, ok, redirect, spawn, start_name_server};
use crate::test_service::{TestService, assert_problem};

/// A server that the service may reach, one that it must not reach, and the service.
struct Fixture {
    server: TestServer,
    forbidden: ForbiddenServer,
    service: TestService,
}

impl Fixture {
    fn start(more: &[(&str, &str)]) -> Self {
        let forbidden = ForbiddenServer::start();
        let to = format!("127.0.0.1:{}", forbidden.port());
        let port = forbidden.port();
        let server = TestServer::start(move |path| match path {
            "/302" => redirect(302, &format!("http://{to}/")),
            "/307" => redirect(307, &format!("http://{to}/")),
            "/301" => redirect(301, &format!("//[::1]:{port}/")),
            "/303" => redirect(303, &format!("http://[::ffff:127.0.0.1]:{port}/")),
            "/file" => redirect(302, "file:///etc/passwd"),
            "/loop" => redirect(302, "/loop"),
            _ => ok(&photo("png")),
        });
        let service = spawn(&[server.port(), forbidden.port(), 80, 443], more);
        Self { server, forbidden, service }
    }

    /// Checks that the URL is refused at all three places: by the answer, or when the service uses it.
    fn assert_refused(&self, url: &str) {
        let fetched = self.service.post("/fetch_url").json(&json!({"url": url})).send().unwrap();
        assert_problem(fetched, 400, "INVALID_URL");
        self.assert_refused_in_job(url);
        self.assert_callback_refused(url, "blocked");
    }

    fn assert_refused_in_job(&self, url: &str) {
        let answer = self.service.post("/jobs").json(&json!({"urls": [url]})).send().unwrap();
        if answer.status() == 400 {
            assert_problem(answer, 400, "INVALID_URL");
            return;
        }
        let job = ended(&self.service, id(&accepted(answer)));
        assert_eq!(
            (&job["status"], &job["failed"][0]["error_code"]),
            (&json!("failed"), &json!("INVALID_URL")),
            "{url}"
        );
    }

    /// Checks that the callback is refused when the job is submitted, or for this reason when it is sent.
    fn assert_callback_refused(&self, url: &str, reason: &str) {
        let body = json!({"urls": [self.server.url("/good.png")], "callback_url": url});
        let answer = self.service.post("/jobs").json(&body).send().unwrap();
        if answer.status() == 400 {
            // A text that is longer than any field may be is not parsed.
            let code = if url.len() > 4_096 { "INVALID_INPUT" } else { "INVALID_URL" };
            assert_problem(answer, 400, code);
            return;
        }
        let path = format!("/webhooks/deliveries?job_id={}", id(&accepted(answer)));
        let attempt = wait_for(&format!("{url} is tried"), || {
            let list = self.service.client.get(self.service.url(&path)).bearer_auth(OPERATOR).send().unwrap();
            list.json::<Value>().unwrap().pointer("/deliveries/0/attempts/0").cloned()
        });
        assert_eq!(attempt["reason"], reason, "{url}: {attempt}");
    }

    /// Checks that the forbidden server was not reached and that the service is healthy.
    fn finish(&self) {
        self.forbidden.assert_not_reached();
        self.service.assert_healthy();
    }
}

#[test]
fn s1_to_s4_every_spelling_of_this_machine_is_refused() {
    let fixture = Fixture::start(&[]);
    let port = fixture.forbidden.port();
    for host in [
        "127.0.0.1",
        "127.0.0.3",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "127.1",
        "0",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "%31%32%37.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
    ] {
        fixture.assert_refused(&format!("http://{host}:{port}/x.png"));
    }
    fixture.assert_refused("http://127.0.0.1/x.png");
    fixture.finish();
}

#[test]
fn s5_to_s7_addresses_that_are_not_public_are_refused() {
    let fixture = Fixture::start(&[("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0")]);
    for host in [
        // S5
        "169.254.169.254",
        "[fd00:ec2::254]",
        "0xa9fea9fe",
        // S6
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.254",
        "192.168.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.0.1",
        "203.0.113.1",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
        // S7
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fe80::1%25eth0]",
        "[fe80::1]",
        "[ff02::1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1:7f00:0:100::]",
        "[2001:0:7f00:1::1]",
        "[2001:0:808:808::80ff:fffe]",
        "[2606:4700::5efe:127.0.0.1]",
        "[2606:4700::200:5efe:127.0.0.1]",
    ] {
        fixture.assert_refused(&format!("http://{host}/latest/meta-data/"));
    }
    fixture.finish();
}

#[test]
fn s8_names_that_resolve_to_this_machine_are_refused() {
    let servers = start_name_server().to_string();
    let fixture = Fixture::start(&[
        ("HUEMILL__OUTBOUND__NAMESERVERS", &servers),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0"),
    ]);
    let port = fixture.forbidden.port();
    for host in ["127.0.0.1.nip.example", "metadata.google.internal", "good.example"] {
        fixture.assert_refused(&format!("http://{host}:{port}/x.png"));
    }
    fixture.finish();
}

#[test]
fn w1_a_callback_is_refused_when_it_is_submitted_and_the_answer_says_of_what_class_the_reason_is() {
    let servers = start_name_server().to_string();
    let fixture = Fixture::start(&[("HUEMILL__OUTBOUND__NAMESERVERS", &servers)]);
    let picture = fixture.server.url("/good.png");
    let detail = |body: Value| {
        let answer = fixture.service.post("/jobs").json(&body).send().unwrap();
        assert_problem(answer, 400, "INVALID_URL")["detail"].as_str().unwrap().to_owned()
    };
    for (url, class) in [
        ("http://127.0.0.1.nip.example/done", "not public"),
        ("http://metadata.google.internal/", "not public"),
        ("http://0x7f000001/", "not public"),
        ("http://[::ffff:10.0.0.1]/", "not public"),
        ("http://nowhere.invalid/", "unresolvable"),
        ("ftp://example.org/", "scheme"),
        ("http://example.org:22/", "port is not allowed"),
        ("example.org", "malformed"),
    ] {
        let refused = detail(json!({"urls": [picture], "callback_url": url}));
        assert!(refused.starts_with("`callback_url`") && refused.contains(class), "{url}: {refused}");
        assert!(!refused.contains("127.0.0.1") && !refused.contains("10.0.0.1"), "{url}: {refused}");
        if class != "unresolvable" && !url.contains("nip") && !url.contains("metadata") {
            let refused = detail(json!({"urls": [url]}));
            assert!(refused.contains(class), "{url}: {refused}");
        }
        let fetched = fixture.service.post("/fetch_url").json(&json!({"url": url})).send().unwrap();
        let refused = assert_problem(fetched, 400, "INVALID_URL");
        assert!(refused["detail"].as_str().unwrap().contains(class), "{url}: {refused}");
    }
    fixture.finish();
}

#[test]
fn a_callback_is_accepted_while_no_name_server_answers() {
    // It receives the questions and is silent.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let servers = silent.local_addr().unwrap().to_string();
    let fixture = Fixture::start(&[("HUEMILL__OUTBOUND__NAMESERVERS", &servers)]);
    let body =
        json!({"urls": [fixture.server.url("/good.png")], "callback_url": "http://hooks.example/done"});
    accepted(fixture.service.post("/jobs").json(&body).send().unwrap());
}

#[test]
fn s11_redirects_are_checked_like_the_first_url_and_callbacks_follow_none() {
    let fixture = Fixture::start(&[("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0")]);
    for path in ["/302", "/307", "/301", "/303", "/file"] {
        let url = fixture.server.url(path);
        let fetched = fixture.service.post("/fetch_url").json(&json!({"url": url})).send().unwrap();
        assert_problem(fetched, 400, "INVALID_URL");
        fixture.assert_refused_in_job(&url);
        fixture.assert_callback_refused(&url, "redirect");
    }
    let looping = json!({"url": fixture.server.url("/loop")});
    assert_problem(fixture.service.post("/fetch_url").json(&looping).send().unwrap(), 502, "UPSTREAM_ERROR");
    fixture.finish();
}

#[test]
fn s14_to_s17_other_schemes_users_folded_letters_and_ports_are_refused() {
    let fixture = Fixture::start(&[]);
    let port = fixture.forbidden.port();
    for url in [
        // S14
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://example.org/x.png",
        "data:image/png;base64,aGk=",
        "jar:http://example.org/a.jar!/x.png",
        "dict://127.0.0.1:11211/stats",
        "javascript:alert(1)",
        "//example.org/x.png",
        "example.org/x.png",
        // S15
        "http://good.example@127.0.0.1/",
        "http://user:secret@example.org/",
        "http://@127.0.0.1/",
        "http://127.0.0.1:80\\@good.example/",
        "http:127.0.0.1/",
        "http:/127.0.0.1/",
        "http:///127.0.0.1/",
        "http://",
        // S17
        "http://example.org:22/",
        "http://example.org:25/",
        "http://example.org:6379/",
        "http://example.org:0/",
        "http://example.org:99999/",
    ] {
        fixture.assert_refused(url);
    }
    // S16
    for host in [
        "\u{24db}ocalhost",
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "\u{ff11}27.0.0.1",
    ] {
        fixture.assert_refused(&format!("http://{host}:{port}/"));
    }
    fixture.finish();
}

#[test]
fn s18_malformed_urls_are_refused_and_nothing_is_injected() {
    let fixture = Fixture::start(&[]);
    let good = fixture.server.url("/x");
    for bad in ["\0", "\r\nX-Injected: 1", "\n", "\t", " ", "\u{85}", "\u{a0}x", "\u{7f}"] {
        fixture.assert_refused(&format!("{good}{bad}.png"));
        fixture.assert_refused(&good.replace("/x", &format!("{bad}/x")));
    }
    fixture.assert_refused(&format!("{good}?{}", "x".repeat(100_000)));
    let seen = fixture.server.requests();
    assert!(seen.iter().all(|head| head.starts_with("GET /good.png ")), "{seen:?}");
    fixture.finish();
}

#[test]
fn s23_a_proxy_in_the_environment_is_ignored() {
    let proxy = ForbiddenServer::start();
    let address = format!("http://{}", proxy.address);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"];
    let fixture = Fixture::start(&names.map(|name| (name, address.as_str())));
    let fetched = fixture
        .service
        .post("/fetch_url")
        .json(&json!({"url": fixture.server.url("/a.png")}))
        .send()
        .unwrap();
    assert_eq!(fetched.status(), 200);
    let body = json!({"urls": [fixture.server.url("/b.png")], "callback_url": fixture.server.url("/hook")});
    let job = accepted(fixture.service.post("/jobs").json(&body).send().unwrap());
    assert_eq!(ended(&fixture.service, id(&job))["status"], "completed");
    wait_until("the callback is called", || {
        fixture.server.requests().iter().any(|head| head.starts_with("POST /hook "))
    });
    proxy.assert_not_reached();
    fixture.finish();
}

#[test]
fn s24_the_service_does_not_call_itself() {
    // A port that was free a moment ago: the service must know its own before it starts.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = port.to_string();
    let fixture = Fixture::start(&[
        ("PORT", &text),
        ("PUBLIC_URL", "http://huemill.example"),
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.0/8"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &format!("80,{port}")),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0"),
    ]);
    let assert_refused = |url: &str| {
        let fetched = fixture.service.post("/fetch_url").json(&json!({"url": url})).send().unwrap();
        assert_problem(fetched, 400, "INVALID_URL");
        fixture.assert_refused_in_job(url);
    };
    for host in ["127.0.0.1", "127.0.0.9", "localhost"] {
        assert_refused(&format!("http://{host}:{port}/health"));
    }
    assert_refused("http://huemill.example/health");
    assert_refused("http://HUEMILL.example.:80/health");
    let zip = crate::job_requests::album(1, 0);
    let form = crate::job_requests::zip_form(zip).text("callback_url", "http://huemill.example/jobs");
    assert_problem(fixture.service.post("/jobs").multipart(form).send().unwrap(), 400, "INVALID_URL");
    fixture.service.assert_healthy();
}
