//! A client for the service's HTTP API: retries, request signing, and readable errors.
//!
//! A request is retried with the same idempotency key after connection errors and after responses that are temporary
//! (429, 502, 503, 504, and 409 while the first request is still in progress). `--tries` limits the attempts, or else the
//! request does, and `Retry-After` sets the delay. A transfer that makes no progress for a minute fails.

mod backoff;
mod form;
mod request;
mod response;
mod retry_notice;
mod server_args;
mod tls_failure;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::web::Bytes;
use awc::body::SizedStream;
use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::{Method, Uri};
use awc::{ClientRequest, ClientResponse, Connector};
use futures_util::{Stream, StreamExt};
use huemill_actors::outbound::tls_config;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until, timeout};

use crate::settings::Problems;
use crate::signing::unix_now;
use backoff::Backoff;
pub(super) use form::Form;
pub(super) use request::{ApiRequest, masked, path_with_query};
pub(super) use response::{ApiResponse, ClientError, JobView, parse_row};
use retry_notice::RetryNotice;
pub(super) use server_args::{ServerArgs, TrustArgs};
pub(super) use tls_failure::tls_failure;

/// How long a transfer may make no progress.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum size of a response that is read into memory.
const MAX_RESPONSE_BYTES: usize = 64 << 20;

/// The maximum number of rows on a page of a list.
const PAGE_ROWS: u32 = 200;

/// A page of a list.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, alias = "jobs", alias = "deliveries", alias = "keys")]
    rows: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

/// A client for one service. Needs an actix system.
pub(super) struct Client {
    http: awc::Client,
    /// The URL of the service, as `--server` takes it.
    pub(super) server: String,
    /// The number of attempts for each request, if `--tries` gives it.
    tries: Option<u32>,
    key: Option<SecretString>,
    api_key: Option<SecretString>,
}

impl Client {
    /// A client for the service that the arguments name, or else for the one at this URL.
    pub(super) fn with_default(
        args: &ServerArgs,
        default: impl FnOnce() -> Result<String, Problems>,
    ) -> Result<Self, ClientError> {
        let given = args.server.clone().filter(|server| !server.is_empty());
        let server = given.map_or_else(default, Ok)?.trim_end_matches('/').to_owned();
        let uri: Option<Uri> = server.parse().ok();
        let is_valid = uri.is_some_and(|uri| {
            let has_no_user = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            matches!(uri.scheme_str(), Some("http" | "https")) && has_no_user && uri.query().is_none()
        });
        if !is_valid {
            return Err(ClientError::Address(masked(&server)));
        }
        let key = request::signing_key().map_err(ClientError::SigningKey)?;
        if args.sign && key.is_none() {
            let reason = "WEBHOOK_SECRET and WEBHOOK_SECRET_FILE are not set";
            return Err(ClientError::SigningKey(reason.into()));
        }
        let builder = awc::Client::builder().disable_timeout().disable_redirects();
        let http = if server.starts_with("https:") {
            builder.connector(Connector::new().rustls_0_23(tls_config(args.cacert())?)).finish()
        } else {
            builder.finish()
        };
        Ok(Self { http, server, tries: args.tries, key, api_key: args.api_key() })
    }

    /// The API key that requests bear.
    pub(super) fn api_key(&self) -> Option<&str> {
        self.api_key.as_ref().map(ExposeSecret::expose_secret)
    }

    /// How often this request is sent at most.
    pub(super) fn tries(&self, request: &ApiRequest<'_>) -> u32 {
        self.tries.unwrap_or(request.default_tries)
    }

    /// Sends a request, with retries, and says so at the first one. Returns the response whatever its status is.
    pub(super) async fn send(&self, request: &ApiRequest<'_>) -> Result<ApiResponse, ClientError> {
        let mut backoff = Backoff::default();
        let mut may_have_arrived = false;
        let mut notice = None;
        for left in (0..self.tries(request)).rev() {
            let result = match self.send_once(request).await {
                Err(ClientError::NotConnected { reason, .. }) if may_have_arrived => {
                    Err(self.unreachable(reason))
                }
                result => result,
            };
            let delay = match &result {
                Ok(response) if response.is_temporary() => {
                    response.retry_after.map_or(backoff.delay(), Backoff::limited)
                }
                Err(ClientError::Unreachable { .. } | ClientError::NotConnected { .. }) => backoff.delay(),
                _ => return result,
            };
            if left == 0 {
                return result;
            }
            may_have_arrived |= !matches!(result, Err(ClientError::NotConnected { .. }));
            backoff.double();
            let later = backoff.total(left - 1);
            let reason =
                || result.map_or_else(|error| error.to_string(), |response| response.error().to_string());
            let notice = notice.get_or_insert_with(|| RetryNotice::new(&reason(), left, delay + later));
            notice.wait(delay, later).await;
        }
        Err(self.unreachable("no attempt was made"))
    }

    /// Sends a request, with retries. An error status is an error.
    pub(super) async fn send_checked(&self, request: &ApiRequest<'_>) -> Result<ApiResponse, ClientError> {
        self.send(request).await?.error_for_status(request.is_operators())
    }

