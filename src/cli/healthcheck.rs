//! `huemill healthcheck`: asks a running service, for containers that have no curl.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::EXIT_CONFIG;
use super::client::masked;
use crate::settings::{Environment, Settings};

/// How long the answer may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What to ask.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// The address to ask; /ready of the configured host and port unless given.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Exit code 0 where the answer is 200, 1 where it is not or none comes.
#[allow(clippy::print_stderr, reason = "what is wrong belongs on the terminal or in the container's log")]
pub(super) fn run(args: &HealthcheckArgs, file: Option<&Path>) -> ExitCode {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => match Settings::load(file, &Environment::of_process()) {
            Ok(settings) => own_address(&settings),
            Err(problems) => {
                eprint!("{problems}");
                return ExitCode::from(EXIT_CONFIG);
            }
        },
    };
    match actix_web::rt::System::new().block_on(ask(&url)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{}: {what}", masked(&url));
            ExitCode::FAILURE
        }
    }
}

/// /ready at the configured port; a wildcard address is asked on the loopback.
fn own_address(settings: &Settings) -> String {
    let (host, port) = (settings.server.host.as_str(), settings.server.port);
    match host {
        "0.0.0.0" => format!("http://127.0.0.1:{port}/ready"),
        "::" | "[::]" => format!("http://[::1]:{port}/ready"),
        host if host.contains(':') && !host.starts_with('[') => format!("http://[{host}]:{port}/ready"),
        host => format!("http://{host}:{port}/ready"),
    }
}

async fn ask(url: &str) -> Result<(), String> {
    let client = awc::Client::builder().timeout(TIMEOUT).disable_redirects().finish();
    let answer = client.get(url).send().await.map_err(|error| error.to_string())?;
    if answer.status() == 200 { Ok(()) } else { Err(format!("answered {}", answer.status())) }
}
