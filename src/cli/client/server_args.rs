//! The arguments that name a service and say how to send requests to it.

use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueHint, value_parser};
use secrecy::{ExposeSecret, SecretString};

/// The service to use, and how to send requests to it.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServerArgs {
    // The text is not a doc comment: it contains a bare URL.
    #[arg(
        long,
        value_name = "URL",
        env = "HUEMILL_SERVER",
        hide_env_values = true,
        help = "URL of the service [default: host and port of the settings, as HOST and PORT set them \
                (http://127.0.0.1:8080); where the operator token is required, server.operations if it is set]"
    )]
    pub(super) server: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    /// API key, if the service requires one
    #[arg(long, alias = "access-key", value_name = "KEY", env = "HUEMILL_API_KEY", hide_env_values = true)]
    api_key: Option<SecretString>,
    /// Number of attempts for each request [default: 6, or 3 where a command only reads]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(super) tries: Option<u32>,
    /// Fail if requests cannot be signed; they are signed whenever `WEBHOOK_SECRET` or `WEBHOOK_SECRET_FILE` is set
    #[arg(long)]
    pub(super) sign: bool,
}

/// Whose certificates are trusted.
#[derive(Debug, Args)]
pub(in crate::cli) struct TrustArgs {
    /// PEM file of authorities to trust in addition to the system's, for https; a server's self-signed certificate
    /// is one too
    // The parser of paths refuses an empty text, which a variable without a value is.
    #[arg(
        long,
        alias = "ca",
        value_name = "FILE",
        env = "HUEMILL_CACERT",
        hide_env_values = true,
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        value_hint = ValueHint::FilePath
    )]
    cacert: Option<PathBuf>,
}

impl ServerArgs {
    /// The file of authorities. An empty variable counts as not set.
    pub(super) fn cacert(&self) -> Option<&Path> {
        self.trust.cacert()
    }

    /// The API key. An empty variable counts as not set.
    pub(super) fn api_key(&self) -> Option<SecretString> {
        self.api_key.clone().filter(|key| !key.expose_secret().is_empty())
    }
}

impl TrustArgs {
    /// The file of authorities. An empty variable counts as not set.
    pub(in crate::cli) fn cacert(&self) -> Option<&Path> {
        self.cacert.as_deref().filter(|path| !path.as_os_str().is_empty())
    }
}
