//! Every description, candidate and message that devices sent each other, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;

use super::client::Client;

/// All of them, by number. The number travels inside.
#[derive(Debug, Default)]
pub(super) struct Letters {
    letters: Vec<Letter>,
    /// Whose a member id is: a device, and which of its sessions.
    owners: BTreeMap<String, (usize, u64)>,
    /// The last one of a device that arrived at another: of everything that stays in order, and
    /// of the candidates of each connection where they may be held back.
    last: BTreeMap<(usize, usize, Option<String>), usize>,
    /// By sender, its session, and the `id` of the message.
    wanted: BTreeMap<(usize, u64, String), usize>,
}

#[derive(Debug)]
pub(super) struct Letter {
    pub(super) from: usize,
    pub(super) incarnation: u64,
    pub(super) at: Instant,
    /// Since when the two of a connection are in the room, by their own frames.
    pub(super) since: [Option<u64>; 2],
    /// The room and whom it is for: a member, or all who were there.
    pub(super) room: String,
    pub(super) to: To,
    /// Which connection it describes, and whether a later one of these makes it useless.
    pub(super) connection: Option<String>,
    pub(super) is_offer: bool,
    /// Its sender may send another one at the same time.
    pub(super) overtakes: bool,
    /// The request that carries it may be repeated.
    pub(super) is_repeated: bool,
    pub(super) is_done: bool,
    pub(super) is_refused: bool,
    pub(super) wants_receipt: bool,
    pub(super) receipt: Option<String>,
    pub(super) arrived: BTreeSet<usize>,
}

#[derive(Debug)]
pub(super) enum To {
    Member(String),
    /// Devices that knew themselves to be in the room, each in this session and since when.
    All(Vec<(usize, u64, Option<u64>)>),
}

impl Letter {
    pub(super) fn new((from, incarnation): (usize, u64), at: Instant, room: &str, to: To) -> Self {
        Self {
            from,
            incarnation,
            at,
            since: [None; 2],
            room: room.to_owned(),
            to,
            connection: None,
            is_offer: false,
            overtakes: false,
            is_repeated: false,
            is_done: false,
            is_refused: false,
            wants_receipt: false,
            receipt: None,
            arrived: BTreeSet::new(),
        }
    }
}

impl Letters {
    /// The number of the next one.
    pub(super) fn next(&self) -> usize {
        self.letters.len()
    }

    pub(super) fn add(&mut self, letter: Letter, id: String) {
        if letter.wants_receipt {
            self.wanted.insert((letter.from, letter.incarnation, id), self.letters.len());
        }
        self.letters.push(letter);
    }

    /// A device knows its member id.
    pub(super) fn settle(&mut self, member: &str, owner: (usize, u64)) {
        self.owners.insert(member.to_owned(), owner);
    }

    pub(super) fn owner(&self, member: &str) -> Option<(usize, u64)> {
        self.owners.get(member).copied()
    }

    pub(super) fn done(&mut self, letter: usize) {
        let letter = &mut self.letters[letter];
        // A copy of the request may have come when it could be done.
        assert!(!letter.is_refused || letter.is_repeated, "refused and done: {letter:?}");
        (letter.is_done, letter.is_refused) = (true, false);
    }

    pub(super) fn refused(&mut self, letter: usize) {
        let letter = &mut self.letters[letter];
        assert!(!letter.is_done, "done and refused: {letter:?}");
        let is_delivered = !letter.arrived.is_empty();
        assert!(!is_delivered || letter.is_repeated, "nothing was delivered: {letter:?}");
        letter.is_refused = true;
    }

    /// One arrives at a device: once, in order, and not after it was refused.
    pub(super) fn arrive(&mut self, at: usize, receiver: &Client, frame: &Value) {
        let number = number(frame);
        let letter = &mut self.letters[number];
        assert!(letter.arrived.insert(at), "twice: {frame}");
        let room = receiver.rooms.get(&letter.room);
        let room = room.unwrap_or_else(|| panic!("of a room it is not in: {frame}"));
        let from = frame["from"].as_str().expect("a sender");
        assert!(room.others.contains_key(from), "from a stranger: {frame}");
        let is_held = frame["type"] == "candidate" && receiver.holds_candidates();
        let lane = letter.connection.clone().filter(|_| is_held);
        let last = self.last.insert((letter.from, at, lane), number);
        // What was refused at first may be done when its copy comes.
        let is_in_order = letter.overtakes || letter.is_repeated || last < Some(number);
        assert!(is_in_order, "{number} after {last:?}: {frame}");
    }

    /// A receipt says once, after `ok`, what became of a letter.
    pub(super) fn receipt(&mut self, (from, incarnation): (usize, u64), receipt: &Value) {
        let of = receipt["of"].as_str().expect("an id").to_owned();
        let number = self.wanted.get(&(from, incarnation, of));
        let number = *number.unwrap_or_else(|| panic!("nobody asked for this: {receipt}"));
        let letter = &mut self.letters[number];
        let status = receipt["status"].as_str().expect("a status").to_owned();
        if status == "delivered" {
            assert!(!letter.arrived.is_empty(), "it was not: {letter:?}");
        }
        assert_eq!(letter.receipt.replace(status), None, "told once: {letter:?}");
    }

    /// All that were sent.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Letter)> {
        self.letters.iter().enumerate()
    }

    /// Whether a newer offer of the same connection has made one useless.
    pub(super) fn is_superseded(&self, number: usize) -> bool {
        let letter = &self.letters[number];
        // Where they overtake each other, one that was sent before may be newer.
        let others = if letter.overtakes { 0.. } else { number + 1.. };
        letter.connection.is_some()
            && self.letters[others].iter().any(|other| {
                other.is_offer
                    && (other.from, &other.connection) == (letter.from, &letter.connection)
            })
    }
}

/// The number inside a letter.
fn number(frame: &Value) -> usize {
    let text = match frame["type"].as_str() {
        Some("message") => frame["data"]["number"].as_str(),
        Some("candidate") => frame["candidate"]["candidate"].as_str(),
        _ => frame["description"]["sdp"].as_str(),
    };
    let text = text.unwrap_or_else(|| panic!("as it was sent: {frame}"));
    let digits: String = text
        .chars()
        .skip_while(|letter| !letter.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().expect("a number")
}
