//! Hostile URLs (rows S1 to S18, S23, S24) at all three places that take one: `/fetch_url`, a job's `urls`, its
//! `callback_url`. Wherever they are found out, nobody may be reached.

use serde_json::{Value, json};

use crate::app::{App, PATIENCE, assert_problem, wait};
use crate::cards::photo;
use crate::jobs_app::{OPERATOR, accepted, ended, id};
use crate::site::{Canary, Site, name_server, ok, redirect, spawn};

/// A site that may be reached, and a service that reaches it.
struct Ground {
    site: Site,
    canary: Canary,
    app: App,
}

impl Ground {
    fn new(more: &[(&str, &str)]) -> Self {
        let canary = Canary::new();
        let to = format!("127.0.0.1:{}", canary.port());
        let port = canary.port();
        let site = Site::open(move |path| match path {
            "/302" => redirect(302, &format!("http://{to}/")),
            "/307" => redirect(307, &format!("http://{to}/")),
            "/301" => redirect(301, &format!("//[::1]:{port}/")),
            "/303" => redirect(303, &format!("http://[::ffff:127.0.0.1]:{port}/")),
            "/file" => redirect(302, "file:///etc/passwd"),
            "/loop" => redirect(302, "/loop"),
            _ => ok(&photo("png")),
        });
        let app = spawn(&[site.port(), canary.port(), 80, 443], more);
        Self { site, canary, app }
    }

    /// Fails unless the URL is refused at all three places: by the answer, or once it is tried.
    fn refuses(&self, url: &str) {
        let fetched = self.app.post("/fetch_url").json(&json!({"url": url})).send().unwrap();
        assert_problem(fetched, 400, "INVALID_URL");
        self.refuses_in_a_job(url);
        self.refuses_to_call(url, "blocked");
    }

    fn refuses_in_a_job(&self, url: &str) {
        let answer = self.app.post("/jobs").json(&json!({"urls": [url]})).send().unwrap();
        if answer.status() == 400 {
            assert_problem(answer, 400, "INVALID_URL");
            return;
        }
        let job = ended(&self.app, id(&accepted(answer)));
        assert_eq!(
            (&job["status"], &job["failed"][0]["error_code"]),
            (&json!("failed"), &json!("INVALID_URL")),
            "{url}"
        );
    }

    /// Refused at intake, or else for this reason when it is tried.
    fn refuses_to_call(&self, url: &str, reason: &str) {
        let body = json!({"urls": [self.site.url("/good.png")], "callback_url": url});
        let answer = self.app.post("/jobs").json(&body).send().unwrap();
        if answer.status() == 400 {
            // What is longer than any field may be is not looked at any further.
            let code = if url.len() > 4_096 { "INVALID_INPUT" } else { "INVALID_URL" };
            assert_problem(answer, 400, code);
            return;
        }
        let path = format!("/webhooks/deliveries?job_id={}", id(&accepted(answer)));
        let attempt = wait(PATIENCE, || {
            let list = self.app.client.get(self.app.url(&path)).bearer_auth(OPERATOR).send().unwrap();
            list.json::<Value>().unwrap().pointer("/deliveries/0/attempts/0").cloned()
        })
        .unwrap_or_else(|| panic!("{url} was never tried"));
        assert_eq!(attempt["reason"], reason, "{url}: {attempt}");
    }

    fn ends(&self) {
        self.canary.assert_untouched();
        self.app.assert_well();
    }
}

#[test]
fn s1_to_s4_this_machine_in_every_spelling() {
    let ground = Ground::new(&[]);
    let port = ground.canary.port();
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
        ground.refuses(&format!("http://{host}:{port}/x.png"));
    }
    ground.refuses("http://127.0.0.1/x.png");
    ground.ends();
}

#[test]
fn s5_to_s7_addresses_that_are_not_public() {
    let ground = Ground::new(&[("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0")]);
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
        ground.refuses(&format!("http://{host}/latest/meta-data/"));
    }
    ground.ends();
}

