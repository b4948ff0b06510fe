//! What holds when nothing is under way: everybody knows the same, and nothing was lost unsaid.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kopru_signal::RoomPattern;
use serde_json::Value;

use super::exchange::{Exchange, State};
use super::letters::{Letter, To};

impl Exchange {
    /// Lets time pass until every device is back, has its answers and has acknowledged all it was
    /// told, and no session waits for anybody. Then everybody knows the same.
    pub fn settle(&self) {
        // Twice: what was held back for an acknowledgement has to be acknowledged itself.
        for _ in 0..2 {
            self.quieten();
            let mut state = self.state();
            for device in 0..state.clients.len() {
                state.clients[device].ping();
                state.flush(device);
            }
            drop(state);
            self.quieten();
        }
        let state = self.state();
        state.check_rooms();
        state.check_calls();
        state.check_letters();
    }

    fn quieten(&self) {
        for _ in 0..PATIENCE_S {
            let state = self.state();
            let devices = state.clients.iter().filter(|client| !client.is_away()).count();
            let is_quiet = !state.is_busy()
                && state.clients.iter().all(|client| client.is_settled())
                && state.hub.stats().sessions == devices;
            drop(state);
            if is_quiet {
                return;
            }
            self.advance(Duration::from_secs(1));
        }
        let stats = self.stats();
        panic!("not quiet after {PATIENCE_S} s: {stats:?}");
    }
}

impl State {
    /// Each room is what all its members take it for, and what the hub counts.
    fn check_rooms(&self) {
        let mut rooms: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        for (name, room) in self.clients.iter().flat_map(|client| client.rooms.iter()) {
            assert!(rooms.entry(name).or_default().insert(&room.own), "two of one id: {room:?}");
        }
        let mut versions = BTreeMap::new();
        for (number, client) in self.clients.iter().enumerate() {
            for (name, room) in client.rooms.iter() {
                let own = std::iter::once(&room.own);
                let seen: BTreeSet<&String> = room.others.keys().chain(own).collect();
                assert_eq!(seen, rooms[name], "{number} in {name}");
                assert!(room.others.values().all(|is_away| !is_away), "{number}: {room:?}");
                let version = *versions.entry(name).or_insert(room.version);
                assert_eq!(version, room.version, "{number} in {name}");
            }
        }
        let listed = self.hub.list_rooms(&[RoomPattern::Any], None).rooms;
        let listed: Vec<_> = listed.iter().map(|listed| (&listed.room, listed.members)).collect();
        let known: Vec<_> = rooms.iter().map(|(name, members)| (*name, members.len())).collect();
        assert_eq!(listed, known);
    }

    /// Each call is what all who are in it take it for.
    fn check_calls(&self) {
        let mut calls: BTreeMap<&String, &Value> = BTreeMap::new();
        for (number, client) in self.clients.iter().enumerate() {
            for (id, call) in &client.rooms.calls {
                let known = *calls.entry(id).or_insert(call);
                assert_eq!(known, call, "{number} of {id}");
            }
        }
        assert_eq!(calls.len(), self.hub.stats().calls.values().sum::<usize>());
    }

    fn check_letters(&self) {
        for (number, letter) in self.letters.iter().filter(|(_, letter)| letter.is_done) {
            for (device, incarnation) in self.receivers(letter) {
                let receiver = &self.clients[device];
                let may_miss = receiver.incarnation != incarnation
                    || receiver.missed_at.is_some_and(|at| at >= letter.at)
                    || self.letters.is_superseded(number)
                    || (receiver.holds_candidates() && self.is_one_gone(letter, device));
                let has_arrived = letter.arrived.contains(&device);
                assert!(has_arrived || may_miss, "{number} is lost to {device}: {letter:?}");
            }
            let sender = &self.clients[letter.from];
            let may_miss = sender.incarnation != letter.incarnation
                || sender.missed_at.is_some_and(|at| at >= letter.at);
            let has_receipt = letter.receipt.is_some() || !letter.wants_receipt;
            assert!(has_receipt || may_miss, "{number} has no receipt: {letter:?}");
        }
    }

    /// Whether the connection that a letter belongs to is over, as one of the two has left: then
    /// what was held back is of no use.
    fn is_one_gone(&self, letter: &Letter, receiver: usize) -> bool {
        let since = [letter.from, receiver].map(|device| self.since(device, &letter.room));
        letter.connection.is_some() && since != letter.since
    }

    /// By which of its frames a device is in a room.
    pub(super) fn since(&self, device: usize, room: &str) -> Option<u64> {
        self.clients[device].rooms.get(room).map(|room| room.since)
    }

    /// Devices that must have it, unless they were told that they missed something.
    fn receivers(&self, letter: &Letter) -> Vec<(usize, u64)> {
        match &letter.to {
            To::Member(member) => self.letters.owner(member).into_iter().collect(),
            To::All(present) => {
                let stayed = present
                    .iter()
                    .filter(|(device, _, since)| self.since(*device, &letter.room) == *since);
                stayed.map(|&(device, incarnation, _)| (device, incarnation)).collect()
            }
        }
    }
}

/// Longer than silence, and the grace after it, take.
const PATIENCE_S: usize = 200;
