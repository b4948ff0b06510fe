//! What a server answered.

use std::net::SocketAddr;

use kopru_stun::attribute::{
    Attribute, AttributeType, ErrorCode, Lifetime, ReservationToken, UnknownAttributes,
    XorMappedAddress, XorRelayedAddress,
};
use kopru_stun::{Class, Message};

/// A response, as the bytes that arrived.
#[derive(Debug)]
pub struct Reply {
    bytes: Vec<u8>,
}

/// What a test expects a response to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A success response.
    Success,
    /// An error response with this code.
    Error(u16),
}

/// A success response.
pub fn success() -> Expected {
    Expected::Success
}

/// An error response with this code.
pub fn error(code: u16) -> Expected {
    Expected::Error(code)
}

impl Reply {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Holds the response against what it should be.
    #[track_caller]
    pub fn expect(self, expected: Expected) -> Self {
        assert_eq!(self.outcome(), expected);
        self
    }

    /// What it is.
    #[track_caller]
    pub fn outcome(&self) -> Expected {
        match self.message().class() {
            Class::Success => Expected::Success,
            Class::Error => Expected::Error(self.get::<ErrorCode>().number()),
            class => panic!("no response is a {class:?}"),
        }
    }

    /// The response as a message.
    pub fn message(&self) -> Message<'_> {
        Message::parse(&self.bytes).expect("a server writes whole messages")
    }

    /// The response as bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// LIFETIME in seconds.
    #[track_caller]
    pub fn lifetime_s(&self) -> u32 {
        self.get::<Lifetime>().seconds
    }

    /// XOR-MAPPED-ADDRESS.
    #[track_caller]
    pub fn mapped(&self) -> SocketAddr {
        self.get::<XorMappedAddress>().0
    }

    /// XOR-RELAYED-ADDRESS.
    #[track_caller]
    pub fn relayed(&self) -> SocketAddr {
        self.get::<XorRelayedAddress>().0
    }

    /// Every XOR-RELAYED-ADDRESS, in order.
    pub fn all_relayed(&self) -> Vec<SocketAddr> {
        let all = self.message().get_all::<XorRelayedAddress>();
        all.map(|relayed| relayed.expect("well-formed").0).collect()
    }

    /// RESERVATION-TOKEN.
    #[track_caller]
    pub fn reserved(&self) -> ReservationToken {
        self.get()
    }

    /// UNKNOWN-ATTRIBUTES, as numbers.
    #[track_caller]
    pub fn unknown(&self) -> Vec<u16> {
        self.get::<UnknownAttributes>().types().iter().map(|unknown| unknown.0).collect()
    }

    /// The types of all attributes, in order.
    pub fn attributes(&self) -> Vec<AttributeType> {
        self.message().attributes().map(|attribute| attribute.0).collect()
    }

    /// An attribute that must be there.
    #[track_caller]
    pub fn get<'a, A: Attribute<'a>>(&'a self) -> A {
        let found = self.message().get::<A>().expect("well-formed");
        found.unwrap_or_else(|| panic!("no {:?} in {:?}", A::TYPE, self.attributes()))
    }
}
