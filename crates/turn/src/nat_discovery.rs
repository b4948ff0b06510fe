//! RFC 5780 §6: Server Behavior. Binding responses that show a client what NATs do with it.
//!
//! ```text
//! client ──── request ───▶ A1:P1    Da:Dp  asked, and answering unless CHANGE-REQUEST says other
//!        ◀─ change port ── A1:P2    Da:Cp
//!        ◀── change IP ─── A2:P1    Ca:Dp
//!        ◀───── both ───── A2:P2    Ca:Cp  what OTHER-ADDRESS tells
//! ```
//!
//! Over TCP the four addresses are told as well, and each answers for itself: no server opens a
//! connection to its client. Elsewhere, over TCP, and in every other request, the three
//! comprehension-required attributes of the usage are unknown and answered 420.

use std::net::{IpAddr, SocketAddr};

use kopru_stun::Message;
use kopru_stun::attribute::{ChangeRequest, Padding, ResponsePort};

use crate::five_tuple::{ClientAddr, FiveTuple, Transport};
use crate::limits::PADDING_MAX;
use crate::reject::Reject;
use crate::server::{KNOWN_ATTRIBUTES, KNOWN_IN_DISCOVERY, refuse_unknown};

/// Two IP addresses of one family, and two ports that each of them has, for datagrams and for
/// connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatDiscovery {
    /// A1 and A2, as sockets have them.
    pub bound: [IpAddr; 2],
    /// A1 and A2, as clients reach them: others than `bound` behind a 1:1 NAT.
    pub advertised: [IpAddr; 2],
    /// P1 and P2.
    pub ports: [u16; 2],
}

/// What a Binding response tells and does beyond RFC 8489.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Discovery {
    /// RESPONSE-ORIGIN: where the response comes from.
    pub(crate) origin: SocketAddr,
    /// OTHER-ADDRESS: Ca:Cp.
    pub(crate) other: SocketAddr,
    /// PADDING, if the request had it.
    pub(crate) padding: Option<Padding>,
    /// Between which sockets the response travels.
    pub(crate) path: FiveTuple,
}

/// One of the four addresses, as the one that a request was sent to (Da:Dp).
pub(crate) struct Asked<'a> {
    addresses: &'a NatDiscovery,
    is_second_ip: bool,
    is_second_port: bool,
}

impl NatDiscovery {
    /// Which of the four addresses the request was sent to, if it was one.
    fn asked(&self, server: SocketAddr) -> Option<Asked<'_>> {
        Some(Asked {
            addresses: self,
            is_second_ip: self.bound.iter().position(|ip| *ip == server.ip())? == 1,
            is_second_port: self.ports.iter().position(|port| *port == server.port())? == 1,
        })
    }
}

impl<'a> Asked<'a> {
    /// Looks for the address that the request was sent to. TLS has another port than TCP (6), and
    /// that one alone.
    pub(crate) fn among(all: &'a [NatDiscovery], request: &FiveTuple) -> Option<Self> {
        let asked = all.iter().find_map(|addresses| addresses.asked(request.server));
        asked.filter(|_| request.transport != Transport::Tls)
    }

    /// Answers a Binding request.
    pub(crate) fn discover(
        &self,
        from: &FiveTuple,
        request: &Message<'_>,
    ) -> Result<Discovery, Reject> {
        let is_datagram = from.transport == Transport::Udp;
        refuse_unknown(request, if is_datagram { KNOWN_IN_DISCOVERY } else { KNOWN_ATTRIBUTES })?;
        let change = request.get::<ChangeRequest>()?.unwrap_or_default();
        let port = request.get::<ResponsePort>()?;
        let padding = request.get::<Padding>()?;
        // 7.5: "The server MUST NOT process a request containing a RESPONSE-PORT and a PADDING
        // attribute." And to port 0 nothing can be sent.
        if port.is_some_and(|ResponsePort(port)| port == 0 || padding.is_some()) {
            return Err(Reject::BadRequest);
        }
        let ClientAddr(mut client) = from.client;
        if let Some(ResponsePort(port)) = port {
            client.set_port(port);
        }
        let NatDiscovery { bound, advertised, .. } = self.addresses;
        let (client, server) = (ClientAddr(client), self.changed(bound, change));
        Ok(Discovery {
            origin: self.changed(advertised, change),
            other: self.changed(advertised, ChangeRequest { ip: true, port: true }),
            padding: padding.map(as_long),
            path: FiveTuple { client, server, ..*from },
        })
    }

    /// This address with the parts changed that are to be, in the form that `ips` have.
    fn changed(&self, ips: &[IpAddr; 2], change: ChangeRequest) -> SocketAddr {
        let ip = pick(ips, self.is_second_ip ^ change.ip);
        SocketAddr::new(ip, pick(&self.addresses.ports, self.is_second_port ^ change.port))
    }
}

fn pick<T: Copy>([first, second]: &[T; 2], is_second: bool) -> T {
    if is_second { *second } else { *first }
}

/// 6.1: "The server SHOULD use a length of PADDING equal to the MTU on the outgoing interface,
/// rounded up to an even multiple of four bytes", which is the client's length if it does the same
/// (§5). It is never more: who asks may have borrowed its source address.
fn as_long(asked: Padding) -> Padding {
    Padding { len: asked.len.min(PADDING_MAX) / 4 * 4 }
}
