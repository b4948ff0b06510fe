//! RFC 4787 §4.1, §5: what a member tells of the NAT that it is behind.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// What a client has found out (RFC 5780 §4), as far as it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Nat {
    /// How its NAT reuses mappings.
    pub mapping: Behavior,
    /// What its NAT lets in.
    #[serde(skip_serializing_if = "Behavior::is_unknown")]
    pub filtering: Behavior,
    /// How sure the mapping is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sure: Option<Sure>,
    /// `false`: nothing was answered over UDP.
    #[serde(skip_serializing_if = "is_true")]
    pub udp: bool,
    /// Its reflexive address, by which two behind the same NAT are known. Told to nobody.
    #[serde(skip_serializing, deserialize_with = "canonical")]
    pub address: Option<IpAddr>,
}

impl Default for Nat {
    /// Nothing is known.
    fn default() -> Self {
        let unknown = Behavior::Unknown;
        Self { mapping: unknown, filtering: unknown, sure: None, udp: true, address: None }
    }
}

/// An IPv4 address is one, also where it is written as IPv6.
fn canonical<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
    IpAddr::deserialize(deserializer).map(|address| Some(address.to_canonical()))
}

fn is_true(value: &bool) -> bool {
    *value
}

/// How much of the external endpoint matters to a mapping (§4.1) or to a filter (§5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Behavior {
    /// Not known.
    #[default]
    Unknown,
    /// "Endpoint-Independent": nothing.
    EndpointIndependent,
    /// "Address-Dependent": its IP address.
    AddressDependent,
    /// "Address and Port-Dependent".
    AddressAndPortDependent,
}

impl Behavior {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

/// How sure something is, from the surest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sure {
    /// Somebody saw it, or it follows from tests of which none is missing.
    Certain,
    /// It follows from what was seen, but for rare cases.
    Likely,
    /// Nothing speaks against it: what was not seen is taken to be as it most often is.
    Guess,
}