    async fn send_once(&self, request: &ApiRequest<'_>) -> Result<ApiResponse, ClientError> {
        let mut response = self.open(request).await?;
        let body = timeout(IDLE_TIMEOUT, response.body().limit(MAX_RESPONSE_BYTES)).await;
        let body = body.map_err(|_| self.unreachable("the response stalled"))?;
        let body = body.map_err(|error| match error {
            PayloadError::Overflow => ClientError::InvalidResponse("it is too large".into()),
            error => self.unreachable(error),
        })?;
        Ok(ApiResponse::new(response.status().as_u16(), response.headers(), body))
    }

    /// Sends a request once and returns the head of the response. The caller reads the body.
    pub(super) async fn open(
        &self,
        request: &ApiRequest<'_>,
    ) -> Result<ClientResponse<impl Stream<Item = Result<Bytes, PayloadError>> + Unpin>, ClientError> {
        let last_progress = Rc::new(Cell::new(Instant::now()));
        let http_request = self.http_request(request)?;
        let sending = match request.form {
            Some(form) => {
                let last_progress = Rc::clone(&last_progress);
                let bytes = form.bytes().inspect(move |_| last_progress.set(Instant::now()));
                let body = SizedStream::new(form.len(), futures_util::stream::iter(bytes));
                http_request.content_type(form.content_type()).send_body(body)
            }
            None => http_request.send(),
        };
        let mut sending = std::pin::pin!(sending);
        let response = loop {
            tokio::select! {
                response = &mut sending => break response,
                () = sleep_until(last_progress.get() + IDLE_TIMEOUT) => {
                    if last_progress.get().elapsed() >= IDLE_TIMEOUT {
                        return Err(self.unreachable("the transfer stalled"));
                    }
                }
            }
        };
        response.map_err(|error| match (request.form.and_then(Form::read_error), error) {
            (Some(error), _) => ClientError::File(error),
            // "Disconnected" is a connection that ended before the response.
            (None, SendRequestError::Connect(error)) if !matches!(error, ConnectError::Disconnected) => {
                let server = self.server.clone();
                match tls_failure(&server, &error) {
                    Some(reason) => ClientError::Handshake { server, reason },
                    None => ClientError::NotConnected { server, reason: error.to_string() },
                }
            }
            (None, error) => self.unreachable(error),
        })
    }

    fn http_request(&self, request: &ApiRequest<'_>) -> Result<ClientRequest, ClientError> {
        let url = format!("{}{}", self.server, request.path);
        let uri: Uri = url.parse().map_err(|_| ClientError::Address(url.clone()))?;
        let mut http_request = self.http.request(request.method.clone(), &uri);
        if let Some(key) = self.api_key() {
            http_request = http_request.bearer_auth(key);
        }
        for (name, value) in &request.headers {
            http_request = http_request.insert_header((*name, value.as_str()));
        }
        if let Some(key) = self.key.as_ref().filter(|_| request.method != Method::GET) {
            let digest = request.form.map_or_else(|| Ok(form::digest_of_nothing()), Form::digest);
            let digest = digest.map_err(ClientError::File)?;
            // The path as the service sees it: a proxy drops the prefix that the server's URL may have.
            let path = request.path.split('?').next().unwrap_or_default();
            for header in request::signature_headers(key, unix_now(), &request.method, path, &digest) {
                http_request = http_request.insert_header(header);
            }
        }
        Ok(http_request)
    }

    /// Reads the next chunk of a response body.
    pub(super) async fn next_chunk(
        &self,
        body: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
    ) -> Result<Option<Bytes>, ClientError> {
        match timeout(IDLE_TIMEOUT, body.next()).await {
            Ok(chunk) => chunk.transpose().map_err(|error| self.unreachable(error)),
            Err(_) => Err(self.unreachable("the response stalled")),
        }
    }

    /// Reads up to `limit` rows of an operator's list, page by page, and calls `on_row` with each. The path must have a
    /// query.
    pub(super) async fn for_each_row(
        &self,
        path: &str,
        token: &str,
        limit: u32,
        mut on_row: impl FnMut(&RawValue) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let (mut left, mut cursor) = (limit, String::new());
        while left > 0 {
            let path = format!("{path}&limit={}{cursor}", left.min(PAGE_ROWS));
            let response = self.send_checked(&ApiRequest::get(&path).operator(token)).await?;
            let page: Page<'_> = serde_json::from_slice(&response.body)
                .map_err(|error| ClientError::InvalidResponse(error.to_string()))?;
            page.rows.iter().try_for_each(|row| on_row(row))?;
            left = left.saturating_sub(page.rows.len() as u32);
            match page.next_cursor.filter(|_| !page.rows.is_empty()) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        Ok(())
    }

    /// Whether the service runs on this machine.
    pub(super) fn is_local(&self) -> bool {
        let uri: Option<Uri> = self.server.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    fn unreachable(&self, reason: impl std::fmt::Display) -> ClientError {
        ClientError::Unreachable { server: self.server.clone(), reason: reason.to_string() }
    }
}
