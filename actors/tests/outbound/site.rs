//! A small HTTP server that says what its script says, however wrong.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server does once it has a request.
pub(crate) enum Say {
    /// Sends this and closes.
    Once(Vec<u8>),
    /// Sends the first, then the second again and again, as fast as it is taken.
    Flood(Vec<u8>, Vec<u8>),
    /// Sends the first, then the second again and again, slowly.
    Drip(Vec<u8>, Vec<u8>),
    /// Sends this and resets the connection.
    Reset(Vec<u8>),
}

/// An answer with a body of known length.
pub(crate) fn ok(body: &[u8]) -> Say {
    answer("200 OK", "", body)
}

/// An answer with this status and more headers, each with its line's end.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Say {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Say::Once([head.as_bytes(), body].concat())
}

pub(crate) fn redirect(status: &str, location: &str) -> Say {
    answer(status, &format!("Location: {location}\r\n"), b"")
}

/// The server; it goes with the test's arbiter.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    requests: Rc<RefCell<Vec<String>>>,
    broken: Rc<Cell<usize>>,
}

type Script = Rc<dyn Fn(&str) -> Say>;

impl Site {
    /// Serves at an address, on any port if it names none; the script is asked with the path.
    pub(crate) async fn open(address: &str, script: impl Fn(&str) -> Say + 'static) -> Self {
        Self::serve(address, None, Rc::new(script)).await
    }

    /// The same over TLS.
    pub(crate) async fn secure(
        address: &str,
        tls: Arc<ServerConfig>,
        script: impl Fn(&str) -> Say + 'static,
    ) -> Self {
        Self::serve(address, Some(tls.into()), Rc::new(script)).await
    }

    async fn serve(address: &str, tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let site =
            Self { address: listener.local_addr().unwrap(), requests: Rc::default(), broken: Rc::default() };
        let (requests, broken) = (Rc::clone(&site.requests), Rc::clone(&site.broken));
        actix_rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = Rc::clone(&script);
                let (requests, broken, tls) = (Rc::clone(&requests), Rc::clone(&broken), tls.clone());
                actix_rt::spawn(async move {
                    let told = match tls {
                        None => converse(stream, &script, &requests).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => converse(stream, &script, &requests).await,
                            Err(error) => Err(error),
                        },
                    };
                    broken.set(broken.get() + usize::from(told.is_err()));
                });
            }
        });
        site
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, each as it was sent.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    /// How many connections the other side has broken.
    pub(crate) fn broken(&self) -> usize {
        self.broken.get()
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    requests: &RefCell<Vec<String>>,
) -> std::io::Result<()> {
    let mut request = read(&mut stream).await?;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let say = script(&path);
    if let Say::Reset(bytes) = say {
        // What is left unread when the socket goes makes the kernel reset the connection.
        return stream.write_all(&bytes).await;
    }
    request.push(char::from(stream.read_u8().await?));
    requests.borrow_mut().push(request);
    let (first, again, pause) = match say {
        Say::Once(bytes) | Say::Reset(bytes) => {
            stream.write_all(&bytes).await?;
            return stream.shutdown().await;
        }
        Say::Flood(first, again) => (first, again, Duration::ZERO),
        Say::Drip(first, again) => (first, again, Duration::from_millis(5)),
    };
    stream.write_all(&first).await?;
    loop {
        stream.write_all(&again).await?;
        stream.flush().await?;
        tokio::time::sleep(pause).await;
    }
}

/// Reads head and body of a request, but for the very last byte.
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
