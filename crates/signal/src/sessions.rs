//! All sessions of a hub, and how one of them is told something.

use std::collections::{BTreeMap, VecDeque};

use schemars::JsonSchema;
use serde::Serialize;

use crate::hub::Hub;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::outbox::Outbox;
use crate::protocol::{Frame, ServerMessage};
use crate::replay::{Bounds, Wanted};
use crate::session::{Session, SessionKey};
use crate::whole::HubNumber;

pub(crate) struct Sessions {
    /// Boxed: the nodes of a tree that grows at its end are half empty.
    table: BTreeMap<SessionKey, Box<Session>>,
    bounds: Bounds,
    memory: Memory,
    /// Where each frame is written before its length is known: one, however many sessions.
    text: String,
}

impl Sessions {
    pub(crate) fn new(limits: &Limits, memory: Memory) -> Self {
        let bounds = Bounds { frames: limits.replay_frames_max, bytes: limits.replay_bytes_max };
        Self { table: BTreeMap::new(), bounds, memory, text: String::new() }
    }

    pub(crate) fn insert(&mut self, key: SessionKey, session: Box<Session>) {
        self.table.insert(key, session);
    }

    pub(crate) fn remove(&mut self, key: SessionKey) -> Option<Box<Session>> {
        self.table.remove(&key)
    }

    pub(crate) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.table.get(&key).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.table.get_mut(&key).map(Box::as_mut)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Sends a message as the next frame of a session; kept for later while its line is down.
    pub(crate) fn send(
        &mut self,
        key: SessionKey,
        re: Option<&str>,
        frame: &impl Frame,
        out: &mut Outbox,
    ) {
        let lost = self.push(key, None, |text, seq| frame.write(text, Some(seq), re), out);
        self.tell(lost.unwrap_or_default(), Fate::Expired, out);
    }

    /// The same for a message of which somebody wants to know what becomes of it. Says its `seq`.
    pub(crate) fn send_wanted(
        &mut self,
        key: SessionKey,
        frame: &impl Frame,
        wanted: Option<Wanted>,
        out: &mut Outbox,
    ) -> Option<u64> {
        let lost = self.push(key, wanted, |text, seq| frame.write(text, Some(seq), None), out)?;
        let seq = self.get(key)?.replay.sent();
        self.tell(lost, Fate::Expired, out);
        Some(seq)
    }

    /// Tells everybody who wanted to know what became of their messages.
    pub(crate) fn tell(&mut self, wanted: Vec<Wanted>, fate: Fate, out: &mut Outbox) {
        if wanted.is_empty() {
            return;
        }
        // To tell one may cost others of the same session their frames: they are told next.
        let mut queue: VecDeque<(Wanted, Fate)> =
            wanted.into_iter().map(|wanted| (wanted, fate)).collect();
        while let Some((wanted, fate)) = queue.pop_front() {
            let receipt = ServerMessage::Receipt { of: &wanted.id, status: fate };
            let write = |text: &mut String, seq| receipt.write(text, Some(seq), None);
            match self.push(wanted.by, None, write, out) {
                Some(lost) => queue.extend(lost.into_iter().map(|it| (it, Fate::Expired))),
                // Over, or on another hub: it has left the room that the two were in.
                None => out.receipt(Receipt { wanted, fate }),
            }
        }
    }

    /// Numbers a frame, keeps it, and sends it while the line is up. What was lost for it comes
    /// back; `None` when there is no such session.
    fn push(
        &mut self,
        key: SessionKey,
        wanted: Option<Wanted>,
        write: impl FnOnce(&mut String, u64),
        out: &mut Outbox,
    ) -> Option<Vec<Wanted>> {
        let session = self.table.get_mut(&key)?;
        let mut lost = Vec::new();
        let bytes = self.memory.pressure().of(self.bounds.bytes);
        let bounds = Bounds { bytes, ..self.bounds };
        self.text.clear();
        write(&mut self.text, session.replay.sent() + 1);
        let frame = session.replay.push(bounds, wanted, &mut lost, &self.text);
        if let Some(conn) = session.conn() {
            out.frame(conn, frame);
        }
        Some(lost)
    }
}

/// What became of the message of a session that this hub does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub(crate) wanted: Wanted,
    pub(crate) fate: Fate,
}

impl Hub {
    /// The hub that a receipt is for; `None` when its session is over.
    #[must_use]
    pub fn hub_of_receipt(&self, receipt: &Receipt) -> Option<HubNumber> {
        self.whole.register().hub_of(receipt.wanted.by)
    }

    /// Tells a session on this hub what became of its message.
    pub fn deliver(&mut self, Receipt { wanted, fate }: Receipt, out: &mut Outbox) {
        self.sessions.tell(vec![wanted], fate, out);
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// The addressee has acknowledged it.
    Delivered,
    /// Nobody waits for that any more: the addressee did not come back in time, or has too much
    /// unacknowledged, of which it may have had this.
    Expired,
    /// A newer offer took its place before it arrived.
    Superseded,
}
