//! A small HTTP server with scripted responses, which may be invalid.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How the server responds to a request.
pub(crate) enum Response {
    /// Sends these bytes and closes the connection.
    Once(Vec<u8>),
    /// Sends the first bytes, then repeats the second ones as fast as the client reads.
    Flood(Vec<u8>, Vec<u8>),
    /// Sends the first bytes, then repeats the second ones slowly.
    Drip(Vec<u8>, Vec<u8>),
    /// Sends these bytes and resets the connection.
    Reset(Vec<u8>),
}

/// A response with status 200 and a body of known length.
pub(crate) fn ok(body: &[u8]) -> Response {
    answer("200 OK", "", body)
}

/// A response with this status and these headers, each with its line ending.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Response {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Response::Once([head.as_bytes(), body].concat())
}

pub(crate) fn redirect(status: &str, location: &str) -> Response {
    answer(status, &format!("Location: {location}\r\n"), b"")
}

/// The server; it ends with the test's arbiter.
pub(crate) struct HttpServer {
    pub(crate) address: SocketAddr,
    requests: Rc<RefCell<Vec<String>>>,
    broken: Rc<Cell<usize>>,
    written: Rc<Cell<usize>>,
}

type Responder = Rc<dyn Fn(&str) -> Response>;

impl HttpServer {
    /// Serves at an address; port 0 stands for any free port. The responder gets the path of each request.
    pub(crate) async fn start(address: &str, responder: impl Fn(&str) -> Response + 'static) -> Self {
        Self::serve(address, None, Rc::new(responder)).await
    }

    /// The same over TLS.
    pub(crate) async fn start_tls(
        address: &str,
        tls: Arc<ServerConfig>,
        responder: impl Fn(&str) -> Response + 'static,
    ) -> Self {
        Self::serve(address, Some(tls.into()), Rc::new(responder)).await
    }

    async fn serve(address: &str, tls: Option<TlsAcceptor>, responder: Responder) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Rc::default(),
            broken: Rc::default(),
            written: Rc::default(),
        };
        let (requests, broken, written) =
            (Rc::clone(&server.requests), Rc::clone(&server.broken), Rc::clone(&server.written));
        actix_rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let responder = Rc::clone(&responder);
                let (requests, broken, tls) = (Rc::clone(&requests), Rc::clone(&broken), tls.clone());
                let written = Rc::clone(&written);
                actix_rt::spawn(async move {
                    let result = match tls {
                        None => converse(stream, &responder, &requests, &written).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => converse(stream, &responder, &requests, &written).await,
                            Err(error) => Err(error),
                        },
                    };
                    broken.set(broken.get() + usize::from(result.is_err()));
                });
            }
        });
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, as they were sent.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    /// How many bytes of floods and drips were written.
    pub(crate) fn written(&self) -> usize {
        self.written.get()
    }

    /// How many connections the client has broken.
    pub(crate) fn broken(&self) -> usize {
        self.broken.get()
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    responder: &Responder,
    requests: &RefCell<Vec<String>>,
    written: &Cell<usize>,
) -> std::io::Result<()> {
    let mut request = read(&mut stream).await?;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let response = responder(&path);
    if let Response::Reset(bytes) = response {
        // Unread data makes the kernel reset the connection when the socket is closed.
        return stream.write_all(&bytes).await;
    }
    request.push(char::from(stream.read_u8().await?));
    requests.borrow_mut().push(request);
    let (first, again, pause) = match response {
        Response::Once(bytes) | Response::Reset(bytes) => {
            stream.write_all(&bytes).await?;
            return stream.shutdown().await;
        }
        Response::Flood(first, again) => (first, again, Duration::ZERO),
        Response::Drip(first, again) => (first, again, Duration::from_millis(5)),
    };
    stream.write_all(&first).await?;
    loop {
        stream.write_all(&again).await?;
        written.set(written.get() + again.len());
        stream.flush().await?;
        tokio::time::sleep(pause).await;
    }
}

/// Reads head and body of a request except for the last byte.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        bytes.push(stream.read_u8().await?);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let wanted: usize = length.unwrap_or(0);
        if body.len() >= wanted {
            return Ok(text.into_owned());
        }
    }
}
