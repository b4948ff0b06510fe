//! A device that a test tells what to do.

use kopru_signal::{Claims, Outgoing};
use serde_json::{Value, json};

use super::exchange::{Exchange, State};
use super::letters::{Letter, To};
use super::line::{Cut, Transport};

/// A handle to one device.
#[derive(Clone)]
pub struct Device {
    exchange: Exchange,
    number: usize,
}

/// Whether the sender wants to know what becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It does.
    Wanted,
    /// It does not.
    No,
}

/// A message to a member.
struct Draft<'a> {
    room: &'a str,
    to: Option<&'a str>,
    receipt: Receipt,
    connection: Option<&'a str>,
    is_offer: bool,
    message: Value,
}

impl Device {
    pub(super) fn new(exchange: Exchange, number: usize) -> Self {
        Self { exchange, number }
    }

    /// Joins a room, and joins it again where its session is lost.
    pub fn join(&self, room: &str) {
        self.act(|state, own| state.clients[own].join(room));
    }

    /// Leaves a room.
    pub fn leave(&self, room: &str) {
        self.act(|state, own| state.clients[own].leave(room));
    }

    /// Changes its name in a room.
    pub fn rename(&self, room: &str) {
        let update = json!({"type": "update", "room": room, "name": "another name"});
        self.say(update);
    }

    /// Says something of which nobody keeps account: about calls.
    pub fn say(&self, message: Value) {
        self.act(|state, own| drop(state.clients[own].say(message, None)));
    }

    /// Sends a message to a member, or to everybody in the room.
    pub fn message(&self, room: &str, to: Option<&str>, receipt: Receipt) {
        let message = json!({"type": "message"});
        self.send(Draft { room, to, receipt, connection: None, is_offer: false, message });
    }

    /// Sends the next offer of a connection.
    pub fn offer(&self, room: &str, to: &str, connection: &str) {
        let message = json!({"type": "description"});
        let (to, connection, receipt) = (Some(to), Some(connection), Receipt::Wanted);
        self.send(Draft { room, to, receipt, connection, is_offer: true, message });
    }

    /// Sends a candidate of a connection.
    pub fn candidate(&self, room: &str, to: &str, connection: &str, receipt: Receipt) {
        let message = json!({"type": "candidate"});
        let (to, connection) = (Some(to), Some(connection));
        self.send(Draft { room, to, receipt, connection, is_offer: false, message });
    }

    /// Its connection breaks.
    pub fn cut(&self, cut: Cut) {
        let mut state = self.exchange.state();
        if let Some(conn) = state.clients[self.number].conn() {
            state.cut(conn, cut);
        }
    }

    /// Opens another connection in place of the one it has, if any: back, or on another network.
    pub fn connect(&self) {
        self.exchange.state().open_line(self.number);
    }

    /// Ends its session, and comes back only when it is told to [`connect`](Self::connect).
    pub fn say_goodbye(&self) {
        self.exchange.state().say_goodbye(self.number);
    }

    /// Its member id in a room, and the members it sees there.
    pub fn sees(&self, room: &str) -> Option<(String, Vec<String>)> {
        let state = self.exchange.state();
        let room = state.clients[self.number].rooms.get(room)?;
        Some((room.own.clone(), room.others.keys().cloned().collect()))
    }

    /// The calls that it knows of.
    pub fn calls(&self) -> Vec<String> {
        self.exchange.state().clients[self.number].rooms.calls.keys().cloned().collect()
    }

    /// How many sessions it has had.
    pub fn sessions(&self) -> u64 {
        self.exchange.state().clients[self.number].incarnation
    }

    /// How many times it was welcomed.
    pub fn welcomes(&self) -> usize {
        self.exchange.state().clients[self.number].resumes.len()
    }

    /// What `welcome` says to somebody with these claims who shows the resume token of the
    /// `nth` welcome of this device.
    pub fn steal(&self, nth: usize, claims: Claims) -> Value {
        let mut state = self.exchange.state();
        let resume = &state.clients[self.number].resumes[nth];
        let hello = json!({"type": "hello", "v": 1, "resume": resume}).to_string();
        let said = state.impersonate(claims, &hello);
        let Some(Outgoing::Frame(_, welcome)) = said.first() else { panic!("{said:?}") };
        serde_json::from_str(welcome).expect("a frame is JSON")
    }

    fn send(&self, draft: Draft<'_>) {
        self.act(|state, own| state.send_letter(own, draft));
    }

    fn act(&self, act: impl FnOnce(&mut State, usize)) {
        let mut state = self.exchange.state();
        act(&mut state, self.number);
        state.flush(self.number);
    }
}

impl State {
    fn send_letter(&mut self, own: usize, draft: Draft<'_>) {
        let Draft { room, to, receipt, connection, is_offer, mut message } = draft;
        let number = self.letters.next();
        message["room"] = json!(room);
        match message["type"].as_str() {
            Some("message") => message["data"] = json!({"number": number.to_string()}),
            Some("candidate") => {
                message["candidate"] = json!({"candidate": format!(
                "candidate:{number} 1 udp 41 203.0.113.7 50000 typ relay raddr 192.0.2.1 rport 9")})
            }
            _ => {
                let sdp = format!("s=-\r\na=number:{number}\r\n");
                message["description"] = json!({"type": "offer", "sdp": sdp});
                message["negotiation"] = json!(number);
            }
        }
        if let Some(connection) = connection {
            message["connection"] = json!(connection);
        }
        if receipt == Receipt::Wanted {
            message["receipt"] = json!(true);
        }
        if let Some(to) = to {
            message["to"] = json!(to);
        }
        let receiver = to.and_then(|member| self.letters.owner(member)).map(|(device, _)| device);
        let since = [Some(own), receiver].map(|device| self.since(device?, room));
        let to = to.map_or_else(|| To::All(self.present(own, room)), |to| To::Member(to.into()));
        let client = &mut self.clients[own];
        let letter = Letter {
            since,
            overtakes: client.overtakes(),
            is_repeated: client.transport() != Transport::Socket && self.weather.copies > 0,
            connection: connection.map(|name| format!("{room} {name} {}", message["to"])),
            wants_receipt: receipt == Receipt::Wanted,
            ..Letter::new((own, client.incarnation), self.now.instant, room, to)
        };
        let id = client.say(message, Some(number));
        self.letters.add(Letter { is_offer, ..letter }, id);
    }

    /// Everybody else who knows to be in a room with `own`, which knows it too.
    fn present(&self, own: usize, room: &str) -> Vec<(usize, u64, Option<u64>)> {
        let Some(seen) = self.clients[own].rooms.get(room) else { return Vec::new() };
        let others = self.clients.iter().enumerate().filter(|(other, _)| *other != own);
        others
            .filter_map(|(number, client)| {
                let member = &client.rooms.get(room)?.own;
                let is_seen = seen.others.contains_key(member);
                is_seen.then(|| (number, client.incarnation, self.since(number, room)))
            })
            .collect()
    }
}
