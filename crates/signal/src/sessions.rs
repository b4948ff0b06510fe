//! All sessions of a hub, and how one of them is told something.

use std::collections::BTreeMap;

use crate::ids::SessionId;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::protocol::Body;
use crate::replay::Bounds;
use crate::session::{Session, SessionKey};

pub(crate) struct Sessions {
    table: BTreeMap<SessionKey, Session>,
    keys: BTreeMap<SessionId, SessionKey>,
    /// So many keys were drawn.
    drawn: u64,
    bounds: Bounds,
}

impl Sessions {
    pub(crate) fn new(limits: &Limits) -> Self {
        let bounds = Bounds { frames: limits.replay_frames_max, bytes: limits.replay_bytes_max };
        Self { table: BTreeMap::new(), keys: BTreeMap::new(), drawn: 0, bounds }
    }

    /// A key for a session to be.
    pub(crate) fn draw_key(&mut self) -> SessionKey {
        self.drawn += 1;
        SessionKey(self.drawn)
    }

    pub(crate) fn insert(&mut self, key: SessionKey, session: Session) {
        self.keys.insert(session.id.clone(), key);
        self.table.insert(key, session);
    }

    pub(crate) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        let session = self.table.remove(&key)?;
        self.keys.remove(&session.id);
        Some(session)
    }

    pub(crate) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.table.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.table.get_mut(&key)
    }

    pub(crate) fn key_of(&self, id: &SessionId) -> Option<SessionKey> {
        self.keys.get(id).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Sends a message as the next frame of a session; kept for later while its line is down.
    pub(crate) fn send(
        &mut self,
        key: SessionKey,
        re: Option<&str>,
        body: &Body,
        out: &mut Outbox,
    ) {
        let Some(session) = self.table.get_mut(&key) else { return };
        let frame = session.replay.push(self.bounds, |seq| body.frame(Some(seq), re));
        if let Some(conn) = session.conn() {
            out.frame(conn, frame);
        }
    }
}
