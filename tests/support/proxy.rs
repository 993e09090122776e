//! A TCP proxy between a service and one of its servers, which plays a faulty network. It can pass bytes on, cut all
//! connections and accept no more, hold all bytes while connections stay open (as a dead router does), or silence the
//! connections that are open while new ones work. It can also lose only the server's replies, so that the server does
//! what it was asked and the client does not learn of it: all replies on the open connections, or those to PostgreSQL's
//! COMMIT.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What the network does with bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Pass,
    Cut,
    Hold,
}

/// The text of PostgreSQL's simple query that commits.
const COMMIT: &[u8] = b"COMMIT\0";

#[derive(Clone, Copy, Default)]
struct State {
    mode: Mode,
    /// The number of the next connection.
    next: u64,
    /// The first connection that is not silenced.
    first_working: u64,
    /// The first connection whose replies are not lost.
    first_replied: u64,
    /// How many COMMITs still pass, and how many after them lose their replies.
    commits_to_pass: u32,
    commits_to_lose: u32,
}

impl State {
    fn holds(&self, number: u64) -> bool {
        self.mode == Mode::Hold || (self.mode == Mode::Pass && number < self.first_working)
    }
}

struct Network {
    state: Mutex<State>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
    /// The connections on which the client sent the last bytes.
    unanswered: Mutex<HashSet<u64>>,
}

/// The proxy. It cuts its connections when it is dropped.
pub struct Proxy {
    network: Arc<Network>,
    address: SocketAddr,
}

impl Proxy {
    /// Starts a proxy in front of this address.
    pub fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { mode: Mode::Pass, ..State::default() };
        let network = Arc::new(Network {
            state: Mutex::new(state),
            changed: Condvar::new(),
            open: Mutex::default(),
            unanswered: Mutex::default(),
        });
        let own = network.clone();
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|client| own.accept(&client, to));
        });
        Self { network, address }
    }

    /// Starts a proxy in front of the server of a database URL. Returns it with the URL that leads through it.
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

    /// Changes what the network does.
    pub fn set(&self, mode: Mode) {
        self.network.state.lock().unwrap().mode = mode;
        self.network.changed.notify_all();
        if mode == Mode::Cut {
            self.network.cut();
        }
    }

    /// How many connections wait for an answer.
    pub fn unanswered(&self) -> usize {
        self.network.unanswered.lock().unwrap().len()
    }

    /// Silences the connections that are open now, for ever.
    pub fn forget(&self) {
        let mut state = self.network.state.lock().unwrap();
        state.first_working = state.next;
    }

    /// Loses all replies on the connections that are open now, for ever. Requests still pass.
    pub fn lose_replies(&self) {
        let mut state = self.network.state.lock().unwrap();
        state.first_replied = state.next;
    }

    /// Lets `passing` COMMITs pass. The next `count` reach the server, but their connections are cut before the reply.
    pub fn lose_commits(&self, passing: u32, count: u32) {
        let mut state = self.network.state.lock().unwrap();
        (state.commits_to_pass, state.commits_to_lose) = (passing, count);
    }

    /// How many COMMITs are still to lose their replies.
    pub fn commits_to_lose(&self) -> u32 {
        self.network.state.lock().unwrap().commits_to_lose
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Mode::Cut);
    }
}

impl Network {
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
        let loses_reply = Arc::new(AtomicBool::new(false));
        for (from, into, is_reply) in [(client, &server, false), (&server, client, true)] {
            let direction = Direction { number, is_reply, loses_reply: loses_reply.clone() };
            let (network, from, into) = (self.clone(), from.try_clone().unwrap(), into.try_clone().unwrap());
            std::thread::spawn(move || network.pump(&direction, from, into));
        }
    }

    /// Passes bytes on until one side ends or the network is cut.
    fn pump(&self, direction: &Direction, mut from: TcpStream, mut into: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            self.record(direction.number, !direction.is_reply && read > 0);
            let mut state = self.state.lock().unwrap();
            state = self.changed.wait_while(state, |state| state.holds(direction.number)).unwrap();
            direction.inspect(&buffer[..read], &mut state);
            let (cut, lost) = (state.mode == Mode::Cut, direction.number < state.first_replied);
            drop(state);
            if direction.is_reply && lost && read > 0 && !cut {
                continue;
            }
            if read == 0 || cut || direction.is_cut() || into.write_all(&buffer[..read]).is_err() {
                let _ = into.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    fn record(&self, number: u64, is_unanswered: bool) {
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
struct Direction {
    number: u64,
    is_reply: bool,
    /// Whether the next reply is to be lost: the server has got the COMMIT.
    loses_reply: Arc<AtomicBool>,
}

impl Direction {
    /// Looks for a COMMIT whose reply is to be lost, in bytes that are about to be passed on.
    fn inspect(&self, bytes: &[u8], state: &mut State) {
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
            self.loses_reply.store(true, Ordering::SeqCst);
        }
    }

    fn is_cut(&self) -> bool {
        self.is_reply && self.loses_reply.load(Ordering::SeqCst)
    }
}
