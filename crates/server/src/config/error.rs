//! What is wrong with a configuration, in words that say what would be right.

use std::fmt;

use kopru_stun::credentials::PasswordError;
use kopru_turn::CidrError;

use crate::jwt_key::NotItsKey;

/// One mistake in a configuration file: where it is, which key, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// The file as the user named it.
    pub(crate) file: String,
    /// Counted from 1; none when the mistake is an absence.
    pub(crate) line: Option<usize>,
    /// The full path of the key (`turn.peers.allow[1]`), empty when the file is no TOML.
    pub(crate) key: String,
    /// What is wrong.
    pub(crate) mistake: Mistake,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.mistake)
    }
}

/// The kinds of mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// The file can't be read.
    Unreadable(String),
    /// The text is not TOML.
    NotToml(String),
    /// No such key; perhaps another one was meant.
    UnknownKey {
        /// The nearest key of that table, if one is near.
        nearest: Option<&'static str>,
        /// The keys of that table.
        known: Vec<&'static str>,
    },
    /// A key of the design that this version does not serve.
    NotInThisVersion(&'static str),
    /// A value of another type than the key takes.
    Type {
        /// What the key takes.
        wanted: &'static str,
        /// What it got, as TOML calls it.
        found: &'static str,
    },
    /// A value that is not what it should be.
    Value {
        /// The value, unless it is secret.
        value: Option<String>,
        /// What would be right.
        wrong: Wrong,
    },
    /// A key that must be there is not, and why it must.
    Missing(&'static str),
    /// Two keys that do not go together.
    Conflict(&'static str),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "can't be read: {why}"),
            Self::NotToml(why) => write!(f, "not TOML: {why}"),
            Self::UnknownKey { nearest: Some(nearest), .. } => {
                write!(f, "unknown key; did you mean \"{nearest}\"?")
            }
            Self::UnknownKey { nearest: None, known } => {
                write!(f, "unknown key; known here: {}", known.join(", "))
            }
            Self::NotInThisVersion(note) => write!(f, "not in this version of kopru: {note}"),
            Self::Type { wanted, found } => write!(f, "must be {wanted}, not {found}"),
            Self::Value { value: Some(value), wrong } => write!(f, "\"{value}\": {wrong}"),
            Self::Value { value: None, wrong } => wrong.fmt(f),
            Self::Missing(why) => write!(f, "missing: {why}"),
            Self::Conflict(why) => f.write_str(why),
        }
    }
}

/// What is wrong with one value, said as what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Not an IP address with a port.
    Listen,
    /// A transport that this version does not serve.
    Transport,
    /// Not an address, nor `public=private`.
    RelayAddress,
    /// A relay address that can't be one: a wildcard or a multicast address.
    NotUnicast,
    /// The two halves of `public=private` are of different families.
    FamiliesDiffer,
    /// Not an address or a CIDR block.
    Cidr(CidrError),
    /// Not two addresses of each family that is there.
    TwoAddresses,
    /// Not a port range.
    PortRange,
    /// Not a duration.
    Duration,
    /// Not a host name or address.
    Host,
    /// The realm is too long.
    Realm,
    /// Not a kind of room.
    RoomKind,
    /// Not an absolute http(s) URL without query and fragment.
    PublicUrl,
    /// Not the beginning of a URL's path.
    BasePath,
    /// Not an origin as browsers send it.
    Origin,
    /// Not a room, nor a prefix and `/*`.
    RoomPattern,
    /// Not a STUN or TURN URL.
    IceUrl,
    /// Empty where something must be.
    Empty,
    /// Not the hexadecimal form of a 16-byte key.
    HexKey,
    /// Not the hexadecimal form of a 32-byte key.
    HexKeySha256,
    /// A user name that could be taken for a time-limited one.
    UserName,
    /// None of these words.
    NotOneOf(&'static str),
    /// A file without a public key of this algorithm.
    PublicKey(NotItsKey),
    /// A password that can't be one (RFC 8265 §4.2).
    Password(PasswordError),
    /// Out of range.
    Range {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listen => {
                "must be an IP address with a port, like \"127.0.0.1:8080\" or \"[::]:8080\""
            }
            Self::Transport => {
                "may begin with \"udp:\" or \"tcp:\"; TURN over TLS is served at the addresses of \
                 https.listen, and DTLS is not served"
            }
            Self::RelayAddress => {
                "must be an IP address of this host, or \"public=private\" behind a 1:1 NAT, like \
                 \"203.0.113.7=10.0.0.5\""
            }
            Self::NotUnicast => {
                "must be one unicast address, which peers can send to; not a wildcard or a group"
            }
            Self::FamiliesDiffer => "public and private must both be IPv4 or both be IPv6",
            Self::Cidr(CidrError::Address) => {
                "must be an IP address or a CIDR block, like \"10.0.0.0/8\""
            }
            Self::Cidr(CidrError::Prefix { max }) => {
                return write!(f, "prefix length must be 0-{max}");
            }
            Self::Cidr(CidrError::HostBits { meant }) => {
                return write!(f, "bits are set behind the prefix; did you mean \"{meant}\"?");
            }
            Self::TwoAddresses => {
                "must be two different addresses of this host, both IPv4 or both IPv6, or two of \
                 each: RFC 5780 answers at one what was asked at the other"
            }
            Self::PortRange => {
                "must be two ports, the lower one first, 1-65535, like \"49152-65535\""
            }
            Self::Duration => {
                "must be a number with a unit: s, m, h or d, like \"600s\", \"10m\" or \"24h\""
            }
            Self::Host => "must be a host name or an IP address, without port and scheme",
            Self::Realm => {
                "must be 1 to 32 bytes without a double quote: it is part of every 401, which may \
                 be at most 4 times as long as the request, or kopru would amplify attacks"
            }
            Self::RoomKind => "must be \"mesh\" or \"pair\"",
            Self::PublicUrl => {
                "must be the page's address as browsers see it, like \"https://call.example.org\", \
                 without query and fragment"
            }
            Self::BasePath => "must be the beginning of a path, like \"/kopru\"",
            Self::RoomPattern => {
                "must be a room's name, a prefix of names like \"consulting/*\", or \"*\" for all"
            }
            Self::Origin => {
                "must be an origin as browsers send it: scheme, host and, unless it is the usual \
                 one, port, like \"https://app.example.org\", without a slash at the end"
            }
            Self::IceUrl => {
                "must be stun:, stuns:, turn: or turns: with a host, like \
                 \"turn:turn.example.org:3478?transport=udp\""
            }
            Self::Empty => "must not be empty",
            Self::HexKey => {
                "must be 32 hexadecimal digits: MD5 of \"user:realm:password\" (RFC 8489 §9.2.2)"
            }
            Self::HexKeySha256 => {
                "must be 64 hexadecimal digits: SHA-256 of \"user:realm:password\" (RFC 8489 \
                 §18.5.1.2)"
            }
            Self::UserName => {
                "must be 1 to 508 bytes without a colon: \"expiry:name\" is the form of \
                 time-limited user names"
            }
            Self::NotOneOf(words) => return write!(f, "must be {words}"),
            Self::PublicKey(error) => return error.fmt(f),
            Self::Password(error) => return error.fmt(f),
            Self::Range { min, max } => return write!(f, "must be {min} to {max}"),
        })
    }
}
