//! Shared by the commands that need the operator token: server and token arguments, JSON output, the exit code.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::{Client, ClientError, ServerArgs};
use super::secret::{self, TokenError};
use super::terminal::eprint_line;

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
        let client = Client::new(&self.server)?;
        let token = secret::token(self.token.as_deref(), &client, file).await?;
        Ok((client, token))
    }
}

/// Runs a command. An error is printed on standard error and gives exit code 1.
pub(super) fn run(command: impl Future<Output = Result<(), OperatorError>>) -> ExitCode {
    match actix_web::rt::System::new().block_on(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint_line(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
