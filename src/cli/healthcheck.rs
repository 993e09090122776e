//! `huemill healthcheck`: asks a running service whether it is ready, for containers without curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use awc::Connector;
use awc::error::SendRequestError;
use clap::Args;
use huemill_actors::outbound::{SetupError, tls_config};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::client::{TrustArgs, masked, tls_failure};
use super::terminal::{printable, refuse_settings};
use crate::settings::{Environment, Settings};

/// How long the response may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The arguments of `huemill healthcheck`.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// URL to request [default: /ready on server.operations, or else on the configured host and port, with any
    /// certificate]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Returns exit code 0 if the response has status 200, and 1 if it has another status or there is none.
#[allow(clippy::print_stderr, reason = "the reason belongs on the terminal or in the container's log")]
pub(super) fn run(args: &HealthcheckArgs, file: Option<&Path>) -> ExitCode {
    let (url, trust) = match &args.url {
        Some(url) => (url.clone(), Trust::Authorities(args.trust.cacert())),
        None => match Settings::load(file, &Environment::of_process()) {
            Ok(settings) => (ready_url(&settings), Trust::Anyone),
            Err(problems) => return refuse_settings(&problems),
        },
    };
    match actix_web::rt::System::new().block_on(check(&url, trust)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // The reason may have names from the server's certificate.
            eprintln!("{}", printable(&format!("{}: {reason}", masked(&url))));
            ExitCode::FAILURE
        }
    }
}

/// The URL of /ready on the operators' own listener, or else on the configured host and port. A wildcard address is
/// replaced by the loopback address.
fn ready_url(settings: &Settings) -> String {
    let server = settings.operations_address().map_or_else(|| public_url(settings), local_url);
    format!("{server}/ready")
}

/// The URL of the public listener, on this machine.
pub(super) fn public_url(settings: &Settings) -> String {
    let (host, port) = (settings.server.host.as_str(), settings.server.port);
    let scheme = if settings.tls.is_enabled() { "https" } else { "http" };
    match host {
        "0.0.0.0" => format!("{scheme}://127.0.0.1:{port}"),
        "::" | "[::]" => format!("{scheme}://[::1]:{port}"),
        host if host.contains(':') && !host.starts_with('[') => format!("{scheme}://[{host}]:{port}"),
        host => format!("{scheme}://{host}:{port}"),
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

async fn check(url: &str, trust: Trust<'_>) -> Result<(), String> {
    let builder = awc::Client::builder().timeout(TIMEOUT).disable_redirects();
    let client = if url.starts_with("https:") {
        let config = trust.config().map_err(|error| error.to_string())?;
        builder.connector(Connector::new().rustls_0_23(config)).finish()
    } else {
        builder.finish()
    };
    let response = client.get(url).send().await.map_err(|error| {
        let handshake = match &error {
            SendRequestError::Connect(error) => tls_failure(url, error),
            _ => None,
        };
        handshake.unwrap_or_else(|| error.to_string())
    })?;
    if response.status() == 200 { Ok(()) } else { Err(format!("the response was {}", response.status())) }
}

/// Whose certificates are accepted.
#[derive(Debug, Clone, Copy)]
enum Trust<'a> {
    /// Those of the system's authorities, and of those in this file.
    Authorities(Option<&'a Path>),
    /// Anyone's: the service on this machine is asked by its address, for which it has no certificate, and nothing secret
    /// is sent.
    Anyone,
}

impl Trust<'_> {
    fn config(self) -> Result<Arc<ClientConfig>, SetupError> {
        match self {
            Self::Authorities(cacert) => tls_config(cacert),
            Self::Anyone => {
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config = ClientConfig::builder_with_provider(provider.clone())
                    .with_safe_default_protocol_versions()?
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
                    .with_no_client_auth();
                Ok(Arc::new(config))
            }
        }
    }
}

/// Accepts any certificate whose key the server has.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
