//! The HTTP client that sends spans to the collector.
//!
//! It uses the version of reqwest that the blob store needs anyway; the OTLP exporter would bring another one. The
//! exporter only reports that a request failed. The client keeps the reason in [`LastError`], without the URL, which
//! may hold credentials.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

/// The maximum number of bytes to read of a response. A collector's response says little.
const MAX_RESPONSE_BYTES: usize = 64 * 1_024;

/// Why the last request failed, if it did.
#[derive(Debug, Clone, Default)]
pub(super) struct LastError(Arc<Mutex<Option<String>>>);

impl LastError {
    fn set(&self, error: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// Returns the error and clears it.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    last_error: LastError,
}

impl Client {
    pub(super) fn new(last_error: LastError) -> Result<Self, reqwest::Error> {
        // Headers may hold the collector's key, which a redirect must not carry to another host.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, last_error })
    }

    async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, reqwest::Error> {
        let response = self.client.execute(request).await.map_err(reqwest::Error::without_url);
        self.last_error.set(match &response {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("the collector answered {}", response.status())),
            Err(error) => Some(with_sources(error)),
        });
        response
    }
}

/// An error with the chain of its sources.
fn with_sources(error: &dyn Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let mut received = self.send(request).await?;
        let mut response = Response::builder().status(received.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(std::mem::take(received.headers_mut()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = received.chunk().await? {
            let room = MAX_RESPONSE_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == MAX_RESPONSE_BYTES {
                break;
            }
        }
        Ok(response.body(body.into())?)
    }
}
