//! Requests as a client would write them, and as it should not.

use std::net::SocketAddr;

use kopru_stun::attribute::{
    Attribute, AttributeType, Lifetime, Nonce, PasswordAlgorithm, PasswordAlgorithms, Realm,
    RequestedTransport, Userhash, Username, XorPeerAddress,
};
use kopru_stun::channel_data::ChannelNumber;
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{Class, MessageBuilder, MessageType, Method, ParseError, TransactionId};

type Write = Box<dyn Fn(&mut MessageBuilder<'_>)>;

/// A message to be sent by a [`TurnClient`](crate::TurnClient), which adds its credentials.
pub struct Request {
    method: Method,
    class: Class,
    attributes: Vec<Write>,
    unprotected: Vec<Write>,
    fingerprint: bool,
    pub(crate) credentials: bool,
    username: Option<String>,
    realm: Option<String>,
    pub(crate) nonce: Option<String>,
    without: Vec<AttributeType>,
    pub(crate) transaction_id: Option<TransactionId>,
}

/// What a client protects its requests with.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) realm: String,
    pub(crate) nonce: String,
    /// PASSWORD-ALGORITHMS, as it came with the challenge.
    pub(crate) offered: Vec<u8>,
    pub(crate) dialect: Dialect,
}

/// How a client protects its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// As RFC 5389 has it, and browsers still do: MD5 and SHA-1, whatever is offered.
    Rfc5389,
    /// The first algorithm of PASSWORD-ALGORITHMS, MESSAGE-INTEGRITY-SHA256, and USERHASH where it
    /// is offered.
    Rfc8489,
    /// What RFC 8489 leaves possible.
    Mixed {
        /// What to choose out of PASSWORD-ALGORITHMS, if it is to be answered at all.
        algorithm: Option<PasswordAlgorithm>,
        /// MESSAGE-INTEGRITY-SHA256, or else MESSAGE-INTEGRITY.
        sha256: bool,
    },
}

impl Credentials {
    pub(crate) fn key(&self) -> LongTermKey {
        let algorithm = self.algorithm().unwrap_or(PasswordAlgorithm::Md5);
        LongTermKey::derive(algorithm, &self.username, &self.realm, &self.password)
    }

    /// PASSWORD-ALGORITHM.
    fn algorithm(&self) -> Option<PasswordAlgorithm> {
        match self.dialect {
            Dialect::Rfc5389 => None,
            Dialect::Rfc8489 => PasswordAlgorithms(&self.offered).supported().next(),
            Dialect::Mixed { algorithm, .. } => algorithm,
        }
    }

    fn protects_with_sha256(&self) -> bool {
        matches!(self.dialect, Dialect::Rfc8489 | Dialect::Mixed { sha256: true, .. })
    }

    /// RFC 8489 §9.2.5: whether "USERHASH MUST be used". Of the 24 feature bits in base64, "w" has
    /// the first two set.
    fn is_anonymous(&self) -> bool {
        self.dialect == Dialect::Rfc8489 && self.nonce.starts_with("obMatJos2w")
    }

    /// Adds what the dialect answers to an offer of algorithms.
    fn answer_offer(&self, builder: &mut MessageBuilder<'_>) {
        if let Some(algorithm) = self.algorithm() {
            builder.add(&PasswordAlgorithms(&self.offered)).add(&algorithm);
        }
    }

    fn protect(&self, builder: &mut MessageBuilder<'_>) {
        match self.protects_with_sha256() {
            true => builder.add_integrity_sha256(&self.key()),
            false => builder.add_integrity(&self.key()),
        };
    }
}

/// A request of any method, without attributes.
pub fn request(method: Method) -> Request {
    Request {
        method,
        class: Class::Request,
        attributes: Vec::new(),
        unprotected: Vec::new(),
        fingerprint: false,
        credentials: true,
        username: None,
        realm: None,
        nonce: None,
        without: Vec::new(),
        transaction_id: None,
    }
}

/// A Binding request, which carries no credentials.
pub fn binding() -> Request {
    request(Method::BINDING).without_credentials()
}

/// An Allocate request with REQUESTED-TRANSPORT: UDP.
pub fn allocate() -> Request {
    request(Method::ALLOCATE).with(RequestedTransport::UDP)
}

/// A Refresh request with this LIFETIME.
pub fn refresh(seconds: u32) -> Request {
    request(Method::REFRESH).with(Lifetime { seconds })
}

/// A CreatePermission request for these addresses; their ports do not matter.
pub fn create_permission(peers: &[&str]) -> Request {
    let permission = request(Method::CREATE_PERMISSION);
    peers.iter().fold(permission, |request, peer| request.with(peer_address(peer)))
}

