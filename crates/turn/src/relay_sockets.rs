//! The one hole in the wall of the core: opening and closing relayed transport addresses, and the
//! connections between them and peers (RFC 6062).
//!
//! A trait and not an effect queue, because opening can be refused and the refusal decides the
//! answer (RFC 8656 §7.2: 440, 486, 508; RFC 6062 §5.2: 447). `net` fills it with sockets, `sim`
//! with a set of ports.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use kopru_stun::attribute::{ConnectionId, RequestedAddressFamily, ReservationToken};

use crate::five_tuple::{FiveTuple, PeerAddr, RelayTransport, RelayedAddr};
use crate::rate::{PerSecond, UserRate};
use crate::source_prefix::SourcePrefix;

/// Relayed transport addresses, as the core needs them.
pub trait RelaySockets {
    /// Opens a relayed transport address, which is counted for its owner until
    /// [`close`](Self::close). A port that is reserved beside it is counted too, until it is
    /// opened or [`release`](Self::release)d.
    ///
    /// # Errors
    /// A [`Refusal`], which becomes the error code of the Allocate response.
    fn open(&mut self, wish: PortWish, owner: Owner<'_>) -> Result<Opened, Refusal>;

    /// Opens the relayed transport address that `token` stands for, whichever worker reserved it.
    /// Whether or not that succeeds, the reservation is over; but not when the owner is barred.
    ///
    /// # Errors
    /// A [`Refusal`], as from [`open`](Self::open).
    fn open_reserved(
        &mut self,
        token: ReservationToken,
        owner: Owner<'_>,
    ) -> Result<RelayedAddr, Refusal>;

    /// Ends a reservation that was made here, if nobody has come for it.
    fn release(&mut self, token: ReservationToken);

    /// From now on peers may send to `at`: called before each permission is installed there. What
    /// came before the first is not for the client, and is never given to the core.
    ///
    /// # Errors
    /// [`Refusal::Capacity`] when the system has no room for what this takes.
    fn admit(&mut self, at: RelayedAddr) -> Result<(), Refusal>;

    /// Closes it: nothing is relayed at this address from now on. Its quota is free at once, its
    /// port soon, and for the next [`open`](Self::open) here.
    fn close(&mut self, at: RelayedAddr);

    /// Whether `at` is the relayed transport address of a live allocation of this server with that
    /// transport, on whichever worker. Datagrams reach such a peer in memory, never through the
    /// kernel.
    fn is_live(&self, transport: RelayTransport, at: SocketAddr) -> bool;

    /// What the user who owns `at` may relay on all workers together; `None`: without limit.
    fn user_rate(&self, at: RelayedAddr) -> Option<Arc<UserRate>>;

    /// RFC 6062 §5.2: begins to connect to `to` from the relayed transport address `via`. What
    /// becomes of it is told by [`Server::handle_connected`](crate::Server::handle_connected).
    ///
    /// The id names this connection and no other that is open; it is hard to guess, and tells the
    /// worker that has the connection.
    ///
    /// # Errors
    /// A [`ConnectRefusal`], which becomes the error code of the Connect response.
    fn connect(&mut self, via: RelayedAddr, to: PeerAddr) -> Result<ConnectionId, ConnectRefusal>;

    /// RFC 6062 §5.3: keeps the connection that a peer has made, the one that
    /// [`Server::handle_accepted`](crate::Server::handle_accepted) is being told of. What is not
    /// kept is closed. The id is as that of [`connect`](Self::connect).
    ///
    /// # Errors
    /// A [`ConnectRefusal`]; then the connection is closed.
    fn keep(&mut self) -> Result<ConnectionId, ConnectRefusal>;

    /// RFC 6062 §5.4: from the response to the request at hand on, the client's connection `client`
    /// and the peer's carry each other's bytes.
    fn splice(&mut self, id: ConnectionId, client: &FiveTuple);

    /// Closes a peer's connection, connected or not, and the client's that is bound to it.
    fn disconnect(&mut self, id: ConnectionId);
}

/// Why there is no connection to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectRefusal {
    /// No file descriptor: 508 (Insufficient Capacity).
    Capacity,
    /// There is no way to the peer, or it refused: 447 (Connection Timeout or Failure).
    Failed,
}

/// Whom an allocation is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The user: the id behind the colon of a time-limited user name, else the user name.
    pub quota_key: &'a str,
    /// The bits of payload that the user name itself lets its holder relay.
    pub granted_bits: PerSecond,
    /// The network of the client.
    pub prefix: SourcePrefix,
}

/// What the client asked for in its Allocate request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortWish {
    /// REQUESTED-TRANSPORT (RFC 8656 §18.8).
    pub transport: RelayTransport,
    /// REQUESTED-ADDRESS-FAMILY (RFC 8656 §18.6), IPv4 when absent.
    pub family: AddressFamily,
    /// EVEN-PORT (RFC 8656 §18.7).
    pub parity: Parity,
}

/// What EVEN-PORT asks of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// No EVEN-PORT: nothing.
    Any,
    /// Only an even port will do.
    Even,
    /// Its R bit is set: the next-higher port is to be reserved as well.
    EvenAndNext,
}

/// What was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The relayed transport address.
    pub relayed: RelayedAddr,
    /// What the next-higher port is held for, if that was the wish. Hard to guess.
    pub reserved: Option<ReservationToken>,
}

/// RFC 8656 §18.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// 0x01
    V4,
    /// 0x02
    V6,
}

impl AddressFamily {
    pub(crate) fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl From<AddressFamily> for RequestedAddressFamily {
    fn from(family: AddressFamily) -> Self {
        match family {
            AddressFamily::V4 => Self::IPV4,
            AddressFamily::V6 => Self::IPV6,
        }
    }
}

/// Why no relayed transport address was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No relay address of that family: 440 (Address Family not Supported).
    Family,
    /// The user, the network, or everybody together has as many as allowed: 486 (Allocation Quota
    /// Reached).
    Quota,
    /// The user or the credential was taken back: 403 (Forbidden).
    Barred,
    /// No free port, no such reservation or no file descriptor: 508 (Insufficient Capacity).
    Capacity,
}
