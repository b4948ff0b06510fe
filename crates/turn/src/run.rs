//! RFC 8656 §12.6, §12.7: runs, the datagrams of one flow that lie in one packet. What becomes of
//! them is looked up once; their headers, the rates and the counters see each of them.
//!
//! ```text
//!              train of a client                              train of a peer
//!   ┌─────┬─────┬─────┬───────┬─────┬───┐                ┌─────┬─────┬─────┬───┐
//!   │7 1 k│7 1 k│7 1 k│ STUN  │8 1 k│8 1│                │ 1 k │ 1 k │ 1 k │ 1 │
//!   └─────┴─────┴─────┴───────┴─────┴───┘                └─────┴─────┴─────┴───┘
//!    └──── a run ────┘ by itself └─ run ─┘                └──── one channel ────┘
//! ```
//!
//! What is not ChannelData both ways goes by itself, in its turn, through
//! [`handle_client`](Server::handle_client) and [`handle_peer`](Server::handle_peer).

use std::time::Instant;

use kopru_stun::channel_data::{CHANNEL_HEADER_LEN, ChannelHeader, ChannelNumber, ChannelRange};
use kopru_stun::packet::PacketBuf;
use kopru_stun::run::Run;
use kopru_stun::time::Now;

use crate::Server;
use crate::allocation::Allocation;
use crate::counters::Counters;
use crate::five_tuple::{FiveTuple, RelayedAddr, Sender, Transport};
use crate::limits::DATAGRAM_MAX_V4;
use crate::peer_data::receiver;
use crate::rate::{Direction, RelayRate};
use crate::relay_sockets::RelaySockets;
use crate::verdict::{DropReason, Verdict};

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunVerdict {
    /// Of those that pass; [`Verdict::Drop`] when none does. All that do not are counted.
    pub verdict: Verdict,
    /// Those that pass: the first ones, since rates let none pass after one that did not.
    pub run: Run,
    /// The channel whose header each still needs in front, where the packet had no room for it.
    pub channel: Option<ChannelNumber>,
}

impl RunVerdict {
    fn none(reason: DropReason, mut run: Run) -> Self {
        run.truncate(0);
        Self { verdict: Verdict::Drop(reason), run, channel: None }
    }

    /// The header that the datagram at `index` still needs.
    pub fn header(&self, index: usize) -> Option<ChannelHeader> {
        let len = u16::try_from(self.run.datagram(index).len()).ok()?;
        self.channel.map(|channel| ChannelHeader { channel, len })
    }
}

impl Server {
    /// Takes the longest run on one channel off the front of `rest`, the datagrams of a client that
    /// are left of its train. `None`, and nothing taken, when the first has to go by itself.
    pub fn handle_client_run(
        &mut self,
        now: Now,
        from: &FiveTuple,
        (packet, rest): (&PacketBuf, &mut Run),
        sockets: &impl RelaySockets,
    ) -> Option<RunVerdict> {
        let (channel, run) = cut(packet.bytes(), rest, self.settings.channel_range())?;
        let now = now.instant;
        let route = match self.route(now, from, channel, sockets) {
            Ok(route) => route,
            Err(reason) => return Some(self.drop_run(reason, run)),
        };
        let Some(allocation) = self.allocations.at_mut(route.allocation) else {
            return Some(self.drop_run(DropReason::NoAllocation, run));
        };
        let rate = self.settings.limits.allocation_rate;
        let passed = admit(allocation, (now, rate, Direction::ToPeer), run, &mut self.counters);
        let run = match passed {
            Ok(run) => run,
            Err(reason) => return Some(RunVerdict::none(reason, run)),
        };
        self.counters.to_peers.count_run(run);
        Some(RunVerdict { verdict: route.verdict, run, channel: None })
    }

