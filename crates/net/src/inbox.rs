//! What other threads hand to a worker: datagrams for its relayed transport addresses, connections
//! of clients, and words from the control plane. Bounded, without locks, and with one wake-up for
//! many deliveries.
//!
//! ```text
//!  a sender swaps its full buffer         the worker swaps its used buffer
//!  for a free one                         for a full one
//!            ┌─────────── free ◀───────────┐
//!            ▼                             │
//!         senders ──────▶ full ──────▶ the worker
//! ```
//!
//! Buffers change owners; the bytes of a datagram that came by itself are never copied, a run out
//! of a train is copied once, since the rest of its train may go elsewhere. A buffer is made when
//! it is needed and none is free, up to a limit, and then kept: a host with many cores has as many
//! as it has ever used at once, and not sixteen megabytes for each core.

use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;

use kopru_stun::channel_data::CHANNEL_HEADER_LEN;
use kopru_stun::packet::PacketBuf;
use kopru_stun::run::Run;
use kopru_turn::five_tuple::{RelayedAddr, Sender};

use crate::batch::{Batch, DATAGRAM_MAX, Origin};
use crate::control::Control;
use crate::stream::Stream;
use crate::stream::connection::Connection;
use crate::sys::eventfd::EventFd;

/// One worker's inbox.
pub(crate) struct Inbox {
    free: ArrayQueue<PacketBuf>,
    made: AtomicUsize,
    full: ArrayQueue<Crossing>,
    control: ArrayQueue<Control>,
    streams: ArrayQueue<Stream>,
    moved: ArrayQueue<Connection>,
    streams_refused: AtomicU64,
    bell: EventFd,
    rung: AtomicBool,
}

/// What goes from one relayed transport address to another.
struct Crossing {
    via: RelayedAddr,
    to: RelayedAddr,
    packet: PacketBuf,
    run: Run,
}

