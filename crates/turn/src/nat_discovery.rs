//! RFC 5780 §6: Server Behavior. Binding responses that show a client what NATs do with it.
//!
//! ```text
//! client ──── request ───▶ A1:P1    Da:Dp  asked, and answering unless CHANGE-REQUEST says other
//!        ◀─ change port ── A1:P2    Da:Cp
//!        ◀── change IP ─── A2:P1    Ca:Dp
//!        ◀───── both ───── A2:P2    Ca:Cp  what OTHER-ADDRESS tells
//! ```
//!
//! Served over UDP at these four addresses. Elsewhere, and in every other request, the three
//! comprehension-required attributes of the usage are unknown and answered 420.

use std::net::{IpAddr, SocketAddr};

use kopru_stun::Message;
use kopru_stun::attribute::{ChangeRequest, Padding, ResponsePort};

use crate::five_tuple::{ClientAddr, FiveTuple, Transport};
use crate::limits::PADDING_MAX;
use crate::reject::Reject;
use crate::server::{KNOWN_IN_DISCOVERY, refuse_unknown};

/// Two IP addresses of one family, and two ports that each of them has.
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

/// One of the four addresses.
#[derive(Clone, Copy)]
struct Source {
    bound: SocketAddr,
    advertised: SocketAddr,
}

impl NatDiscovery {
    /// The four addresses of which `request` was sent to one.
    pub(crate) fn asked<'a>(all: &'a [Self], request: &FiveTuple) -> Option<&'a Self> {
        let asks = |it: &&Self| it.source(request.server, ChangeRequest::default()).is_some();
        all.iter().find(asks).filter(|_| request.transport == Transport::Udp)
    }

    /// Answers a Binding request to one of the four addresses.
    pub(crate) fn discover(
        &self,
        from: &FiveTuple,
        request: &Message<'_>,
    ) -> Result<Option<Discovery>, Reject> {
        refuse_unknown(request, KNOWN_IN_DISCOVERY)?;
        let change = request.get::<ChangeRequest>()?.unwrap_or_default();
        let port = request.get::<ResponsePort>()?;
        let padding = request.get::<Padding>()?;
        // 7.5: "The server MUST NOT process a request containing a RESPONSE-PORT and a PADDING
        // attribute." And to port 0 nothing can be sent.
        if port.is_some_and(|ResponsePort(port)| port == 0 || padding.is_some()) {
            return Err(Reject::BadRequest);
        }
        let both = ChangeRequest { ip: true, port: true };
        let source = self.source(from.server, change);
        Ok(source.zip(self.source(from.server, both)).map(|(source, other)| {
            let ClientAddr(mut client) = from.client;
            if let Some(ResponsePort(port)) = port {
                client.set_port(port);
            }
            let (client, server) = (ClientAddr(client), source.bound);
            Discovery {
                origin: source.advertised,
                other: other.advertised,
                padding: padding.map(as_long),
                path: FiveTuple { client, server, ..*from },
            }
        }))
    }

    /// What differs from `asked` (Da:Dp) in the parts that are to be changed; `None` if `asked` is
    /// none of the four.
    fn source(&self, asked: SocketAddr, change: ChangeRequest) -> Option<Source> {
        let ip = usize::from(change.ip) ^ self.bound.iter().position(|ip| *ip == asked.ip())?;
        let port =
            usize::from(change.port) ^ self.ports.iter().position(|it| *it == asked.port())?;
        let port = *self.ports.get(port)?;
        Some(Source {
            bound: SocketAddr::new(*self.bound.get(ip)?, port),
            advertised: SocketAddr::new(*self.advertised.get(ip)?, port),
        })
    }
}

/// 6.1: "The server SHOULD use a length of PADDING equal to the MTU on the outgoing interface,
/// rounded up to an even multiple of four bytes", which is the client's length if it does the same
/// (§5). It is never more: who asks may have borrowed its source address.
fn as_long(asked: Padding) -> Padding {
    Padding { len: asked.len.min(PADDING_MAX) / 4 * 4 }
}
