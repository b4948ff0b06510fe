//! RFC 8656 §7, §8, §10, §12: a client's side of an allocation, one transaction after the other.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use kopru_stun::attribute::{Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress};
use kopru_stun::channel_data::ChannelNumber;
use kopru_stun::{Class, Message, MessageBuilder, Method};

use super::line::{Line, Transport};
use super::request::{self, Credentials, Proof, TransactionIds};
use super::servers::Target;
use crate::error::BenchError;

/// A client with its allocation.
pub(crate) struct Client {
    pub(crate) line: Line,
    /// Where peers reach it.
    pub(crate) relayed: SocketAddrV4,
    credentials: Credentials,
    proof: Option<Proof>,
    ids: TransactionIds,
}

impl Client {
    /// Connects client `number` and nothing more: what comes to the floor needs no allocation.
    ///
    /// # Errors
    /// No socket, or nobody listens.
    pub(crate) fn connect(
        target: &Target,
        transport: Transport,
        number: usize,
    ) -> Result<Self, BenchError> {
        let server = target.address(transport);
        let line = Line::connect(transport, server, source_of(number), &target.certificate);
        let line = line.map_err(BenchError::io("connecting a client"))?;
        let credentials = target.credentials.clone();
        let ids = TransactionIds::default();
        Ok(Self { line, relayed: server, credentials, proof: None, ids })
    }

    /// Connects one and makes its allocation: the challenge, and the answer to it.
    ///
    /// # Errors
    /// The server refused it, or said nothing.
    pub(crate) fn allocate(
        target: &Target,
        transport: Transport,
        number: usize,
    ) -> Result<Self, BenchError> {
        let mut client = Self::connect(target, transport, number)?;
        let mut relayed = None;
        client.transact(Method::ALLOCATE, &mut relayed, |builder| {
            builder.add(&RequestedTransport::UDP);
        })?;
        match relayed {
            Some(SocketAddr::V4(relayed)) => client.relayed = relayed,
            _ => return Err(refused(Method::ALLOCATE, "a success without an IPv4 address")),
        }
        Ok(client)
    }

    /// Lets `peer` send to the client, and the client to it.
    pub(crate) fn permit(&mut self, peer: SocketAddrV4) -> Result<(), BenchError> {
        self.transact(Method::CREATE_PERMISSION, &mut None, |builder| {
            builder.add(&XorPeerAddress(peer.into()));
        })
    }

    /// Binds [`CHANNEL`] to `peer`.
    pub(crate) fn bind_channel(&mut self, peer: SocketAddrV4) -> Result<(), BenchError> {
        self.transact(Method::CHANNEL_BIND, &mut None, |builder| {
            builder.add(&CHANNEL).add(&XorPeerAddress(peer.into()));
        })
    }

    /// Prolongs the allocation, or ends it with 0.
    pub(crate) fn refresh(&mut self, seconds: u32) -> Result<(), BenchError> {
        self.transact(Method::REFRESH, &mut None, |builder| {
            builder.add(&Lifetime { seconds });
        })
    }

    /// Sends a request, again with proof where it was challenged, and expects a success.
    fn transact(
        &mut self,
        method: Method,
        relayed: &mut Option<SocketAddr>,
        attributes: impl Fn(&mut MessageBuilder<'_>),
    ) -> Result<(), BenchError> {
        let mut buffer = [0; 1024];
        let mut code = None;
        for _ in 0..CHALLENGES_MAX {
            let id = self.ids.next();
            let proof = self.proof.as_ref().map(|proof| (proof, &self.credentials));
            let len = request::write(&mut buffer, (method, id), proof, &attributes);
            let mut challenge = None;
            let answered = self.line.exchange(&buffer[..len], |message| {
                let answer = Message::parse(message).ok();
                let is_ours = |answer: &Message<'_>| {
                    answer.transaction_id() == id && answer.class() != Class::Request
                };
                let Some(answer) = answer.filter(is_ours) else { return false };
                code = request::refusal(&answer);
                challenge = Proof::from_challenge(&answer, &self.credentials);
                let address = answer.get().ok().flatten();
                *relayed = address.map(|XorRelayedAddress(address)| address);
                true
            });
            answered.map_err(|error| refused(method, &error.to_string()))?;
            match code {
                None => return Ok(()),
                Some(401 | 438) if challenge.is_some() => self.proof = challenge,
                Some(code) => return Err(refused(method, &code.to_string())),
            }
        }
        Err(refused(method, &code.unwrap_or_default().to_string()))
    }
}

fn refused(method: Method, said: &str) -> BenchError {
    BenchError::Refused { said: format!("method {:#05x}: {said}", method.number()) }
}

/// Clients come from many addresses, as those of a server do.
fn source_of(number: usize) -> Ipv4Addr {
    let [.., high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 0, 4 + (high & 0x3F), low)
}

/// The channel that each client binds.
pub(crate) const CHANNEL: ChannelNumber = ChannelNumber(0x4000);
/// The first is no failure, and one that came too late to be used may follow.
const CHALLENGES_MAX: usize = 3;
