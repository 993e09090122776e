//! The service's HTTP API, as the command line speaks it: where the service is, requests that are sent again while it
//! is away, signatures, refusals in the words of their problem document.
//!
//! A request is sent again, with the same key, after errors of the connection and after answers that pass (429, 502,
//! 503, 504, and 409 while the first of two is still being answered): `--tries` times in all, after as long as
//! `Retry-After` says. Whatever does not move for a minute is given up.

mod answer;
mod form;
mod pages;
mod sign;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::web::Bytes;
use awc::body::SizedStream;
use awc::error::PayloadError;
use awc::http::{Method, Uri};
use awc::{ClientRequest, ClientResponse};
use clap::{Args, value_parser};
use futures_util::{Stream, StreamExt};
use secrecy::SecretString;
use tokio::time::{Instant, sleep, sleep_until, timeout};

pub(super) use answer::{Answer, Job};
pub(super) use form::Form;

/// How long nothing may move.
const IDLE: Duration = Duration::from_secs(60);

/// Waits between tries: the first, and the longest. A signature is good for one second's request, so that the first
/// is no shorter.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Most bytes of an answer that is read whole.
const LARGEST: usize = 64 << 20;

/// Which service, and how it is spoken to.
#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// The service's address
    #[arg(
        long,
        value_name = "URL",
        env = "HUEMILL_SERVER",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080"
    )]
    server: String,
    /// How often a request is sent before the service counts as away
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = value_parser!(u32).range(1..))]
    tries: u32,
    /// Insist on signing requests; done whenever `WEBHOOK_SECRET` or `WEBHOOK_SECRET_FILE` is set
    #[arg(long)]
    sign: bool,
}

/// Why there is no answer to be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error(
        "{0}: the service's address must be like http://127.0.0.1:8080 (no https: put a tunnel before it; no user)"
    )]
    Address(String),
    #[error("requests cannot be signed: {0}")]
    NoKey(String),
    #[error("{server} cannot be reached: {what}")]
    Away { server: String, what: String },
    #[error("{0}")]
    Refused(answer::Refusal),
    #[error("the answer cannot be understood: {0}")]
    Strange(String),
    #[error("{0}")]
    File(form::FileError),
}

