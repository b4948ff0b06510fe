//! RFC 8656 §13: Packet Translations; RFC 8656 §14: UDP-to-UDP Relay; RFC 8656 §15: TCP-to-UDP
//! Relay. The socket of one relayed transport address, and what its datagrams have in their IP
//! headers: the alternate behavior of each row.
//!
//! | field | | why not the preferred behavior |
//! |---|---|---|
//! | DSCP | Best Effort | it would let every user choose the priority of the operator's traffic |
//! | ECN | Not-ECT | a relay that marks nothing and copies half a signal tells lies to senders |
//! | TTL, Hop Limit | the default | what arrives with 1 would have to be answered by ICMP |
//! | Flow Label | the kernel's, made of the five-tuple | this is the preferred behavior |
//! | DF | 0 unless a Send indication asks | a socket is not told the bit of what it receives |
//! | fragments | assembled, and made anew | (follows from DF) |
//!
//! Linux gives a new socket these values whatever the process or the other sockets have; DF alone
//! is to be set.
//!
//! Most allocations never carry a datagram, since most calls find a direct way. So a socket is
//! bound when its allocation begins, and all else waits for the first permission:
//!
//! ```text
//!             bound                       the first permission              the end
//!  blank ───────▶ nobody hears it ─────────────────▶ watched ─────────────▶ closed
//!                 2 KiB may wait,       those are dropped     1 MiB may wait
//!                 the rest is dropped   and counted
//! ```

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;

use kopru_turn::five_tuple::RelayedAddr;

use crate::blanks::Blanks;
use crate::flow::Flow;
use crate::stats::{Loss, Tally};
use crate::sys::epoll::Epoll;
use crate::sys::message;
use crate::sys::sockopt::{self, SocketOption};

/// An open relayed transport address.
pub(crate) struct RelaySocket {
    socket: Socket,
    /// The address that clients and peers know.
    pub(crate) at: RelayedAddr,
    pub(crate) flow: Flow,
    dont_fragment: bool,
    /// Whether a peer was ever permitted to send here.
    admits: bool,
}

impl RelaySocket {
    /// Binds to `bound` alone: a wildcard would also receive what is meant for other addresses of
    /// this host, and a connected socket could hear one peer only.
    pub(crate) fn open(
        at: RelayedAddr,
        bound: SocketAddr,
        blanks: &mut Blanks,
    ) -> io::Result<Self> {
        let socket = blanks.take(bound)?;
        if let Err(error) = socket.bind(&bound.into()) {
            blanks.put_back(bound, socket);
            return Err(error);
        }
        Ok(Self { socket, at, flow: Flow::default(), dont_fragment: false, admits: false })
    }

    /// From now on `epoll` reports `token` for what peers send. What they sent before is dropped
    /// and counted: it may be as old as the allocation.
    pub(crate) fn admit(&mut self, epoll: &Epoll, token: u64, tally: &mut Tally) -> io::Result<()> {
        if self.admits {
            return Ok(());
        }
        let (option, value) = fragmentation(self.at.0, false);
        option.set(&self.socket, value)?;
        error_queue(self.at.0).set(&self.socket, 1)?;
        sockopt::SO_RXQ_OVFL.set(&self.socket, 1)?;
        sockopt::UDP_GRO.set(&self.socket, 1)?;
        self.drop_early(tally);
        epoll.add(self.as_fd(), token)?;
        self.admits = true;
        // Not before it is watched: what nobody hears must not pile up.
        self.socket.set_recv_buffer_size(RECV_BUFFER_SIZE)
    }

    /// Drops and counts what came before the first permission, as far as it is not counted yet.
    pub(crate) fn drop_early(&self, tally: &mut Tally) {
        if self.admits {
            return;
        }
        let Ok(unreceived) = sockopt::unreceived(&self.socket) else { return };
        let mut early = self.flow.newly_dropped_of(unreceived.dropped) as usize;
        if unreceived.waiting_bytes > 0 {
            let drop_one = |_: &_| message::receive(self.as_fd(), &mut []).is_ok();
            early += (0..EARLY_MAX).take_while(drop_one).count();
        }
        tally.lose_all(Loss::BeforePermission, early);
    }

    /// Whether the datagrams sent from now on are to leave whole or not at all. Linux has no such
    /// mark for a single datagram; the socket is ours alone, so marking the socket does the same.
    pub(crate) fn set_dont_fragment(&mut self, dont_fragment: bool) -> io::Result<()> {
        if self.dont_fragment != dont_fragment {
            let (option, value) = fragmentation(self.at.0, dont_fragment);
            option.set(&self.socket, value)?;
            self.dont_fragment = dont_fragment;
        }
        Ok(())
    }
}

impl AsFd for RelaySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn fragmentation(address: SocketAddr, dont_fragment: bool) -> (SocketOption, i32) {
    match (address, dont_fragment) {
        (SocketAddr::V4(_), false) => (sockopt::IP_MTU_DISCOVER, sockopt::IP_PMTUDISC_DONT),
        (SocketAddr::V4(_), true) => (sockopt::IP_MTU_DISCOVER, sockopt::IP_PMTUDISC_DO),
        (SocketAddr::V6(_), on) => (sockopt::IPV6_DONTFRAG, on.into()),
    }
}

/// What keeps ICMP errors for the client (RFC 8656 §11.5).
fn error_queue(address: SocketAddr) -> SocketOption {
    if address.is_ipv4() { sockopt::IP_RECVERR } else { sockopt::IPV6_RECVERR }
}

/// How many of them are looked for, so that a flood can't hold up the worker: what the kernel keeps
/// for a socket that nobody hears is a handful.
const EARLY_MAX: usize = 64;

/// A key frame of video comes as a hundred datagrams at once; the kernel's default of 208 KiB holds
/// some ninety. Memory is taken only while datagrams wait.
const RECV_BUFFER_SIZE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::*;
    use crate::sys::message::{self, Manner};

    fn relay(bound: &str) -> RelaySocket {
        let bound: SocketAddr = bound.parse().unwrap();
        let mut relay =
            RelaySocket::open(RelayedAddr(bound), bound, &mut Blanks::default()).unwrap();
        relay.admit(&Epoll::new().unwrap(), 0, &mut Tally::default()).unwrap();
        relay
    }

    #[test]
    fn ipv4_leaves_with_the_df_bit_only_when_asked() {
        let mut relay = relay("127.0.0.1:0");
        for (asked, expect) in [
            (false, sockopt::IP_PMTUDISC_DONT),
            (true, sockopt::IP_PMTUDISC_DO),
            (false, sockopt::IP_PMTUDISC_DONT),
        ] {
            relay.set_dont_fragment(asked).unwrap();
            assert_eq!(sockopt::IP_MTU_DISCOVER.of(&relay).unwrap(), expect);
        }
    }

    #[test]
    fn ipv6_is_fragmented_unless_asked_not_to() {
        let mut relay = relay("[::1]:0");
        let peer = std::net::UdpSocket::bind("[::1]:0").unwrap();
        // With its headers this is a little more than the MTU of the loopback interface, 65536.
        let longest = vec![0; 65_527];
        let mut send = |dont_fragment| {
            relay.set_dont_fragment(dont_fragment).unwrap();
            let (to, pieces) = (peer.local_addr().unwrap(), [IoSlice::new(&longest)]);
            message::send(relay.as_fd(), &pieces, to, Manner::default())
        };
        send(false).unwrap();
        assert_eq!(send(true).unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        send(false).unwrap();
    }
}
