//! RFC 8445 §6, §7: Performing Connectivity Checks.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::time::Instant;

use kopru_stun::attribute::{Data, XorMappedAddress, XorPeerAddress};
use kopru_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};

use super::Route;
use super::candidate::{Candidate, Kind};
use super::gather::{gather, permit};
use crate::request::binding;
use crate::transaction::waits;
use crate::turn_client::TurnClient;
use crate::world::World;

/// One of two who look for a way to each other.
pub(super) struct Agent<'a> {
    world: &'a World,
    client: &'a TurnClient,
    candidates: Vec<Candidate>,
    pairs: Vec<Pair>,
}

/// From where an agent sends. What leaves its socket has the host or a reflexive candidate as its
/// source, as NATs will have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local {
    Relay,
    Socket,
}

/// A way to send to the other agent.
struct Pair {
    local: Local,
    remote: Candidate,
    check: TransactionId,
    /// How often the check was sent, and when it is due once more.
    sent: usize,
    due: Instant,
    /// It was answered, from where it went.
    answered: bool,
    /// The other agent's check came this way.
    heard: bool,
}

impl Pair {
    fn route(&self) -> Route {
        let relayed = self.local == Local::Relay || self.remote.kind == Kind::Relayed;
        if relayed { Route::Relayed } else { Route::Direct }
    }

    fn works(&self) -> bool {
        self.answered && self.heard
    }
}

impl<'a> Agent<'a> {
    #[track_caller]
    pub(super) fn gather(world: &'a World, client: &'a TurnClient) -> Self {
        Self { world, client, candidates: gather(client), pairs: Vec::new() }
    }

    /// Takes the candidates of the other agent and makes pairs, the best first (§6.1.2.3).
    #[track_caller]
    pub(super) fn meet(&mut self, other: &Self) {
        let has_relay = self.candidates.iter().any(|candidate| candidate.kind == Kind::Relayed);
        for remote in &other.candidates {
            self.add(Local::Socket, *remote);
            if has_relay && permit(self.client, remote) {
                self.add(Local::Relay, *remote);
            }
        }
        self.pairs.sort_by_key(|pair| Reverse((pair.local, pair.remote.kind)));
    }

    /// Whether a pair of this route works both ways.
    pub(super) fn works(&self, route: Route) -> bool {
        self.pairs.iter().any(|pair| pair.route() == route && pair.works())
    }

    /// What is done every 50 ms: reads everything, sends one check.
    pub(super) fn turn(&mut self) {
        while let Some((local, from, bytes)) = self.receive() {
            self.take(local, from, &bytes);
        }
        let now = self.world.now().instant;
        let is_due = |pair: &Pair| !pair.answered && pair.due <= now;
        let due = self.pairs.iter_mut().filter(|pair| is_due(pair));
        let left = due.filter_map(|pair| Some((waits().nth(pair.sent)?, pair)));
        // Which is due longest; of those, the best.
        if let Some((wait, pair)) = left.min_by_key(|(_, pair)| pair.due) {
            (pair.sent, pair.due) = (pair.sent + 1, now + wait);
            let (local, to, id) = (pair.local, pair.remote.address, pair.check);
            self.send(local, to, &binding().write(id, None));
        }
    }

    /// Sends data to the other on a pair that works, which gets it.
    #[track_caller]
    pub(super) fn talk(&self, other: &Self, route: Route) {
        let working = self.pairs.iter().find(|pair| pair.route() == route && pair.works());
        let pair = working.expect("a pair works");
        // What was under way when the checks ended arrives first.
        let arrived = || std::iter::from_fn(|| other.receive()).any(|it| it.2 == WORDS);
        let heard = waits().any(|wait| {
            self.send(pair.local, pair.remote.address, WORDS);
            self.world.wait(wait, arrived)
        });
        assert!(heard, "data goes where checks went");
    }

    fn take(&mut self, local: Local, from: SocketAddr, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes) else { return };
        let id = message.transaction_id();
        match message.class() {
            Class::Request => {
                self.answer(local, from, id);
                let pair = self.pair_with(local, from);
                pair.heard = true;
            }
            Class::Success => {
                // 7.2.5.2.1: "the source and destination transport addresses in the response are
                // not symmetric … the agent MUST set the candidate pair state to Failed"
                let fits = |pair: &&mut Pair| {
                    (pair.check, pair.local, pair.remote.address) == (id, local, from)
                };
                let fitting = self.pairs.iter_mut().find(fits);
                fitting.into_iter().for_each(|pair| pair.answered = true);
            }
            Class::Indication | Class::Error => {}
        }
    }

    /// The pair that a check came by. One that was not known is that of a peer-reflexive candidate,
    /// and is checked as well (§7.3.1.3, §7.3.1.4).
    fn pair_with(&mut self, local: Local, from: SocketAddr) -> &mut Pair {
        let same = |pair: &Pair| (pair.local, pair.remote.address) == (local, from);
        let place = self.pairs.iter().position(same).unwrap_or_else(|| {
            self.add(local, Candidate { kind: Kind::PeerReflexive, address: from });
            self.pairs.len() - 1
        });
        &mut self.pairs[place]
    }

    fn add(&mut self, local: Local, remote: Candidate) {
        let due = self.world.now().instant;
        let check = TransactionId(self.world.next_transaction());
        self.pairs.push(Pair { local, remote, check, sent: 0, due, answered: false, heard: false });
    }

    /// §7.3.1.1 to §7.3.1.2: a response says from where the check came.
    fn answer(&self, local: Local, to: SocketAddr, id: TransactionId) {
        let mut buffer = [0; 64];
        let success = MessageType::new(Method::BINDING, Class::Success);
        let mut builder = MessageBuilder::new(&mut buffer, success, id);
        let len = builder.add(&XorMappedAddress(to)).finish();
        self.send(local, to, &buffer[..len]);
    }

    fn send(&self, local: Local, to: SocketAddr, bytes: &[u8]) {
        match local {
            Local::Socket => self.world.send(self.client.address(), to, bytes),
            Local::Relay => self.client.send_to_address(to, bytes),
        }
    }

    /// The next thing that somebody else than the server has sent, and which way it came.
    fn receive(&self) -> Option<(Local, SocketAddr, Vec<u8>)> {
        let datagram = self.world.receive(self.client.address())?;
        if datagram.from != self.client.server() {
            return Some((Local::Socket, datagram.from, datagram.bytes));
        }
        let message = Message::parse(&datagram.bytes).expect("a server writes whole messages");
        let from = message.get::<XorPeerAddress>().expect("well-formed");
        match (message.method(), from, message.get::<Data<'_>>()) {
            (Method::DATA, Some(XorPeerAddress(from)), Ok(Some(Data(data)))) => {
                Some((Local::Relay, from, data.to_vec()))
            }
            // A copy of an answer that it has had.
            _ => self.receive(),
        }
    }
}

/// What is said once there is a way.
const WORDS: &[u8] = b"can you hear me?";
