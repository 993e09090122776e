//! A TCP proxy between a service and one of its servers: a network that a test has in its hands. It passes bytes on,
//! cuts every connection and takes no more, holds all bytes while connections stay open, as a dead router does, or
//! forgets the connections that it has: these stay open and silent while new ones pass.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    Cut,
    Hold,
}

#[derive(Clone, Copy)]
struct State {
    mode: Mode,
    /// The number of the next connection, and that of the first which is not forgotten.
    next: u64,
    first: u64,
}

impl State {
    fn holds(&self, number: u64) -> bool {
        self.mode == Mode::Hold || (self.mode == Mode::Pass && number < self.first)
    }
}

struct Wire {
    state: Mutex<State>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
    /// Connections on which the client spoke last.
    unanswered: Mutex<HashSet<u64>>,
}

/// The proxy. Its connections are cut when it is dropped.
pub struct Proxy {
    wire: Arc<Wire>,
    address: SocketAddr,
}

impl Proxy {
    /// A proxy that passes on to this address.
    pub fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Mutex::new(State { mode: Mode::Pass, next: 0, first: 0 });
        let wire = Arc::new(Wire {
            state,
            changed: Condvar::new(),
            open: Mutex::default(),
            unanswered: Mutex::default(),
        });
        let own = wire.clone();
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|client| own.accept(&client, to));
        });
        Self { wire, address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the network does this.
    pub fn set(&self, mode: Mode) {
        self.wire.state.lock().unwrap().mode = mode;
        self.wire.changed.notify_all();
        if mode == Mode::Cut {
            self.wire.cut();
        }
    }

    /// How many connections carry a request that has no answer yet.
    pub fn unanswered(&self) -> usize {
        self.wire.unanswered.lock().unwrap().len()
    }

    /// The connections that are open now go silent for good.
    pub fn forget(&self) {
        let mut state = self.wire.state.lock().unwrap();
        state.first = state.next;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Mode::Cut);
    }
}

impl Wire {
    fn accept(self: &Arc<Self>, client: &TcpStream, to: SocketAddr) {
        let number = {
            let mut state = self.state.lock().unwrap();
            if state.mode == Mode::Cut {
                return;
            }
            state.next += 1;
            state.next - 1
        };
        let Ok(server) = TcpStream::connect(to) else { return };
        self.open.lock().unwrap().extend([client, &server].map(|end| end.try_clone().unwrap()));
        for (from, into, asks) in [(client, &server, true), (&server, client, false)] {
            let (wire, from, into) = (self.clone(), from.try_clone().unwrap(), into.try_clone().unwrap());
            std::thread::spawn(move || wire.pump(number, asks, from, into));
        }
    }

    /// Passes bytes on until one side ends, or the wire is cut.
    fn pump(&self, number: u64, asks: bool, mut from: TcpStream, mut into: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            self.note(number, asks && read > 0);
            let state = self.state.lock().unwrap();
            let state = *self.changed.wait_while(state, |state| state.holds(number)).unwrap();
            if read == 0 || state.mode == Mode::Cut || into.write_all(&buffer[..read]).is_err() {
                let _ = into.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    fn note(&self, number: u64, is_unanswered: bool) {
        let mut unanswered = self.unanswered.lock().unwrap();
        if is_unanswered {
            unanswered.insert(number);
        } else {
            unanswered.remove(&number);
        }
    }

    fn cut(&self) {
        for end in self.open.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