#[test]
fn s8_names_that_lead_to_this_machine() {
    let servers = name_server().to_string();
    let ground = Ground::new(&[
        ("HUEMILL__OUTBOUND__NAMESERVERS", &servers),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0"),
    ]);
    let port = ground.canary.port();
    for host in ["127.0.0.1.nip.example", "metadata.google.internal", "good.example"] {
        ground.refuses(&format!("http://{host}:{port}/x.png"));
    }
    ground.ends();
}

#[test]
fn s11_redirects_are_judged_as_the_first_url_was_and_callbacks_follow_none() {
    let ground = Ground::new(&[("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0")]);
    for path in ["/302", "/307", "/301", "/303", "/file"] {
        let url = ground.site.url(path);
        let fetched = ground.app.post("/fetch_url").json(&json!({"url": url})).send().unwrap();
        assert_problem(fetched, 400, "INVALID_URL");
        ground.refuses_in_a_job(&url);
        ground.refuses_to_call(&url, "redirect");
    }
    let looping = json!({"url": ground.site.url("/loop")});
    assert_problem(ground.app.post("/fetch_url").json(&looping).send().unwrap(), 502, "UPSTREAM_ERROR");
    ground.ends();
}

#[test]
fn s14_to_s17_other_schemes_users_folded_letters_and_ports() {
    let ground = Ground::new(&[]);
    let port = ground.canary.port();
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
        ground.refuses(url);
    }
    // S16
    for host in [
        "\u{24db}ocalhost",
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "\u{ff11}27.0.0.1",
    ] {
        ground.refuses(&format!("http://{host}:{port}/"));
    }
    ground.ends();
}

#[test]
fn s18_what_is_no_plain_url_is_refused_and_nothing_is_injected() {
    let ground = Ground::new(&[]);
    let good = ground.site.url("/x");
    for bad in ["\0", "\r\nX-Injected: 1", "\n", "\t", " ", "\u{85}", "\u{a0}x", "\u{7f}"] {
        ground.refuses(&format!("{good}{bad}.png"));
        ground.refuses(&good.replace("/x", &format!("{bad}/x")));
    }
    ground.refuses(&format!("{good}?{}", "x".repeat(100_000)));
    let seen = ground.site.requests();
    assert!(seen.iter().all(|head| head.starts_with("GET /good.png ")), "{seen:?}");
    ground.ends();
}

#[test]
fn s23_a_proxy_in_the_environment_is_ignored() {
    let proxy = Canary::new();
    let address = format!("http://{}", proxy.address);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"];
    let ground = Ground::new(&names.map(|name| (name, address.as_str())));
    let fetched =
        ground.app.post("/fetch_url").json(&json!({"url": ground.site.url("/a.png")})).send().unwrap();
    assert_eq!(fetched.status(), 200);
    let body = json!({"urls": [ground.site.url("/b.png")], "callback_url": ground.site.url("/hook")});
    let job = accepted(ground.app.post("/jobs").json(&body).send().unwrap());
    assert_eq!(ended(&ground.app, id(&job))["status"], "completed");
    let called = || ground.site.requests().iter().any(|head| head.starts_with("POST /hook ")).then_some(());
    wait(PATIENCE, called).unwrap();
    proxy.assert_untouched();
    ground.ends();
}

#[test]
fn s24_this_very_service_is_not_asked() {
    // A port that was free a moment ago: the service must know its own before it starts.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = port.to_string();
    let ground = Ground::new(&[
        ("PORT", &text),
        ("PUBLIC_URL", "http://huemill.example"),
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.0/8"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &format!("80,{port}")),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0"),
    ]);
    let asked = |url: &str| {
        let fetched = ground.app.post("/fetch_url").json(&json!({"url": url})).send().unwrap();
        assert_problem(fetched, 400, "INVALID_URL");
        ground.refuses_in_a_job(url);
    };
    for host in ["127.0.0.1", "127.0.0.9", "localhost"] {
        asked(&format!("http://{host}:{port}/health"));
    }
    asked("http://huemill.example/health");
    asked("http://HUEMILL.example.:80/health");
    let zip = crate::jobs_app::album(1, 0);
    let form = crate::jobs_app::zip_form(zip).text("callback_url", "http://huemill.example/jobs");
    assert_problem(ground.app.post("/jobs").multipart(form).send().unwrap(), 400, "INVALID_URL");
    ground.app.assert_well();
}
