//! The HTTP client of the exporter: the reqwest that the blob store's buckets are reached with. The one that the
//! exporter would bring is of another version.
//!
//! The exporter says of a failure that there was one; why is noted here.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

/// The most bytes of an answer that are read: it says little, and nobody asked for more.
const ANSWER: usize = 64 * 1_024;

/// Why the last request failed, if it did.
#[derive(Debug, Clone, Default)]
pub(super) struct Cause(Arc<Mutex<Option<String>>>);

impl Cause {
    fn note(&self, cause: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    /// The cause, which is forgotten with that.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    cause: Cause,
}

impl Client {
    pub(super) fn new(cause: Cause) -> Result<Self, reqwest::Error> {
        // Headers may hold a key to the collector, which no other host should see.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, cause })
    }

    async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, reqwest::Error> {
        // The URL may hold a password.
        let answer = self.client.execute(request).await.map_err(reqwest::Error::without_url);
        self.cause.note(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status())),
            Err(error) => Some(whole(error)),
        });
        answer
    }
}

/// An error with what lies behind it.
fn whole(error: &dyn Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let mut answer = self.send(request).await?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(std::mem::take(answer.headers_mut()));
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            let room = ANSWER - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if body.len() == ANSWER {
                break;
            }
        }
        Ok(response.body(body.into())?)
    }
}
