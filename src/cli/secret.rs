//! `huemill secret`: prints the operator token or the webhook secret. Nothing else prints secrets.
//!
//! The secret is the configured one, or else the one in the store, which is generated if it is missing. The command
//! works beside a running service. It does not create a store, because no service would use that store's secrets.
//! Other commands use [`token`] to find the operator token.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use super::client::Client;
use super::terminal::{EXIT_CONFIG, eprint_line, print_line};
use crate::settings::{Environment, Problems, Settings};
use crate::storage::{self, SecretName, StorageError};

/// The arguments of `huemill secret`.
#[derive(Debug, Args)]
pub(super) struct SecretArgs {
    #[arg(value_enum)]
    name: SecretArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SecretArg {
    /// The bearer token of the operator
    Operator,
    /// The secret that signs webhooks
    Webhook,
}

/// Why no operator token was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("the settings are not valid:\n{0}")]
    Settings(Problems),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(
        "this command requires the operator token: pass it with --token, OPERATOR_TOKEN or OPERATOR_TOKEN_FILE, \
         or run the command with the service's settings; `huemill secret operator` prints the token there"
    )]
    None,
}

pub(super) fn run(args: &SecretArgs, file: Option<&Path>) -> ExitCode {
    let settings = match Settings::load(file, &Environment::of_process()) {
        Ok(settings) => settings,
        Err(problems) => {
            print_problems(&problems);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let name = match args.name {
        SecretArg::Operator => SecretName::Operator,
        SecretArg::Webhook => SecretName::Webhook,
    };
    match actix_web::rt::System::new().block_on(storage::secret(&settings, name)) {
        Ok(secret) => {
            print_line(secret.expose_secret());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint_line(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Prints one line for each problem.
pub(super) fn print_problems(problems: &Problems) {
    for line in problems.to_string().lines() {
        eprint_line(line);
    }
}

/// Returns the given operator token, or else finds one.
pub(super) async fn token(
    given: Option<&str>,
    client: &Client,
    file: Option<&Path>,
) -> Result<String, TokenError> {
    match given {
        Some(token) => Ok(token.to_owned()),
        None => find_token(client, file).await,
    }
}

/// Returns the configured operator token. For a service on this machine, falls back to the token in the store that the
/// settings name, if that store exists.
async fn find_token(client: &Client, file: Option<&Path>) -> Result<String, TokenError> {
    let settings = Settings::load(file, &Environment::of_process()).map_err(TokenError::Settings)?;
    let token = &settings.security.operator_token;
    if !token.expose_secret().is_empty() {
        return Ok(exposed(token));
    }
    if !client.is_local() || !storage::store_exists(&settings) {
        return Err(TokenError::None);
    }
    Ok(exposed(&storage::secret(&settings, SecretName::Operator).await?))
}

fn exposed(token: &SecretString) -> String {
    token.expose_secret().to_owned()
}
