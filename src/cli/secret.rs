//! `huemill secret`: prints a secret that is in force, and is the only place that does. Configured, else kept in the
//! store, where it is made if it is missing. Works beside a running service. Where no store is, it makes none: the
//! secret of a store that nobody uses would be in force nowhere.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use super::client::Client;
use super::process::complain;
use super::{EXIT_CONFIG, print};
use crate::settings::{Environment, Problems, Settings};
use crate::storage::{self, Named, StorageError};

/// Which secret.
#[derive(Debug, Args)]
pub(super) struct SecretArgs {
    #[arg(value_enum)]
    name: Which,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// The operator's bearer token
    Operator,
    /// What webhooks are signed with
    Webhook,
}

/// Why there is no token to be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("the settings cannot be used:\n{0}")]
    Settings(Problems),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(
        "this needs the operator's token: give it by --token, OPERATOR_TOKEN or OPERATOR_TOKEN_FILE, or run this \
         with the service's own settings; `huemill secret operator` prints it there"
    )]
    None,
}

/// Prints it.
pub(super) fn run(args: &SecretArgs, file: Option<&Path>) -> ExitCode {
    let settings = match Settings::load(file, &Environment::of_process()) {
        Ok(settings) => settings,
        Err(problems) => {
            complain_of(&problems);
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let name = match args.name {
        Which::Operator => Named::Operator,
        Which::Webhook => Named::Webhook,
    };
    match actix_web::rt::System::new().block_on(storage::secret(&settings, name)) {
        Ok(secret) => {
            print(secret.expose_secret());
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// A line a problem.
pub(super) fn complain_of(problems: &Problems) {
    for line in problems.to_string().lines() {
        complain(line);
    }
}

/// The operator's token: the given one, else as [`token_for`] finds it.
pub(super) async fn token(
    given: Option<&str>,
    client: &Client,
    file: Option<&Path>,
) -> Result<String, TokenError> {
    match given {
        Some(token) => Ok(token.to_owned()),
        None => token_for(client, file).await,
    }
}

/// The operator's token for this service: the configured one, else, for a service on this machine, that of the store
/// that the settings name, if it is there.
async fn token_for(client: &Client, file: Option<&Path>) -> Result<String, TokenError> {
    let settings = Settings::load(file, &Environment::of_process()).map_err(TokenError::Settings)?;
    let token = &settings.security.operator_token;
    if !token.expose_secret().is_empty() {
        return Ok(exposed(token));
    }
    if !client.is_local() || !storage::is_there(&settings) {
        return Err(TokenError::None);
    }
    Ok(exposed(&storage::secret(&settings, Named::Operator).await?))
}

fn exposed(token: &SecretString) -> String {
    token.expose_secret().to_owned()
}
