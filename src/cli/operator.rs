//! Shared by the commands that need the operator token: server and token arguments, lists, and requests with a short
//! response. Errors are the client's, or that there is no token.

use std::path::Path;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::client::{ApiRequest, ApiResponse, Client, ClientError, DEFAULT_SERVER, ServerArgs, parse_row};
use super::healthcheck::local_url;
use super::secret::{self, TokenError};
use super::terminal::print_line;
use crate::settings::{Environment, Settings};
use crate::signing::unix_now;

/// The service to ask, and the token to use.
#[derive(Debug, Args)]
pub(super) struct OperatorArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Operator token [default: the configured token, or the one in the store on this machine]
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
                print_line(row.get());
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

/// The address that the settings name for operators, or else where a service listens by default. Settings that cannot be
/// loaded name none: with `--server` and `--token` these commands work without any.
fn default_server(file: Option<&Path>) -> String {
    let settings = Settings::load(file, &Environment::of_process()).ok();
    let operations = settings.and_then(|settings| settings.operations_address());
    operations.map_or_else(|| DEFAULT_SERVER.to_owned(), local_url)
}

/// Prints a response: its JSON, or the line that `line` makes of it.
pub(super) fn print_response<T: DeserializeOwned>(
    response: &ApiResponse,
    json: bool,
    line: impl FnOnce(T) -> String,
) -> Result<(), ClientError> {
    let value = response.json()?;
    print_line(&if json { response.text() } else { line(value) });
    Ok(())
}
