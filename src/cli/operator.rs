//! Shared by the commands that need the operator token: server and token arguments, lists, and requests with a short
//! response. Errors are the client's, or that there is no token.

use std::path::Path;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::client::{ApiRequest, ApiResponse, Client, ClientError, ServerArgs, parse_row};
use super::healthcheck::{local_url, public_url};
use super::secret::{self, TokenError};
use super::terminal::{print_json, print_line};
use crate::settings::{Environment, Problems, Settings};
use crate::signing::unix_now;

/// The service to ask, and the token to use.
#[derive(Debug, Args)]
pub(super) struct OperatorArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Operator token [default: the API key, or the configured token, or the one in the store on this machine]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Print the service's JSON; lists print one object per line
    #[arg(long)]
    pub(super) json: bool,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum OperatorError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl OperatorArgs {
    /// Returns a client for the service and the token to send.
    pub(super) async fn connect(&self, file: Option<&Path>) -> Result<(Client, String), OperatorError> {
        let client = Client::with_default(&self.server, || default_server(file))?;
        let token = secret::token(self.token.as_deref(), &client, file).await?;
        Ok((client, token))
    }

    /// Prints up to `limit` rows of a list: as JSON, or as the table that `table` makes of them and the time. The path
    /// must have a query.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        file: Option<&Path>,
        path: &str,
        limit: u32,
        table: fn(&[T], i64) -> String,
    ) -> Result<(), OperatorError> {
        let (client, token) = self.connect(file).await?;
        let mut rows = Vec::new();
        let on_row = |row: &RawValue| {
            if self.json {
                print_json(row.get());
            } else {
                rows.push(parse_row(row)?);
            }
            Ok(())
        };
        client.for_each_row(path, &token, limit, on_row).await?;
        if !self.json {
            print_line(table(&rows, unix_now()).trim_end());
        }
        Ok(())
    }

    /// Sends a request and prints the response.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        file: Option<&Path>,
        request: ApiRequest<'_>,
        line: impl FnOnce(T) -> String,
    ) -> Result<(), OperatorError> {
        let (client, token) = self.connect(file).await?;
        let response = client.send_checked(&request.operator(&token)).await?;
        Ok(print_response(&response, self.json, line)?)
    }

    /// Sends a request whose response says nothing.
    pub(super) async fn send_only(
        &self,
        file: Option<&Path>,
        request: ApiRequest<'_>,
    ) -> Result<(), OperatorError> {
        let (client, token) = self.connect(file).await?;
        client.send_checked(&request.operator(&token)).await?;
        Ok(())
    }
}

/// The URL of the operators' listener that the settings name, or else of the public one.
fn default_server(file: Option<&Path>) -> Result<String, Problems> {
    server_of(file, |settings| settings.operations_address().map_or_else(|| public_url(settings), local_url))
}

/// The URL of the public listener that the settings name.
pub(super) fn public_server(file: Option<&Path>) -> Result<String, Problems> {
    server_of(file, public_url)
}

/// Where the settings say that the service listens. Settings that are not valid say nothing: pictures and tokens must not go
/// to whatever listens where a service listens by default.
fn server_of(file: Option<&Path>, url: impl FnOnce(&Settings) -> String) -> Result<String, Problems> {
    Settings::load(file, &Environment::of_process()).map(|settings| url(&settings))
}

/// Prints a response: its JSON, or the line that `line` makes of it.
pub(super) fn print_response<T: DeserializeOwned>(
    response: &ApiResponse,
    json: bool,
    line: impl FnOnce(T) -> String,
) -> Result<(), ClientError> {
    let value = response.json()?;
    if json {
        print_json(response.text());
    } else {
        print_line(&line(value));
    }
    Ok(())
}