impl Inbox {
    /// An empty inbox.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            free: ArrayQueue::new(CROSSINGS_MAX),
            made: AtomicUsize::new(0),
            full: ArrayQueue::new(CROSSINGS_MAX),
            control: ArrayQueue::new(CONTROLS_MAX),
            streams: ArrayQueue::new(STREAMS_MAX),
            moved: ArrayQueue::new(STREAMS_MAX),
            streams_refused: AtomicU64::new(0),
            bell: EventFd::new()?,
            rung: AtomicBool::new(false),
        })
    }

    /// Delivers a datagram that leaves from `via` and arrives at `to`. `packet` gets another buffer
    /// in return. `false`, and nothing changed, when the inbox is full.
    #[must_use]
    pub(crate) fn deliver(
        &self,
        via: RelayedAddr,
        to: RelayedAddr,
        packet: &mut PacketBuf,
    ) -> bool {
        let Some(buffer) = self.buffer() else { return false };
        let packet = mem::replace(packet, buffer);
        let run = Run::whole(packet.len());
        self.push(Crossing { via, to, packet, run })
    }

    /// Delivers a copy of the datagrams of `run`, which lie in `bytes`, and of what is in front of
    /// each, where the other side writes its header. `false` when the inbox is full.
    #[must_use]
    pub(crate) fn deliver_run(
        &self,
        via: RelayedAddr,
        to: RelayedAddr,
        (bytes, run): (&[u8], Run),
    ) -> bool {
        let Some(mut packet) = self.buffer() else { return false };
        let front = if run.count() > 1 { CHANNEL_HEADER_LEN } else { 0 };
        let from = run.span().start.saturating_sub(front);
        if !bytes.get(from..run.span().end).is_some_and(|span| packet.copy_from(span)) {
            let _ = self.free.push(packet);
            return false;
        }
        self.push(Crossing { via, to, packet, run: run.rebase(from) })
    }

    /// There are no more buffers than places, so a buffer in hand means a place.
    fn push(&self, crossing: Crossing) -> bool {
        let delivered = self.full.push(crossing).is_ok();
        self.ring();
        delivered
    }

    fn buffer(&self) -> Option<PacketBuf> {
        self.free.pop().or_else(|| self.make_buffer())
    }

    fn make_buffer(&self) -> Option<PacketBuf> {
        let below = |made| (made < CROSSINGS_MAX).then_some(made + 1);
        self.made.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).ok()?;
        Some(PacketBuf::new(DATAGRAM_MAX))
    }

    /// Delivers a word from the control plane. It goes before everything else that waits: when
    /// nobody has listened for long, the oldest word is forgotten.
    pub(crate) fn tell(&self, word: Control) {
        self.control.force_push(word);
        self.ring();
    }

    /// Delivers a client's connection. When too many wait already it is closed, and counted.
    pub(crate) fn hand_over(&self, stream: Stream) {
        if self.streams.push(stream).is_err() {
            self.streams_refused.fetch_add(1, Ordering::Relaxed);
        }
        self.ring();
    }

    /// The next connection.
    pub(crate) fn stream(&self) -> Option<Stream> {
        self.streams.pop()
    }

    /// Delivers a client's connection that another worker had, under the same conditions.
    pub(crate) fn move_in(&self, connection: Connection) {
        if self.moved.push(connection).is_err() {
            self.streams_refused.fetch_add(1, Ordering::Relaxed);
        }
        self.ring();
    }

    /// The next of these.
    pub(crate) fn moved(&self) -> Option<Connection> {
        self.moved.pop()
    }

    /// How many connections were closed since the last call because too many waited.
    pub(crate) fn streams_refused(&self) -> u64 {
        self.streams_refused.swap(0, Ordering::Relaxed)
    }

    /// Moves what waits into `batch` until one of the two is exhausted.
    pub(crate) fn collect(&self, batch: &mut Batch) {
        while let Some(vacant) = batch.vacant() {
            let Some(crossing) = self.full.pop() else { return };
            let buffer = mem::replace(vacant, crossing.packet);
            // Cannot fail: there are no more buffers than places, and this one has none.
            let _ = self.free.push(buffer);
            let origin = Origin::Peer { at: crossing.to, from: Sender::Relayed(crossing.via) };
            batch.push_train(batch.len(), origin, crossing.run);
        }
    }

    /// The next word from the control plane.
    pub(crate) fn word(&self) -> Option<Control> {
        self.control.pop()
    }

    /// Wakes the worker, if it has not been woken since it last listened.
    pub(crate) fn ring(&self) {
        // Release: what was delivered before is seen by who answers the bell.
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.bell.signal();
        }
    }

    /// To be called by the worker when the bell woke it, before it looks into the inbox. In this
    /// order: who rings after the swap signals again, who rang before it is seen now.
    pub(crate) fn answer_bell(&self) {
        self.bell.clear();
        self.rung.swap(false, Ordering::AcqRel);
    }
}

