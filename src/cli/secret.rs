//! `huemill secret`: prints the operator token or the webhook secret. Nothing else prints secrets.
//!
//! The secret is the configured one, or else the one in the store, which is generated if it is missing. The command
//! works beside a running service. It does not create a store, because no service would use that store's secrets.
//! Other commands use [`token`] to find the operator token.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use secrecy::ExposeSecret;

use super::client::Client;
use super::terminal::{block_on, print_line, with_settings};
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
    #[error("the settings are not valid")]
    Settings(#[from] Problems),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(
        "this command requires the operator token: pass it with --token, OPERATOR_TOKEN or OPERATOR_TOKEN_FILE, or a key \
         that has the scope operator with --api-key or HUEMILL_API_KEY, or run the command with the service's settings; \
         `huemill secret operator` prints the token there"
    )]
    None,
}

pub(super) fn run(args: &SecretArgs, file: Option<&Path>) -> ExitCode {
    let name = match args.name {
        SecretArg::Operator => SecretName::Operator,
        SecretArg::Webhook => SecretName::Webhook,
    };
    with_settings(file, |settings| {
        block_on(async {
            storage::secret(settings, name).await.map(|secret| print_line(secret.expose_secret()))
        })
    })
}

/// Returns the given operator token, or else the client's API key, or else the configured token. For a service on this
/// machine, falls back to the token in the store that the settings name, if that store exists.
pub(super) async fn token(
    given: Option<&str>,
    client: &Client,
    file: Option<&Path>,
) -> Result<String, TokenError> {
    if let Some(token) = given.or(client.api_key()) {
        return Ok(token.to_owned());
    }
    let settings = Settings::load(file, &Environment::of_process())?;
    let is_configured = !settings.security.operator_token.expose_secret().is_empty();
    let has_token = is_configured || (client.is_local() && storage::store_exists(&settings));
    if !has_token {
        return Err(TokenError::None);
    }
    let token = storage::secret(&settings, SecretName::Operator).await?;
    Ok(token.expose_secret().to_owned())
}