    /// Takes datagrams of a peer that arrived at a relayed transport address together. `None`, and
    /// nothing changed, when each has to go by itself.
    pub fn handle_peer_run(
        &mut self,
        now: Now,
        at: RelayedAddr,
        from: Sender,
        (packet, run): (&mut PacketBuf, Run),
    ) -> Option<RunVerdict> {
        let now = now.instant;
        let rate = self.settings.limits.allocation_rate;
        let found = receiver(&mut self.allocations, &self.settings, now, at, from);
        let allocation = match found {
            Ok(allocation) => allocation,
            Err(reason) => return Some(self.drop_run(reason, run)),
        };
        let five_tuple = allocation.five_tuple;
        let channel = allocation.channels.by_peer(now, from.address())?;
        // Over a stream each is padded by itself; and what would be too long is counted so.
        let fits = run.datagram_len() + CHANNEL_HEADER_LEN <= DATAGRAM_MAX_V4;
        if five_tuple.transport != Transport::Udp || !fits {
            return None;
        }
        let passed = admit(allocation, (now, rate, Direction::ToClient), run, &mut self.counters);
        let run = match passed {
            Ok(run) => run,
            Err(reason) => return Some(RunVerdict::none(reason, run)),
        };
        self.counters.to_clients.count_run(run);
        let (run, channel) = put_headers(packet, run, channel);
        Some(RunVerdict { verdict: Verdict::ToClient(five_tuple), run, channel })
    }

    fn drop_run(&mut self, reason: DropReason, run: Run) -> RunVerdict {
        run.datagrams().for_each(|_| self.counters.count_drop(reason));
        RunVerdict::none(reason, run)
    }
}

/// Lets pass as many as would pass one after the other in this instant; the others are counted.
fn admit(
    allocation: &mut Allocation,
    (now, rate, direction): (Instant, RelayRate, Direction),
    mut run: Run,
    counters: &mut Counters,
) -> Result<Run, DropReason> {
    let (mut passed, mut refused) = (0, None);
    for datagram in run.datagrams() {
        match allocation.relay_datagram(now, rate, direction, datagram.len()) {
            Ok(()) => passed += 1,
            Err(reason) => {
                counters.count_drop(reason);
                refused = Some(reason);
            }
        }
    }
    run.truncate(passed);
    match refused {
        Some(reason) if run.is_empty() => Err(reason),
        _ => Ok(run),
    }
}

/// Takes off the front of `rest` what goes to one channel, and its headers off that. The kernel
/// that sends it makes no datagram without data, so such a one goes by itself.
fn cut(bytes: &[u8], rest: &mut Run, channels: ChannelRange) -> Option<(ChannelNumber, Run)> {
    let mut headers = rest.datagrams().map_while(|datagram| {
        let header = ChannelHeader::read(bytes.get(datagram)?, channels).ok()?;
        (header.len > 0).then_some(header)
    });
    let first = headers.next()?;
    let (mut count, mut last_len) = (1, first.len);
    for next in headers {
        if last_len < first.len || next.channel != first.channel || next.len > first.len {
            break;
        }
        (count, last_len) = (count + 1, next.len);
    }
    let run = rest.split_front(count);
    Some((first.channel, run.strip(CHANNEL_HEADER_LEN, first.len.into(), last_len.into())))
}

/// Writes the header in front of each, where there is room between them: in the place of the one
/// that was taken off, when they come from another allocation of this server.
fn put_headers(
    packet: &mut PacketBuf,
    run: Run,
    channel: ChannelNumber,
) -> (Run, Option<ChannelNumber>) {
    let Some(grown) = run.prepend(CHANNEL_HEADER_LEN) else { return (run, Some(channel)) };
    let bytes = packet.bytes_mut();
    for datagram in grown.datagrams() {
        let datagram = bytes.get_mut(datagram).and_then(|all| all.split_first_chunk_mut());
        let Some((head, data)) = datagram else { continue };
        *head = ChannelHeader { channel, len: data.len() as u16 }.to_bytes();
    }
    (grown, None)
}