/// The bell, readable while it rings.
impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// Datagrams, or runs of them, that wait for a worker at most: 5 ms at 50 000 a second.
pub(crate) const CROSSINGS_MAX: usize = 256;
const CONTROLS_MAX: usize = 16;
/// Connections that wait for a worker at most; as many new ones as moved ones.
pub(crate) const STREAMS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Arrival;

    fn at(port: u16) -> RelayedAddr {
        RelayedAddr(([192, 0, 2, 1], port).into())
    }

    fn datagram(payload: &[u8]) -> PacketBuf {
        let mut packet = PacketBuf::new(DATAGRAM_MAX);
        assert!(packet.copy_from(payload));
        packet
    }

    #[test]
    fn a_datagram_arrives_as_it_was_with_both_addresses() {
        let (inbox, mut batch) = (Inbox::new().unwrap(), Batch::new());
        let mut packet = datagram(b"\x40\x00\x00\x05hello");
        assert!(packet.narrow(4, 9));
        let lies_at = packet.bytes().as_ptr();
        assert!(inbox.deliver(at(1), at(2), &mut packet));
        inbox.collect(&mut batch);
        let origin = Origin::Peer { at: at(2), from: Sender::Relayed(at(1)) };
        assert_eq!(batch.arrival(0), Some(Arrival { origin, run: Run::whole(5) }));
        let packet = batch.packet(0);
        assert_eq!((packet.bytes(), packet.bytes().as_ptr()), (&b"hello"[..], lies_at));
    }

    #[test]
    fn a_run_arrives_with_room_for_headers_and_without_the_rest_of_its_train() {
        let (inbox, mut batch) = (Inbox::new().unwrap(), Batch::new());
        let train = b"HEADhelloHEADworldHEADbye";
        let mut rest = Run::train(train.len(), 9);
        let run = Run::train(train.len(), 9).split_front(3).strip(4, 5, 3);
        assert!(inbox.deliver_run(at(1), at(2), (train, run)));
        let _ = rest.split_front(1);
        let second = rest.split_front(1).strip(4, 5, 5);
        assert!(inbox.deliver_run(at(1), at(2), (train, second)));
        inbox.collect(&mut batch);
        let mut arrived = |place| -> Vec<Vec<u8>> {
            let run = batch.arrival(place).unwrap().run;
            let packet = batch.packet(place).bytes();
            run.datagrams().map(|datagram| packet[datagram].to_vec()).collect()
        };
        assert_eq!(arrived(0), [&b"hello"[..], b"world", b"bye"].map(<[u8]>::to_vec));
        assert_eq!(arrived(1), [b"world".to_vec()]);
        assert!(batch.arrival(0).unwrap().run.prepend(4).is_some());
        assert_eq!(batch.arrival(1).unwrap().run.span(), 0..5, "one is all of its packet");
    }

    #[test]
    fn a_full_inbox_refuses_and_takes_again_when_emptied() {
        let (inbox, mut batch) = (Inbox::new().unwrap(), Batch::new());
        for round in 0..3 {
            for _ in 0..CROSSINGS_MAX {
                assert!(inbox.deliver(at(1), at(2), &mut datagram(b"x")), "round {round}");
            }
            let mut refused = datagram(b"one too many");
            assert!(!inbox.deliver(at(1), at(2), &mut refused));
            assert_eq!(refused.bytes(), b"one too many", "it stays with the sender");
            let mut collected = 0;
            loop {
                batch.clear();
                inbox.collect(&mut batch);
                match batch.len() {
                    0 => break,
                    len => collected += len,
                }
            }
            assert_eq!(collected, CROSSINGS_MAX, "no buffer is lost in round {round}");
        }
    }

    #[test]
    fn buffers_are_made_once_and_used_again() {
        let (inbox, mut batch) = (Inbox::new().unwrap(), Batch::new());
        for _ in 0..CROSSINGS_MAX {
            assert!(inbox.deliver(at(1), at(2), &mut datagram(b"x")));
            assert!(inbox.deliver(at(1), at(2), &mut datagram(b"x")));
            batch.clear();
            inbox.collect(&mut batch);
        }
        assert_eq!((inbox.made.load(Ordering::Relaxed), inbox.free.len()), (2, 2));
    }

    #[test]
    fn the_bell_rings_once_for_many_and_again_after_the_answer() {
        let inbox = Inbox::new().unwrap();
        let epoll = crate::sys::epoll::Epoll::new().unwrap();
        epoll.add(inbox.as_fd(), 7).unwrap();
        let rings = || {
            let mut ready = crate::sys::epoll::Ready::new();
            epoll.look(&mut ready).unwrap();
            ready.contains(7)
        };
        assert!(!rings());
        for _ in 0..2 {
            inbox.ring();
            inbox.ring();
            assert!(rings());
            inbox.answer_bell();
            assert!(!rings());
        }
    }

    #[test]
    fn the_newest_words_are_heard_when_nobody_listened_for_long() {
        let inbox = Inbox::new().unwrap();
        for _ in 0..100 {
            inbox.tell(Control::Panic);
        }
        inbox.tell(Control::Stop);
        let heard: Vec<_> = std::iter::from_fn(|| inbox.word()).collect();
        assert_eq!(heard.len(), CONTROLS_MAX);
        assert!(matches!(heard.last(), Some(Control::Stop)));
    }
}
