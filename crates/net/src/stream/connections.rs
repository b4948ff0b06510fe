//! The connections of one worker.

use std::collections::{BTreeSet, HashMap};
use std::os::fd::AsFd;
use std::time::Instant;

use kopru_stun::packet::PacketBuf;
use kopru_turn::five_tuple::FiveTuple;

use super::connection::{Connection, Received};
use super::{Stream, StreamEnd};
use crate::quota::DescriptorLease;
use crate::stats::{Loss, Tally};
use crate::sys::epoll::{Epoll, Interest};
use crate::sys::sockopt;
use crate::tcp::crew::Crew;

/// A table by slot, an index by five-tuple, and one timer for each connection.
pub(crate) struct Connections<'a> {
    epoll: &'a Epoll,
    slots: Vec<Option<Connection>>,
    vacant: Vec<u32>,
    by_five_tuple: HashMap<FiveTuple, u32>,
    timers: BTreeSet<(Instant, u32)>,
    /// Those that may not be read from until somebody has looked at them.
    suspended: Vec<u32>,
    /// Those that have more to give than their turn allowed.
    unfinished: Vec<u32>,
    /// Those that have nothing more to give. They end when what they asked for is answered.
    finished: Vec<(u32, StreamEnd)>,
    ended: Vec<FiveTuple>,
    /// Which worker they are with, where a connection may be for another (RFC 6062).
    crew: Option<Crew>,
    /// Those that go to another worker.
    leaving: Vec<(u16, Connection)>,
    /// Those that had a ConnectionBind request, until it is answered.
    paused: Vec<u32>,
}

impl<'a> Connections<'a> {
    /// None yet.
    pub(crate) fn new(epoll: &'a Epoll, crew: Option<Crew>) -> Self {
        Self {
            epoll,
            slots: Vec::new(),
            vacant: Vec::new(),
            by_five_tuple: HashMap::new(),
            timers: BTreeSet::new(),
            suspended: Vec::new(),
            unfinished: Vec::new(),
            finished: Vec::new(),
            ended: Vec::new(),
            crew,
            leaving: Vec::new(),
            paused: Vec::new(),
        }
    }

    /// Takes over a connection.
    pub(crate) fn adopt(&mut self, stream: Stream, lease: DescriptorLease, tally: &mut Tally) {
        let socket = &stream.socket;
        // Both are wishes: without the first the kernel holds more that is late already; the
        // second the control plane has fulfilled.
        let _ = sockopt::TCP_NOTSENT_LOWAT.set(socket, UNSENT_BYTES_MAX);
        let _ = socket.set_nodelay(true);
        if socket.set_nonblocking(true).is_err() {
            return tally.end_stream(StreamEnd::Capacity);
        }
        self.take_in(Connection::new(stream, Instant::now(), lease), tally);
    }