/// One thing asked of the service.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// With its query.
    pub(super) path: &'a str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) form: Option<&'a Form>,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, headers: Vec::new(), form: None }
    }

    pub(super) fn post(path: &'a str, form: Option<&'a Form>) -> Self {
        Self { method: Method::POST, path, headers: Vec::new(), form }
    }

    /// As the operator, who is known by this token.
    pub(super) fn operator(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An address as it can be shown: without what is before an `@` or behind a `?`, where passwords and tokens are.
pub(super) fn masked(address: &str) -> String {
    let address = address.split_once('?').map_or(address, |(before, _)| before);
    let Some((before, host)) = address.rsplit_once('@') else { return address.to_owned() };
    let scheme = before.split_once("//").map_or("", |(scheme, _)| scheme);
    if scheme.is_empty() { format!("…@{host}") } else { format!("{scheme}//…@{host}") }
}

/// The service, seen from here. Needs an actix system.
pub(super) struct Client {
    http: awc::Client,
    server: String,
    tries: u32,
    key: Option<SecretString>,
}

impl Client {
    pub(super) fn new(args: &ServerArgs) -> Result<Self, ClientError> {
        let server = args.server.trim_end_matches('/').to_owned();
        let uri: Option<Uri> = server.parse().ok();
        let fits = uri.is_some_and(|uri| {
            let bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            uri.scheme_str() == Some("http") && bare && uri.query().is_none()
        });
        if !fits {
            return Err(ClientError::Address(masked(&server)));
        }
        let key = sign::key().map_err(ClientError::NoKey)?;
        if args.sign && key.is_none() {
            return Err(ClientError::NoKey("WEBHOOK_SECRET and WEBHOOK_SECRET_FILE are not set".into()));
        }
        let http = awc::Client::builder().disable_timeout().disable_redirects().finish();
        Ok(Self { http, server, tries: args.tries, key })
    }

    /// The answer, whatever its status, once one comes that does not pass.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, ClientError> {
        let mut backoff = FIRST_WAIT;
        for left in (0..self.tries).rev() {
            let outcome = self.once(ask).await;
            let wait = match &outcome {
                Ok(answer) if answer.passes() => answer.retry_after.unwrap_or(backoff),
                Err(ClientError::Away { .. }) => backoff,
                _ => return outcome,
            };
            if left == 0 {
                return outcome;
            }
            sleep(wait.clamp(FIRST_WAIT, LONGEST_WAIT)).await;
            backoff = (backoff * 2).min(LONGEST_WAIT);
        }
        Err(self.away("it was not tried"))
    }

    /// The same; a refusal is an error.
    pub(super) async fn get_ok(&self, ask: &Ask<'_>) -> Result<Answer, ClientError> {
        self.ask(ask).await?.accepted()
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<Answer, ClientError> {
        let mut response = self.open(ask).await?;
        let body = timeout(IDLE, response.body().limit(LARGEST)).await;
        let body = body.map_err(|_| self.away("the answer stopped"))?;
        let body = body.map_err(|error| match error {
            PayloadError::Overflow => ClientError::Strange("it is too long".into()),
            error => self.away(error),
        })?;
        Ok(Answer::new(response.status().as_u16(), response.headers(), body))
    }

    /// Sends a request once; the head of the answer, whose body is on its way.
    pub(super) async fn open(
        &self,
        ask: &Ask<'_>,
    ) -> Result<ClientResponse<impl Stream<Item = Result<Bytes, PayloadError>> + Unpin>, ClientError> {
        let moved = Rc::new(Cell::new(Instant::now()));
        let request = self.request(ask)?;
        let sent = match ask.form {
            Some(form) => {
                let moved = Rc::clone(&moved);
                let bytes = form.bytes().inspect(move |_| moved.set(Instant::now()));
                let body = SizedStream::new(form.len(), futures_util::stream::iter(bytes));
                request.content_type(form.content_type()).send_body(body)
            }
            None => request.send(),
        };
        let mut sent = std::pin::pin!(sent);
        let answered = loop {
            tokio::select! {
                answered = &mut sent => break answered,
                () = sleep_until(moved.get() + IDLE) => {
                    if moved.get().elapsed() >= IDLE {
                        return Err(self.away("nothing moves"));
                    }
                }
            }
        };
        answered.map_err(|error| match ask.form.and_then(Form::unreadable) {
            Some(error) => ClientError::File(error),
            None => self.away(error),
        })
    }

    fn request(&self, ask: &Ask<'_>) -> Result<ClientRequest, ClientError> {
        let url = format!("{}{}", self.server, ask.path);
        let uri: Uri = url.parse().map_err(|_| ClientError::Address(url.clone()))?;
        let mut request = self.http.request(ask.method.clone(), &uri);
        for (name, value) in &ask.headers {
            request = request.insert_header((*name, value.as_str()));
        }
        if let Some(key) = self.key.as_ref().filter(|_| ask.method != Method::GET) {
            let digest = ask.form.map_or_else(|| Ok(form::digest_of_nothing()), Form::digest);
            let digest = digest.map_err(ClientError::File)?;
            for header in sign::headers(key, &ask.method, uri.path(), &digest) {
                request = request.insert_header(header);
            }
        }
        Ok(request)
    }

    /// Whether the service is on this machine.
    pub(super) fn is_local(&self) -> bool {
        let uri: Option<Uri> = self.server.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Body pieces of an answer, each in time.
    pub(super) async fn next_piece(
        &self,
        body: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
    ) -> Result<Option<Bytes>, ClientError> {
        match timeout(IDLE, body.next()).await {
            Ok(piece) => piece.transpose().map_err(|error| self.away(error)),
            Err(_) => Err(self.away("the answer stopped")),
        }
    }

    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// As it is to be given to `--server`.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    fn away(&self, what: impl std::fmt::Display) -> ClientError {
        ClientError::Away { server: self.server.clone(), what: what.to_string() }
    }
}
