//! Members that come in together, and stay.

use std::time::{Duration, Instant};

use crate::clients::{Behavior, Clients};
use crate::dialect::{Dialect, Heard};
use crate::error::BenchError;
use crate::latency::Latencies;

/// Everybody at one server.
pub(crate) struct Crowd<D> {
    pub(crate) clients: Clients,
    pub(crate) stay: Stay<D>,
}

/// Who is inside, and who is on the way.
pub(crate) struct Stay<D> {
    pub(crate) dialect: D,
    begin: Instant,
    /// Since when each client is on its way in.
    came_ns: Vec<Option<u64>>,
    inside: usize,
    /// From the first word to being inside.
    pub(crate) entrances: Latencies,
    refused: Option<String>,
}

impl<D: Dialect> Crowd<D> {
    /// Lets all clients in, a few at a time.
    pub(crate) fn enter(clients: Clients, dialect: D) -> Result<Self, BenchError> {
        let stay = Stay {
            dialect,
            begin: Instant::now(),
            came_ns: vec![None; clients.len()],
            inside: 0,
            entrances: Latencies::default(),
            refused: None,
        };
        let mut crowd = Self { clients, stay };
        for client in 0..crowd.clients.len() {
            crowd.open(client)?;
            crowd.clients.turn_until(&mut crowd.stay, "members did not get in", |stay| {
                stay.inside + AT_ONCE > client || stay.refused.is_some()
            })?;
        }
        crowd.wait_for_all()?;
        Ok(crowd)
    }

    /// Connects a client that is not inside.
    pub(crate) fn open(&mut self, client: usize) -> Result<(), BenchError> {
        self.stay.is_coming(client);
        self.clients.open(client, &self.stay.dialect.target(client))
    }

    /// Waits until everybody is inside.
    pub(crate) fn wait_for_all(&mut self) -> Result<(), BenchError> {
        self.clients.turn_until(&mut self.stay, "members did not get in", |stay| {
            stay.inside == stay.came_ns.len() || stay.refused.is_some()
        })?;
        self.stay.refused.take().map_or(Ok(()), |said| Err(BenchError::Refused { said }))
    }

    /// Lets each say what it says when it has nothing to say: what it has received the server need
    /// not keep then.
    pub(crate) fn rest(&mut self) -> Result<(), BenchError> {
        for client in 0..self.clients.len() {
            self.clients.send(client, |out| self.stay.dialect.rest(client, out));
        }
        let deadline = Instant::now() + SETTLING;
        while Instant::now() < deadline {
            self.clients.turn(&mut self.stay, Duration::from_millis(5))?;
        }
        self.wait_for_all()
    }
}

impl<D> Stay<D> {
    /// From now on the client is on its way in.
    pub(crate) fn is_coming(&mut self, client: usize) {
        self.came_ns[client] = Some(self.now_ns());
    }

    /// The client is on its way out, if it is inside.
    pub(crate) fn goes(&mut self, client: usize) -> bool {
        let was_inside = self.came_ns[client].is_none();
        self.inside -= usize::from(was_inside);
        was_inside
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl<D: Dialect> Behavior for Stay<D> {
    fn opened(&mut self, client: usize, out: &mut Vec<u8>) {
        self.dialect.opened(client, out);
    }

    fn heard(&mut self, client: usize, text: &[u8], out: &mut Vec<u8>) {
        match self.dialect.heard(client, text, out) {
            Heard::Joined => {
                if let Some(came_ns) = self.came_ns[client].take() {
                    self.inside += 1;
                    self.entrances.note(self.now_ns() - came_ns);
                }
            }
            Heard::Refused(said) => self.refused = Some(said),
            _ => {}
        }
    }

    fn closed(&mut self, client: usize, code: Option<u16>) {
        self.refused = Some(format!("member {client} was closed with {code:?}"));
    }
}

/// Members on their way in.
const AT_ONCE: usize = 64;
const SETTLING: Duration = Duration::from_secs(2);
