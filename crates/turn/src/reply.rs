//! RFC 8489 §6.3.1.1: Forming a Success or Error Response

use std::net::SocketAddr;
use std::time::Duration;

use kopru_stun::attribute::{
    AttributeType, ConnectionId, Lifetime, MappedAddress, Nonce, OtherAddress, PasswordAlgorithms,
    Realm, ResponseOrigin, XorMappedAddress, XorRelayedAddress,
};
use kopru_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};

use crate::allocation::Supplement;
use crate::auth::Protection;
use crate::five_tuple::{ClientAddr, FiveTuple, RelayedAddr};
use crate::nat_discovery::Discovery;
use crate::nonce::ServerNonce;
use crate::reject::Reject;

/// What a success response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Success {
    /// RFC 8489 §6.3.1.1, RFC 5780 §6.1.
    Binding { mapped: ClientAddr, discovery: Option<Discovery> },
    /// RFC 8656 §7.2.
    Allocate {
        relayed: [Option<RelayedAddr>; 2],
        supplement: Option<Supplement>,
        lifetime: Duration,
        mapped: ClientAddr,
    },
    /// RFC 8656 §8.2.
    Refresh { lifetime: Duration },
    /// RFC 8656 §10.2: "no mandatory attributes".
    CreatePermission,
    /// RFC 8656 §12.2: "no required attributes".
    ChannelBind,
    /// RFC 6062 §5.2.
    Connect { connection: ConnectionId },
    /// RFC 6062 §5.4, which names no attribute.
    ConnectionBind,
}

impl Success {
    /// Between which sockets the response to `request` travels: the same that the request did,
    /// unless it asked for others (RFC 5780 §6.1).
    pub(crate) fn path(&self, request: &FiveTuple) -> FiveTuple {
        match self {
            Self::Binding { discovery: Some(discovery), .. } => discovery.path,
            _ => *request,
        }
    }
}

/// What a response takes from its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    method: Method,
    transaction_id: TransactionId,
    /// FINGERPRINT is answered with FINGERPRINT, and else left out: it would lengthen replies to
    /// who knows whom.
    fingerprint: bool,
}

/// What a challenged client has to authenticate with.
pub(crate) struct Challenge<'a> {
    pub(crate) realm: &'a str,
    pub(crate) nonce: ServerNonce,
    /// `None` where there is no room for an offer.
    pub(crate) algorithms: Option<PasswordAlgorithms<'static>>,
}

impl Reply {
    pub(crate) fn to(request: &Message<'_>) -> Self {
        Self {
            method: request.method(),
            transaction_id: request.transaction_id(),
            fingerprint: has_fingerprint(request),
        }
    }

    /// Writes a success response and gives its length; protected when the request was
    /// authenticated.
    pub(crate) fn success(
        &self,
        buffer: &mut [u8],
        success: &Success,
        protection: Option<&Protection>,
    ) -> usize {
        let mut builder = self.start(buffer, Class::Success);
        match *success {
            Success::Binding { mapped, discovery } => {
                builder.add(&mapped_address(mapped));
                if let Some(discovery) = discovery {
                    add_discovery(&mut builder, mapped, &discovery);
                }
            }
            Success::Allocate { relayed, supplement, lifetime, mapped } => {
                for relayed in relayed.into_iter().flatten() {
                    builder.add(&XorRelayedAddress(relayed.0));
                }
                match supplement {
                    Some(Supplement::Reserved(token)) => builder.add(&token),
                    Some(Supplement::Refused(reason)) => builder.add(&reason),
                    None => &mut builder,
                };
                builder.add(&whole_seconds(lifetime));
                builder.add(&mapped_address(mapped));
            }
            Success::Refresh { lifetime } => {
                builder.add(&whole_seconds(lifetime));
            }
            Success::Connect { connection } => {
                builder.add(&connection);
            }
            Success::CreatePermission | Success::ChannelBind | Success::ConnectionBind => {}
        }
        self.finish(builder, protection)
    }

    /// Writes an error response and gives its length. No SOFTWARE and no reason phrase: what is
    /// sent to an unproven address is kept short.
    pub(crate) fn error(
        &self,
        buffer: &mut [u8],
        reject: &Reject,
        challenge: Option<&Challenge<'_>>,
        protection: Option<&Protection>,
    ) -> usize {
        let mut builder = self.start(buffer, Class::Error);
        builder.add(&reject.code());
        if let Reject::UnknownAttribute(unknown) = reject {
            builder.add(unknown);
        }
        if let Some(challenge) = challenge {
            builder.add(&Realm(challenge.realm)).add(&Nonce(challenge.nonce.as_str()));
            if let Some(offer) = challenge.algorithms {
                builder.add(&offer);
            }
        }
        self.finish(builder, protection)
    }

    fn start<'b>(&self, buffer: &'b mut [u8], class: Class) -> MessageBuilder<'b> {
        MessageBuilder::new(buffer, MessageType::new(self.method, class), self.transaction_id)
    }

    fn finish(&self, mut builder: MessageBuilder<'_>, protection: Option<&Protection>) -> usize {
        match protection {
            Some(Protection { key, sha256: true }) => builder.add_integrity_sha256(key),
            Some(Protection { key, sha256: false }) => builder.add_integrity(key),
            None => &mut builder,
        };
        if self.fingerprint {
            builder.add_fingerprint();
        }
        builder.finish()
    }
}

/// RFC 5780 §6.1: "The server MUST include both MAPPED-ADDRESS and XOR-MAPPED-ADDRESS".
fn add_discovery(builder: &mut MessageBuilder<'_>, mapped: ClientAddr, discovery: &Discovery) {
    builder.add(&MappedAddress(mapped.0));
    builder.add(&ResponseOrigin(discovery.origin)).add(&OtherAddress(discovery.other));
    if let Some(padding) = discovery.padding {
        builder.add(&padding);
    }
}

fn has_fingerprint(request: &Message<'_>) -> bool {
    request.attributes().any(|(found, _)| found == AttributeType::FINGERPRINT)
}

fn mapped_address(ClientAddr(client): ClientAddr) -> XorMappedAddress {
    XorMappedAddress(SocketAddr::new(client.ip(), client.port()))
}

fn whole_seconds(lifetime: Duration) -> Lifetime {
    Lifetime { seconds: u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX) }
}