/// A ChannelBind request.
pub fn channel_bind(channel: u16, peer: &str) -> Request {
    request(Method::CHANNEL_BIND).with(ChannelNumber(channel)).with(peer_address(peer))
}

pub(crate) fn peer_address(text: &str) -> XorPeerAddress {
    let with_port: Result<SocketAddr, _> = text.parse();
    let ip = || SocketAddr::new(text.parse().expect("an address, with or without a port"), 0);
    XorPeerAddress(with_port.unwrap_or_else(|_| ip()))
}

impl Request {
    /// Adds an attribute.
    pub fn with<A>(mut self, attribute: A) -> Self
    where
        A: for<'a> Attribute<'a> + 'static,
    {
        self.attributes.push(write(attribute));
        self
    }

    /// Adds an attribute behind MESSAGE-INTEGRITY, where nothing protects it.
    pub fn with_unprotected<A>(mut self, attribute: A) -> Self
    where
        A: for<'a> Attribute<'a> + 'static,
    {
        self.unprotected.push(write(attribute));
        self
    }

    /// Makes it an indication.
    pub fn as_indication(mut self) -> Self {
        self.class = Class::Indication;
        self.without_credentials()
    }

    /// Makes it a response, which no client sends.
    pub fn as_response(mut self) -> Self {
        self.class = Class::Success;
        self.without_credentials()
    }

    /// Ends it with FINGERPRINT.
    pub fn with_fingerprint(mut self) -> Self {
        self.fingerprint = true;
        self
    }

    /// Sends it as a first request is sent: no user name, no integrity.
    pub fn without_credentials(mut self) -> Self {
        self.credentials = false;
        self
    }

    /// Leaves USERNAME, REALM or NONCE out, and keeps the integrity.
    pub fn without(mut self, attribute: AttributeType) -> Self {
        self.without.push(attribute);
        self
    }

    /// Names another user in USERNAME; the key stays.
    pub fn username(mut self, username: &str) -> Self {
        self.username = Some(username.to_owned());
        self
    }

    /// Names another realm in REALM; the key stays.
    pub fn realm(mut self, realm: &str) -> Self {
        self.realm = Some(realm.to_owned());
        self
    }

    /// Echoes another nonce, and takes the answer to it as it comes.
    pub fn nonce(mut self, nonce: &str) -> Self {
        self.nonce = Some(nonce.to_owned());
        self
    }

    /// Uses this transaction ID.
    pub fn transaction(mut self, id: [u8; 12]) -> Self {
        self.transaction_id = Some(TransactionId(id));
        self
    }

    /// The message as bytes.
    pub(crate) fn write(
        &self,
        transaction_id: TransactionId,
        credentials: Option<&Credentials>,
    ) -> Vec<u8> {
        let mut buffer = vec![0; 65_535];
        let message_type = MessageType::new(self.method, self.class);
        let mut builder = MessageBuilder::new(&mut buffer, message_type, transaction_id);
        self.attributes.iter().for_each(|write| write(&mut builder));
        if let Some(credentials) = credentials {
            let wanted = |attribute| !self.without.contains(&attribute);
            if wanted(AttributeType::USERNAME) {
                let username = self.username.as_ref().unwrap_or(&credentials.username);
                match credentials.is_anonymous() {
                    true => builder.add(&Userhash::of(username, &credentials.realm)),
                    false => builder.add(&Username(username)),
                };
            }
            if wanted(AttributeType::REALM) {
                builder.add(&Realm(self.realm.as_ref().unwrap_or(&credentials.realm)));
            }
            if wanted(AttributeType::NONCE) {
                builder.add(&Nonce(self.nonce.as_ref().unwrap_or(&credentials.nonce)));
            }
            credentials.answer_offer(&mut builder);
            credentials.protect(&mut builder);
        }
        self.unprotected.iter().for_each(|write| write(&mut builder));
        if self.fingerprint {
            builder.add_fingerprint();
        }
        let len = builder.finish();
        assert_ne!(len, 0, "the message fits");
        // What is kept of it, for a test that sends it again, is no longer than the message.
        buffer[..len].to_vec()
    }
}

fn write<A: for<'a> Attribute<'a> + 'static>(attribute: A) -> Write {
    Box::new(move |builder| {
        builder.add(&attribute);
    })
}

/// An attribute of any type with any value: `Raw::<0x0018>(vec![0x80])` is an EVEN-PORT.
pub struct Raw<const TYPE: u16>(pub Vec<u8>);

impl<const TYPE: u16> Attribute<'_> for Raw<TYPE> {
    const TYPE: AttributeType = AttributeType(TYPE);

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self(value.to_vec()))
    }

    fn value_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&self.0);
    }
}
