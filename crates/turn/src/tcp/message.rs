//! RFC 6062 §5.2, §5.3: what a client is sent that is no answer to the message at hand: the outcome
//! of Connect, and ConnectionAttempt.

use kopru_stun::attribute::{ConnectionId, XorPeerAddress};
use kopru_stun::packet::PacketBuf;
use kopru_stun::{Class, MessageBuilder, MessageType, Method};

use crate::Server;
use crate::counters::RequestMethod;
use crate::five_tuple::{FiveTuple, PeerAddr};
use crate::reject::Reject;
use crate::reply::Success;
use crate::tcp::peer_connection::Connecting;

/// A message that waits to be fetched.
pub(crate) enum Message {
    /// The response to a Connect request.
    Connected(Connecting, Result<ConnectionId, Reject>),
    /// "The indication MUST include an XOR-PEER-ADDRESS attribute …, as well as a CONNECTION-ID
    /// attribute".
    Attempt { client: FiveTuple, id: ConnectionId, peer: PeerAddr },
}

impl Message {
    /// Who is to get it.
    pub(crate) fn client(&self) -> FiveTuple {
        match self {
            Self::Connected(Connecting { client, .. }, _) | Self::Attempt { client, .. } => *client,
        }
    }
}

impl Server {
    /// Writes the next message that a connection with a peer is the cause of, in place of what is
    /// in `packet`, and tells to whom it goes. To be asked after everything that moves the server,
    /// until there is none.
    pub fn poll_message(&mut self, packet: &mut PacketBuf) -> Option<FiveTuple> {
        let message = self.tcp.messages.pop_front()?;
        let client = message.client();
        match message {
            Message::Connected(Connecting { reply, protection, .. }, outcome) => {
                let protection = Some(&protection);
                packet.overwrite(|buffer| match &outcome {
                    Ok(connection) => {
                        let success = Success::Connect { connection: *connection };
                        reply.success(buffer, &success, protection)
                    }
                    Err(reject) => reply.error(buffer, reject, None, protection),
                });
                let error = outcome.err().map(|reject| reject.code());
                self.counters.count_reply(RequestMethod::Connect, error);
            }
            Message::Attempt { id, peer, .. } => {
                let attempt = MessageType::new(Method::CONNECTION_ATTEMPT, Class::Indication);
                let transaction_id = self.transaction_ids.next();
                packet.overwrite(|buffer| {
                    let mut builder = MessageBuilder::new(buffer, attempt, transaction_id);
                    builder.add(&id).add(&XorPeerAddress(peer.0)).finish()
                });
            }
        }
        Some(client)
    }
}
