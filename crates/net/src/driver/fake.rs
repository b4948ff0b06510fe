//! A network without sockets: what arrives is a list, and what leaves is remembered.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use kopru_stun::run::Run;
use kopru_turn::five_tuple::{FiveTuple, RelayedAddr};

use crate::batch::{Batch, Departure, Origin};
use crate::driver::Driver;
use crate::quota::DescriptorLease;
use crate::stats::Tally;
use crate::stream::Stream;
use crate::stream::connection::Connection;

/// A driver whose every wake-up is written down beforehand.
#[derive(Default)]
pub(crate) struct FakeDriver {
    /// What happens at each wake-up, in order.
    pub(crate) script: VecDeque<WakeUp>,
    /// What opening sockets and admitting peers fails with, in order; an empty list lets both be.
    pub(crate) refusals: VecDeque<i32>,
    /// What was sent.
    pub(crate) sent: Vec<(Departure, Vec<u8>)>,
    /// Those that peers are admitted to.
    pub(crate) admitted: BTreeSet<u32>,
    /// The open sockets by slot.
    pub(crate) open: HashMap<u32, SocketAddr>,
    /// What each sleep was to end at.
    pub(crate) deadlines: Vec<Option<Instant>>,
    /// The clients whose connections are due.
    pub(crate) due: VecDeque<FiveTuple>,
    /// What was said about them.
    pub(crate) judged: Vec<(FiveTuple, Option<Instant>)>,
    /// The clients who were said to have no allocation any more.
    pub(crate) unproven: Vec<FiveTuple>,
    /// The clients whose connections have ended.
    pub(crate) disconnected: VecDeque<FiveTuple>,
    arriving: VecDeque<(Origin, Vec<u8>, usize)>,
    next_slot: u32,
    tally: Tally,
}

/// What a worker finds when it wakes.
pub(crate) enum WakeUp {
    /// Datagrams, or trains of them that are to be cut every so many bytes.
    Arrivals(Vec<(Origin, Vec<u8>, usize)>),
    /// Somebody rang the bell, after doing this.
    Bell(Box<dyn FnOnce()>),
}

impl Driver for FakeDriver {
    fn open(&mut self, _: RelayedAddr, bound: SocketAddr) -> io::Result<u32> {
        if let Some(code) = self.refusals.pop_front() {
            return Err(io::Error::from_raw_os_error(code));
        }
        let slot = self.next_slot;
        self.next_slot += 1;
        self.open.insert(slot, bound);
        Ok(slot)
    }

    fn admit(&mut self, slot: u32) -> io::Result<()> {
        assert!(self.open.contains_key(&slot), "peers are admitted to what is open");
        if let Some(code) = self.refusals.pop_front() {
            return Err(io::Error::from_raw_os_error(code));
        }
        self.admitted.insert(slot);
        Ok(())
    }

    fn close(&mut self, slot: u32) {
        self.open.remove(&slot).expect("only what is open is closed, and once");
        self.admitted.remove(&slot);
    }

    fn adopt(&mut self, _: Stream, _: DescriptorLease) {
        unreachable!("connections have sockets");
    }

    fn take_in(&mut self, _: Connection) {
        unreachable!("connections have sockets");
    }

    fn leaving(&mut self) -> Option<(u16, Connection)> {
        None
    }

    fn part_with(&mut self, _: &FiveTuple) -> Option<Connection> {
        None
    }

    fn due(&mut self, _: Instant) -> Option<FiveTuple> {
        self.due.pop_front()
    }

    fn judge(&mut self, _now: Instant, client: &FiveTuple, until: Option<Instant>) {
        self.judged.push((*client, until));
    }

    fn unprove(&mut self, client: &FiveTuple) {
        self.unproven.push(*client);
    }

    fn disconnected(&mut self) -> Option<FiveTuple> {
        self.disconnected.pop_front()
    }

    fn wait(&mut self, until: Option<Instant>) -> bool {
        self.deadlines.push(until);
        match self.script.pop_front().expect("the script ends with stopping") {
            WakeUp::Arrivals(arrivals) => {
                self.arriving.extend(arrivals);
                false
            }
            WakeUp::Bell(before) => {
                before();
                true
            }
        }
    }

    fn recv(&mut self, batch: &mut Batch) {
        while let Some(packet) = batch.vacant() {
            let Some((origin, bytes, segment)) = self.arriving.pop_front() else { return };
            assert!(packet.copy_from(&bytes));
            batch.push_train(batch.len(), origin, Run::train(bytes.len(), segment));
        }
    }

    fn send(&mut self, batch: &mut Batch) {
        let (packets, departing) = batch.departing();
        for run in departing {
            let packet = &packets[run.place];
            let datagrams = (0..run.run.count()).map(|index| run.datagram(packet, index).concat());
            self.sent.extend(datagrams.map(|bytes| (run.to, bytes)));
        }
        batch.forget_departing();
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }
}
