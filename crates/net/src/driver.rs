//! What a worker needs of the network: the seam behind which batching can change without the
//! worker noticing, and in front of which its tests put a network without sockets.

#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod udp;

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use kopru_turn::five_tuple::{FiveTuple, RelayedAddr};

use crate::batch::Batch;
use crate::quota::DescriptorLease;
use crate::stats::Tally;
use crate::stream::Stream;
use crate::stream::connection::Connection;

/// The sockets of one worker: its listeners from the start, relay sockets as they come and go.
///
/// A relay socket is known by its *slot*, a small number. The number of a closed socket is not
/// given out again before the next [`wait`](Self::wait), so whatever was decided about it since the
/// last can't concern another.
pub(crate) trait Driver {
    /// Opens a relay socket on `bound`; what arrives there, arrives at `at`, from when peers are
    /// admitted.
    fn open(&mut self, at: RelayedAddr, bound: SocketAddr) -> io::Result<u32>;

    /// Receives there from now on. What came before is dropped and counted. Once is enough.
    fn admit(&mut self, slot: u32) -> io::Result<()>;

    /// Closes it.
    fn close(&mut self, slot: u32);

    /// Takes over a client's connection.
    fn adopt(&mut self, stream: Stream, lease: DescriptorLease);

    /// Takes over a client's connection from another worker.
    fn take_in(&mut self, connection: Connection);

    /// A client's connection that goes to another worker, and to which.
    fn leaving(&mut self) -> Option<(u16, Connection)>;

    /// Gives the connection of this client away, if it is still there.
    fn part_with(&mut self, client: &FiveTuple) -> Option<Connection>;

    /// A client whose connection lives on only if it has an allocation. Follow with
    /// [`judge`](Self::judge).
    fn due(&mut self, now: Instant) -> Option<FiveTuple>;

    /// Says until when the allocation of a client lives, if it has one. Without, its connection is
    /// closed, unless it is of somebody who asks for little and may.
    fn judge(&mut self, now: Instant, client: &FiveTuple, until: Option<Instant>);

    /// Says that the allocation of a client has ended.
    fn unprove(&mut self, client: &FiveTuple);

    /// A client whose connection has ended, each once.
    fn disconnected(&mut self) -> Option<FiveTuple>;

    /// Sleeps until there is something to receive, the bell rings, or it is `until` (`None`:
    /// never), and says whether the bell rang.
    fn wait(&mut self, until: Option<Instant>) -> bool;

    /// Adds to `batch` what has arrived. Adds nothing when everything that the last
    /// [`wait`](Self::wait) saw has had its turn.
    fn recv(&mut self, batch: &mut Batch);

    /// Sends what is to depart, in order, and takes it out of the batch. A datagram that can't be
    /// sent is counted, and concerns no other.
    fn send(&mut self, batch: &mut Batch);

    /// Where losses are counted.
    fn tally(&mut self) -> &mut Tally;
}
