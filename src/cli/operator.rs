//! What the operator's commands share: the service, the token, JSON or text, and how their end becomes an exit code.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::{Client, ClientError, ServerArgs};
use super::process::complain;
use super::secret::{self, TokenError};

/// Which service is asked, and with which token.
#[derive(Debug, Args)]
pub(super) struct OperatorArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The operator's token [default: the configured one, or that of the store on this machine]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Print the service's JSON; lists one object a line
    #[arg(long)]
    pub(super) json: bool,
}

/// Why the service did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum OperatorError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl OperatorArgs {
    /// The service, and the token that it takes.
    pub(super) async fn connect(&self, file: Option<&Path>) -> Result<(Client, String), OperatorError> {
        let client = Client::new(&self.server)?;
        let token = secret::token(self.token.as_deref(), &client, file).await?;
        Ok((client, token))
    }
}

/// Runs a command to its end, whose error becomes a line on standard error and exit code 1.
pub(super) fn run(command: impl Future<Output = Result<(), OperatorError>>) -> ExitCode {
    match actix_web::rt::System::new().block_on(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
