//! RFC 6062 §5.4: Receiving a ConnectionBind Request

use std::time::Instant;

use kopru_stun::Message;
use kopru_stun::attribute::ConnectionId;

use crate::Server;
use crate::allocation::Allocation;
use crate::auth::Authenticated;
use crate::five_tuple::{FiveTuple, RelayTransport, Transport};
use crate::reject::Reject;
use crate::relay_sockets::RelaySockets;
use crate::reply::Success;
use crate::tcp::peer_connection::Stage;

impl Server {
    /// Binds the client's connection to that of a peer. Behind the success response there is no
    /// STUN on it any more.
    pub(crate) fn connection_bind(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        authenticated: &Authenticated<'_>,
        sockets: &mut impl RelaySockets,
    ) -> Result<Success, Reject> {
        // "If the client connection transport is not TCP or TLS … 400". §4.3: "This connection MUST
        // be made using a different local transport address" than the control connection.
        let is_control = self.allocations.of_client(now, from).is_some();
        if from.transport == Transport::Udp || is_control {
            return Err(Reject::BadRequest);
        }
        // "does not contain the CONNECTION-ID attribute, or if this attribute does not refer to an
        // existing pending connection … 400"
        let id = authenticated.request.get::<ConnectionId>()?.ok_or(Reject::BadRequest)?;
        let connection = self.tcp.connections.get(id).ok_or(Reject::BadRequest)?;
        if !matches!(connection.stage, Stage::Pending) {
            return Err(Reject::BadRequest);
        }
        let relayed = connection.relayed;
        let allocation = self.allocations.at_relayed(now, RelayTransport::Tcp, relayed);
        let allocation = allocation.ok_or(Reject::BadRequest)?;
        // §4.3: "the same method and credentials as for the control connection".
        if *allocation.username != *authenticated.username {
            return Err(Reject::WrongCredentials);
        }
        self.tcp.connections.advance(id, Stage::Bound, None);
        sockets.splice(id, from);
        Ok(Success::ConnectionBind)
    }

    /// The allocation whose key authenticates a ConnectionBind request.
    pub(crate) fn owner_of_connection(
        &self,
        now: Instant,
        request: &Message<'_>,
    ) -> Option<&Allocation> {
        let id = request.get::<ConnectionId>().ok()??;
        let relayed = self.tcp.connections.get(id)?.relayed;
        self.allocations.find_relayed(now, RelayTransport::Tcp, relayed)
    }
}
