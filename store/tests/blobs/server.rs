//! An HTTP server whose responses a test defines, with or without TLS. It gives responses that the real S3 server does
//! not give, and stands in for the services that issue credentials.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use huemill_store::blobs::{Blobs, BucketSettings};
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::s3;

/// A request. Only the first 64 KiB of the body are kept.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path with the query.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

type Handler = Arc<dyn Fn(&Request) -> String + Send + Sync>;

/// The server. It lives as long as the runtime of its test.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
}

impl Server {
    /// Starts a server without TLS. `handler` returns the complete response, and may block.
    pub(crate) async fn start(handler: impl Fn(&Request) -> String + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(handler)).await
    }

    /// Starts a server with TLS. Also returns the file with the certificate to trust.
    pub(crate) async fn start_tls(
        handler: impl Fn(&Request) -> String + Send + Sync + 'static,
    ) -> (Self, NamedTempFile) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(made.cert.pem().as_bytes()).unwrap();
        (Self::serve(Some(Arc::new(config).into()), Arc::new(handler)).await, file)
    }

    async fn serve(tls: Option<TlsAcceptor>, handler: Handler) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (tls, handler) = (tls.clone(), Arc::clone(&handler));
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => handle(tls.accept(socket).await?, handler).await,
                        None => handle(socket, handler).await,
                    }
                });
            }
        });
        Self { address, scheme }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// A bucket on this server.
    pub(crate) fn blobs(&self) -> Blobs {
        self.blobs_with(&BucketSettings::default())
    }

    /// A bucket on this server with these settings.
    pub(crate) fn blobs_with(&self, settings: &BucketSettings) -> Blobs {
        Blobs::open("s3://bucket", settings, &s3::environment(self.endpoint())).unwrap()
    }
}

/// A response with this status and body.
pub(crate) fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// An error response in the format of S3.
pub(crate) fn error(status: &str, code: &str) -> String {
    answer(status, &format!("<Error><Code>{code}</Code><Message>a secret</Message></Error>"))
}

/// Reads one request and writes the response.
async fn handle(stream: impl AsyncRead + AsyncWrite + Unpin, handler: Handler) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let mut request = Request { method, path, headers, body: String::new() };
    let length: u64 = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = Vec::new();
    (&mut reader).take(length.min(64 << 10)).read_to_end(&mut body).await?;
    tokio::io::copy(&mut (&mut reader).take(length - body.len() as u64), &mut tokio::io::sink()).await?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    let answer = tokio::task::spawn_blocking(move || handler(&request)).await.unwrap();
    reader.write_all(answer.as_bytes()).await?;
    reader.shutdown().await
}