    /// Takes over a connection that was with another worker, or with none.
    pub(crate) fn take_in(&mut self, mut connection: Connection, tally: &mut Tally) {
        if let Some(&former) = self.by_five_tuple.get(&connection.five_tuple) {
            self.end(former, StreamEnd::Replaced, tally);
        }
        connection.join(self.crew);
        let slot = self.vacant.pop().unwrap_or(self.slots.len() as u32);
        if self.epoll.add(connection.link().as_fd(), STREAM | u64::from(slot)).is_err() {
            self.vacant.push(slot);
            return tally.end_stream(StreamEnd::Capacity);
        }
        *tally.open_streams(connection.five_tuple.transport) += 1;
        self.by_five_tuple.insert(connection.five_tuple, slot);
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = Some(connection),
            None => self.slots.push(Some(connection)),
        }
        // TLS may have decrypted something already, which no wake-up will tell.
        self.unfinished.push(slot);
        self.settle(slot);
    }

    /// Takes one message from a connection into `packet`; whose it is. `None` when there is none.
    pub(crate) fn receive(
        &mut self,
        slot: u32,
        packet: &mut PacketBuf,
        tally: &mut Tally,
    ) -> Option<FiveTuple> {
        let connection = self.slots.get_mut(slot as usize)?.as_mut()?;
        loop {
            match connection.receive(packet) {
                Received::Message => {
                    if connection.is_paused {
                        self.paused.push(slot);
                    }
                    return Some(connection.five_tuple);
                }
                Received::TooLong => tally.lose(Loss::MessageSize),
                Received::Nothing => return None,
                Received::Unproven => {
                    self.suspended.push(slot);
                    return None;
                }
                Received::Elsewhere(worker) => {
                    let connection = self.release(slot, tally);
                    self.leaving.extend(connection.map(|connection| (worker, connection)));
                    return None;
                }
                Received::Ended(why) => {
                    self.finished.push((slot, why));
                    return None;
                }
            }
        }
    }

    /// A connection that goes to another worker, and to which.
    pub(crate) fn leaving(&mut self) -> Option<(u16, Connection)> {
        self.leaving.pop()
    }

    /// Gives the connection of this client away.
    pub(crate) fn part_with(
        &mut self,
        five_tuple: &FiveTuple,
        tally: &mut Tally,
    ) -> Option<Connection> {
        self.release(*self.by_five_tuple.get(five_tuple)?, tally)
    }

    /// Sends messages to a client, at most [`TOGETHER_MAX`](super::link::TOGETHER_MAX).
    pub(crate) fn send(
        &mut self,
        five_tuple: &FiveTuple,
        messages: &[&[u8]],
        tally: &mut Tally,
    ) -> Result<(), Loss> {
        let slot = *self.by_five_tuple.get(five_tuple).ok_or(Loss::SocketGone)?;
        let Some(Some(connection)) = self.slots.get_mut(slot as usize) else {
            return Err(Loss::SocketGone);
        };
        match connection.send(messages) {
            Ok(dropped) => {
                (0..dropped).for_each(|_| tally.lose(Loss::StreamBacklog));
                if connection.waits_to_write() != connection.is_watched_for_writing {
                    self.settle(slot);
                }
                Ok(())
            }
            Err(why) => {
                self.end(slot, why, tally);
                Err(Loss::SocketGone)
            }
        }
    }

    /// A connection has its turn: it may be read from again, and what waits for its client is
    /// written, as far as it goes.
    pub(crate) fn begin_turn(&mut self, slot: u32, tally: &mut Tally) {
        let Some(Some(connection)) = self.slots.get_mut(slot as usize) else { return };
        connection.wake();
        if !connection.is_watched_for_writing {
            return;
        }
        match connection.flush() {
            Ok(()) => self.settle(slot),
            Err(why) => self.end(slot, why, tally),
        }
    }

    /// Remembers that a connection has more to give than its turn allowed.
    pub(crate) fn resume_later(&mut self, slot: u32) {
        self.unfinished.push(slot);
    }

    /// Those that have more to give, or may again.
    pub(crate) fn unfinished(&mut self) -> &mut Vec<u32> {
        for slot in self.paused.drain(..) {
            if let Some(Some(connection)) = self.slots.get_mut(slot as usize) {
                connection.is_paused = false;
                self.unfinished.push(slot);
            }
        }
        &mut self.unfinished
    }

    /// When [`due`](Self::due) has something to say at the latest.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A connection of which must be known whether it has an allocation. Follow with
    /// [`judge`](Self::judge).
    pub(crate) fn due(&mut self, now: Instant, tally: &mut Tally) -> Option<FiveTuple> {
        while let Some((slot, why)) = self.finished.pop() {
            self.end(slot, why, tally);
        }
        while let Some(slot) = self.suspended.pop() {
            if let Some(Some(connection)) = self.slots.get(slot as usize) {
                return Some(connection.five_tuple);
            }
        }
        while let Some(&(at, slot)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, slot));
            let Some(Some(connection)) = self.slots.get_mut(slot as usize) else { continue };
            connection.timer_at = None;
            if connection.is_stalled(now) {
                self.end(slot, StreamEnd::Stalled, tally);
            } else {
                return Some(connection.five_tuple);
            }
        }
        None
    }

    /// A connection lives on as long as its client has an allocation, which is until `until` unless
    /// it is refreshed; or, with little to say, as long as it says something.
    pub(crate) fn judge(
        &mut self,
        now: Instant,
        five_tuple: &FiveTuple,
        until: Option<Instant>,
        tally: &mut Tally,
    ) {
        let Some(&slot) = self.by_five_tuple.get(five_tuple) else { return };
        let Some(Some(connection)) = self.slots.get_mut(slot as usize) else { return };
        match until {
            Some(until) => {
                connection.prove(until);
                self.unfinished.push(slot);
                self.settle(slot);
            }
            None if connection.may_go_on(now) => self.settle(slot),
            None => self.end(slot, StreamEnd::Unproven, tally),
        }
    }

    /// The allocation of a client has ended: its connection may get another one, in time.
    pub(crate) fn unprove(&mut self, five_tuple: &FiveTuple) {
        let Some(&slot) = self.by_five_tuple.get(five_tuple) else { return };
        if let Some(Some(connection)) = self.slots.get_mut(slot as usize) {
            connection.unprove(Instant::now());
            self.settle(slot);
        }
    }

    /// The five-tuple of a connection that has ended.
    pub(crate) fn ended(&mut self) -> Option<FiveTuple> {
        self.ended.pop()
    }

    /// Wakes for what the connection waits for, and when it is time.
    fn settle(&mut self, slot: u32) {
        let Some(Some(connection)) = self.slots.get_mut(slot as usize) else { return };
        let writes = connection.waits_to_write();
        if writes != connection.is_watched_for_writing {
            let token = STREAM | u64::from(slot);
            // Fails for lack of kernel memory only; then the timer ends what does not move.
            let interest = |writes| Some(Interest { reads: true, writes });
            let link = connection.link().as_fd();
            let set = self.epoll.watch(link, token, interest(!writes), interest(writes));
            connection.is_watched_for_writing = set.is_ok() == writes;
        }
        let deadline = connection.deadline();
        if connection.timer_at != Some(deadline) {
            if let Some(former) = connection.timer_at.replace(deadline) {
                self.timers.remove(&(former, slot));
            }
            self.timers.insert((deadline, slot));
        }
    }

    fn end(&mut self, slot: u32, why: StreamEnd, tally: &mut Tally) {
        if let Some(mut connection) = self.take_out(slot, tally) {
            connection.say_goodbye();
            self.ended.push(connection.five_tuple);
            tally.end_stream(why);
        }
    }

    /// Takes one out of all tables. Closing its descriptor takes it out of the epoll set.
    fn take_out(&mut self, slot: u32, tally: &mut Tally) -> Option<Connection> {
        let mut connection = self.slots.get_mut(slot as usize).and_then(Option::take)?;
        self.by_five_tuple.remove(&connection.five_tuple);
        if let Some(timer_at) = connection.timer_at.take() {
            self.timers.remove(&(timer_at, slot));
        }
        self.vacant.push(slot);
        *tally.open_streams(connection.five_tuple.transport) -= 1;
        Some(connection)
    }

    /// The same for one that lives on elsewhere.
    fn release(&mut self, slot: u32, tally: &mut Tally) -> Option<Connection> {
        let mut connection = self.take_out(slot, tally)?;
        let writes = std::mem::take(&mut connection.is_watched_for_writing);
        let interest = Some(Interest { reads: true, writes });
        let link = connection.link().as_fd();
        self.epoll.watch(link, STREAM, interest, None).expect("it is in the set");
        Some(connection)
    }
}

/// Marks the tokens of connections in the epoll set.
pub(crate) const STREAM: u64 = 1 << 33;

/// What the kernel takes beyond what the client's window allows: the rest waits where the oldest
/// can be dropped.
const UNSENT_BYTES_MAX: i32 = 32 * 1024;

#[cfg(test)]
mod tests;
