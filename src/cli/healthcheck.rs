//! `huemill healthcheck`: asks a running service whether it is ready, for containers without curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::client::masked;
use super::terminal::refuse_settings;
use crate::settings::{Environment, Settings};

/// How long the response may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The arguments of `huemill healthcheck`.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// URL to request [default: /ready on server.operations, or else on the configured host and port]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Returns exit code 0 if the response has status 200, and 1 if it has another status or there is none.
#[allow(clippy::print_stderr, reason = "the reason belongs on the terminal or in the container's log")]
pub(super) fn run(args: &HealthcheckArgs, file: Option<&Path>) -> ExitCode {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => match Settings::load(file, &Environment::of_process()) {
            Ok(settings) => ready_url(&settings),
            Err(problems) => return refuse_settings(&problems),
        },
    };
    match actix_web::rt::System::new().block_on(check(&url)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{}: {reason}", masked(&url));
            ExitCode::FAILURE
        }
    }
}

/// The URL of /ready on the operators' own listener, or else on the configured host and port. A wildcard address is
/// replaced by the loopback address.
fn ready_url(settings: &Settings) -> String {
    if let Some(address) = settings.operations_address() {
        return format!("{}/ready", local_url(address));
    }
    let (host, port) = (settings.server.host.as_str(), settings.server.port);
    match host {
        "0.0.0.0" => format!("http://127.0.0.1:{port}/ready"),
        "::" | "[::]" => format!("http://[::1]:{port}/ready"),
        host if host.contains(':') && !host.starts_with('[') => format!("http://[{host}]:{port}/ready"),
        host => format!("http://{host}:{port}/ready"),
    }
}

/// The URL of a listener on this machine.
pub(super) fn local_url(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{address}")
}

async fn check(url: &str) -> Result<(), String> {
    let client = awc::Client::builder().timeout(TIMEOUT).disable_redirects().finish();
    let response = client.get(url).send().await.map_err(|error| error.to_string())?;
    if response.status() == 200 { Ok(()) } else { Err(format!("the response was {}", response.status())) }
}
