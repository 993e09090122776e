//! A TCP proxy between a service and one of its servers: a network that a test has in its hands. It passes bytes on,
//! cuts every connection and takes no more, holds all bytes while connections stay open, as a dead router does, or
//! forgets the connections that it has: these stay open and silent while new ones pass. It can also lose the server's
//! replies alone, so that what was asked for is done and nobody learns of it: all replies on the connections that are
//! open, or those to PostgreSQL's COMMIT.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What the network does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Pass,
    Cut,
    Hold,
}

/// PostgreSQL's simple query that commits, without the type and the length before it.
const COMMIT: &[u8] = b"COMMIT\0";

#[derive(Clone, Copy, Default)]
struct State {
    mode: Mode,
    /// The number of the next connection, and that of the first which is not forgotten.
    next: u64,
    first: u64,
    /// The number of the first connection whose replies come through.
    first_heard: u64,
    /// So many COMMITs still pass, and so many after them are cut off from their replies.
    commits_to_pass: u32,
    commits_to_lose: u32,
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
        let state = State { mode: Mode::Pass, ..State::default() };
        let wire = Arc::new(Wire {
            state: Mutex::new(state),
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

    /// A proxy in front of the server that this database URL names, and the URL that leads through it.
    pub fn before_database(url: &str) -> (Self, String) {
        let (server, name) = url.rsplit_once('/').unwrap();
        let (user, address) = server.rsplit_once('@').unwrap();
        let proxy = Self::start(address.parse().unwrap());
        let url = format!("{user}@{}/{name}", proxy.address());
        (proxy, url)
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

    /// On the connections that are open now, requests pass and replies are lost, for good.
    pub fn lose_replies(&self) {
        let mut state = self.wire.state.lock().unwrap();
        state.first_heard = state.next;
    }

    /// After so many COMMITs that pass, so many reach the server and their connections are cut before the reply.
    pub fn lose_commits(&self, passing: u32, count: u32) {
        let mut state = self.wire.state.lock().unwrap();
        (state.commits_to_pass, state.commits_to_lose) = (passing, count);
    }

    /// COMMITs that are still to be cut off.
    pub fn commits_to_lose(&self) -> u32 {
        self.wire.state.lock().unwrap().commits_to_lose
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
        let last_reply_lost = Arc::new(AtomicBool::new(false));
        for (from, into, is_reply) in [(client, &server, false), (&server, client, true)] {
            let way = Way { number, is_reply, last_reply_lost: last_reply_lost.clone() };
            let (wire, from, into) = (self.clone(), from.try_clone().unwrap(), into.try_clone().unwrap());
            std::thread::spawn(move || wire.pump(&way, from, into));
        }
    }

    /// Passes bytes on until one side ends, or the wire is cut.
    fn pump(&self, way: &Way, mut from: TcpStream, mut into: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            self.note(way.number, !way.is_reply && read > 0);
            let mut state = self.state.lock().unwrap();
            state = self.changed.wait_while(state, |state| state.holds(way.number)).unwrap();
            way.look(&buffer[..read], &mut state);
            let (cut, unheard) = (state.mode == Mode::Cut, way.number < state.first_heard);
            drop(state);
            if way.is_reply && unheard && read > 0 && !cut {
                continue;
            }
            if read == 0 || cut || way.is_cut() || into.write_all(&buffer[..read]).is_err() {
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

/// One direction of a connection.
struct Way {
    number: u64,
    is_reply: bool,
    /// Whether a COMMIT went to the server whose reply, the next one, is to be lost.
    last_reply_lost: Arc<AtomicBool>,
}

impl Way {
    /// Looks for a COMMIT that is to be cut off, in what is about to be passed on.
    fn look(&self, bytes: &[u8], state: &mut State) {
        if self.is_reply
            || state.commits_to_lose == 0
            || !bytes.windows(COMMIT.len()).any(|part| part == COMMIT)
        {
            return;
        }
        if state.commits_to_pass > 0 {
            state.commits_to_pass -= 1;
        } else {
            state.commits_to_lose -= 1;
            self.last_reply_lost.store(true, Ordering::SeqCst);
        }
    }

    fn is_cut(&self) -> bool {
        self.is_reply && self.last_reply_lost.load(Ordering::SeqCst)
    }
}
