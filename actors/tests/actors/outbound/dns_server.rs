//! A small name server over UDP with scripted answers: each name gives its answers in turn and then repeats the
//! last one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use tokio::net::UdpSocket;

type Answers = Rc<RefCell<HashMap<&'static str, Zone>>>;

struct Zone {
    /// The addresses in each answer to a query for IPv4.
    turns: Vec<Vec<IpAddr>>,
    queries: usize,
}

pub(crate) struct DnsServer {
    pub(crate) address: SocketAddr,
    names: Answers,
}

const A: u16 = 1;
const AAAA: u16 = 28;

impl DnsServer {
    /// Starts a server for these names, each with its answers in turn.
    pub(crate) async fn start(names: &[(&'static str, &[&[&str]])]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let parse = |turn: &&[&str]| turn.iter().map(|ip| ip.parse().unwrap()).collect();
        let zone = |turns: &[&[&str]]| Zone { turns: turns.iter().map(parse).collect(), queries: 0 };
        let names: Answers =
            Rc::new(RefCell::new(names.iter().map(|(name, turns)| (*name, zone(turns))).collect()));
        let known = Rc::clone(&names);
        actix_rt::spawn(async move {
            let mut buffer = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let reply = reply(&buffer[..length], &mut known.borrow_mut());
                let _ = socket.send_to(&reply, from).await;
            }
        });
        Self { address, names }
    }

    /// How often a name's IPv4 addresses were queried.
    pub(crate) fn queries(&self, name: &str) -> usize {
        self.names.borrow()[name].queries
    }
}

/// Builds the answer (RFC 1035, 4): the question, followed by its answers.
fn reply(query: &[u8], names: &mut HashMap<&'static str, Zone>) -> Vec<u8> {
    let (name, end) = name(query);
    let kind = u16::from_be_bytes([query[end], query[end + 1]]);
    let (code, found) = match names.get_mut(name.as_str()) {
        None => (3, Vec::new()),
        Some(zone) => (0, zone.answer(kind)),
    };
    // Id; flags of an answer with recursion; one question; number of answers.
    let mut reply = vec![query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, found.len() as u8, 0, 0, 0, 0];
    reply.extend_from_slice(&query[12..end + 4]);
    for ip in found {
        let data = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        // The name of the question; kind, class, a time to live of zero, length.
        reply.extend_from_slice(&[0xc0, 12]);
        reply.extend_from_slice(&kind.to_be_bytes());
        reply.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, data.len() as u8]);
        reply.extend_from_slice(&data);
    }
    reply
}

impl Zone {
    fn answer(&mut self, kind: u16) -> Vec<IpAddr> {
        let turn = if kind == A { self.queries } else { self.queries.saturating_sub(1) };
        self.queries += usize::from(kind == A);
        let turn = &self.turns[turn.min(self.turns.len() - 1)];
        let wanted = |ip: &&IpAddr| if ip.is_ipv4() { kind == A } else { kind == AAAA };
        turn.iter().filter(wanted).copied().collect()
    }
}

/// The name in the question in lower case, and where it ends.
fn name(query: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    (labels.join("."), at + 1)
}
