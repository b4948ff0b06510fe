//! Another implementation's opinion: `stun-types` and `turn-types` read what we write, write the
//! same bytes, and accept and refuse the same mutated messages. Where the two are meant to differ,
//! the difference is listed here with its reason.

mod generate;

use std::fmt::Debug;
use std::net::SocketAddr;

use generate::{Draft, PASSWORD, Value, config, draft, mutate, mutations};
use kopru_stun::attribute::{self, Attribute, PasswordAlgorithm};
use kopru_stun::channel_data::{ChannelHeader, ChannelNumber, ChannelRange};
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{
    Class, Integrity, Message, MessageBuilder, MessageType, Method, ParseError, TransactionId,
};
use proptest::prelude::*;
use stun_types::attribute::{
    self as theirs, AttributeFromRaw, AttributeStaticType, AttributeWrite, PasswordAlgorithmValue,
};
use stun_types::message::{
    self as their, IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, MessageClass,
    MessageIntegrityCredentials, MessageWriteVec, ShortTermCredentials, StunParseError,
    ValidateError,
};
use stun_types::prelude::{MessageWrite, MessageWriteExt};
use turn_types::attribute as turn_theirs;
use turn_types::channel::ChannelData;

fn their_key() -> IntegrityKey {
    ShortTermCredentials::new(PASSWORD.into()).make_key()
}

fn their_id(TransactionId(id): TransactionId) -> their::TransactionId {
    id.iter().fold(0_u128, |id, byte| id << 8 | u128::from(*byte)).into()
}

/// The draft as they write it; `None` where it has an attribute twice, which they never write.
fn their_build(draft: &Draft) -> Option<Vec<u8>> {
    let class = match draft.message_type.class {
        Class::Request => MessageClass::Request,
        Class::Indication => MessageClass::Indication,
        Class::Success => MessageClass::Success,
        Class::Error => MessageClass::Error,
    };
    let method = their::Method::new(draft.message_type.method.number());
    let id = their_id(draft.transaction_id);
    let message_type = their::MessageType::from_class_method(class, method);
    let mut builder = their::Message::builder(message_type, id, MessageWriteVec::new());
    for value in &draft.values {
        builder.add_attribute(&*their_attribute(value, id)).ok()?;
    }
    let algorithms = [IntegrityAlgorithm::Sha1, IntegrityAlgorithm::Sha256];
    for (_, algorithm) in draft.integrity.iter().zip(algorithms).filter(|(wanted, _)| **wanted) {
        builder.add_message_integrity_with_key(&their_key(), algorithm).ok()?;
    }
    if draft.fingerprint {
        builder.add_fingerprint().ok()?;
    }
    Some(builder.finish())
}

fn their_attribute(value: &Value, id: their::TransactionId) -> Box<dyn AttributeWrite + '_> {
    use stun_types::AddressFamily::{IPV4, IPV6};
    match value {
        Value::Username(text) => Box::new(theirs::Username::new(text).unwrap()),
        Value::Userhash(hash) => Box::new(theirs::Userhash::new(hash.0)),
        Value::Realm(text) => Box::new(theirs::Realm::new(text).unwrap()),
        Value::Nonce(text) => Box::new(theirs::Nonce::new(text).unwrap()),
        Value::ErrorCode(code) => Box::new(theirs::ErrorCode::new(code.number(), "").unwrap()),
        Value::PasswordAlgorithm(algorithm) => {
            Box::new(theirs::PasswordAlgorithm::new(their_algorithm(*algorithm)))
        }
        Value::PasswordAlgorithms(list) => {
            let list: Vec<_> = list.supported().map(their_algorithm).collect();
            Box::new(theirs::PasswordAlgorithms::new(&list))
        }
        Value::Lifetime(seconds) => Box::new(turn_theirs::Lifetime::new(*seconds)),
        Value::ConnectionId(number) => Box::new(turn_theirs::ConnectionId::new(*number)),
        Value::ChannelNumber(number) => Box::new(turn_theirs::ChannelNumber::new(*number)),
        Value::RequestedTransport(number) => {
            Box::new(turn_theirs::RequestedTransport::new(*number))
        }
        Value::RequestedAddressFamily(family) => {
            let is_v4 = *family == attribute::RequestedAddressFamily::IPV4;
            let family = if is_v4 { IPV4 } else { IPV6 };
            Box::new(turn_theirs::RequestedAddressFamily::new(family))
        }
        Value::EvenPort(asked) => Box::new(turn_theirs::EvenPort::new(asked.reserve_next)),
        Value::DontFragment => Box::new(turn_theirs::DontFragment::new()),
        Value::XorMapped(address) => Box::new(theirs::XorMappedAddress::new(*address, id)),
        Value::XorPeer(address) => Box::new(turn_theirs::XorPeerAddress::new(*address, id)),
        Value::XorRelayed(address) => Box::new(turn_theirs::XorRelayedAddress::new(*address, id)),
        Value::Data(data) => Box::new(turn_theirs::Data::new(data)),
    }
}

fn their_algorithm(algorithm: PasswordAlgorithm) -> PasswordAlgorithmValue {
    match algorithm {
        PasswordAlgorithm::Md5 => PasswordAlgorithmValue::MD5,
        PasswordAlgorithm::Sha256 => PasswordAlgorithmValue::SHA256,
    }
}

/// Both opinions of the same message.
struct Opinions<'a> {
    ours: Message<'a>,
    theirs: &'a their::Message<'a>,
}

impl<'a> Opinions<'a> {
    fn agree_on_everything(&self) -> Result<(), TestCaseError> {
        let id = self.theirs.transaction_id();
        let message_type = self.theirs.get_type();
        prop_assert_eq!(their_id(self.ours.transaction_id()), id);
        prop_assert_eq!(self.ours.method().number(), message_type.method().value());
        self.agree(
            |ours: attribute::Realm<'_>| ours.0.to_owned(),
            |theirs: theirs::Realm| theirs.realm().to_owned(),
        )?;
        self.agree(
            |ours: attribute::Nonce<'_>| ours.0.to_owned(),
            |theirs: theirs::Nonce| theirs.nonce().to_owned(),
        )?;
        // They take USERNAME of up to 513 bytes; RFC 8489 §14.3 asks for 763.
        self.agree_where_they_read(
            |ours: attribute::Username<'_>| ours.0.to_owned(),
            |theirs: theirs::Username| theirs.username().to_owned(),
        )?;
        // They want a reason phrase of valid UTF-8; we do not read it.
        self.agree_where_they_read(
            |ours: attribute::ErrorCode| ours.number(),
            |theirs: theirs::ErrorCode| theirs.code(),
        )?;
        // They refuse an unknown family when reading; we leave it to the server, which answers 440.
        self.agree_where_they_read(
            |ours: attribute::RequestedAddressFamily| {
                ours == attribute::RequestedAddressFamily::IPV4
            },
            |theirs: turn_theirs::RequestedAddressFamily| {
                theirs.family() == stun_types::AddressFamily::IPV4
            },
        )?;
        self.agree(|ours: attribute::Userhash| ours.0, |theirs: theirs::Userhash| *theirs.hash())?;
        // They read what follows the one algorithm as if it were not there.
        let ours = self.ours.get::<PasswordAlgorithm>();
        if let (Ok(Some(ours)), Ok(theirs)) = (ours, self.theirs.attribute()) {
            let theirs: theirs::PasswordAlgorithm = theirs;
            prop_assert_eq!(their_algorithm(ours), theirs.algorithm());
        }
        self.agree_on_turn(id)
    }

    fn agree_on_turn(&self, id: their::TransactionId) -> Result<(), TestCaseError> {
        self.agree(
            |ours: attribute::Lifetime| ours.seconds,
            |theirs: turn_theirs::Lifetime| theirs.seconds(),
        )?;
        self.agree(
            |ours: attribute::ConnectionId| ours.0,
            |theirs: turn_theirs::ConnectionId| theirs.id(),
        )?;
        self.agree(
            |ours: ChannelNumber| ours.0,
            |theirs: turn_theirs::ChannelNumber| theirs.channel(),
        )?;
        self.agree(
            |ours: attribute::RequestedTransport| ours.0,
            |theirs: turn_theirs::RequestedTransport| theirs.protocol(),
        )?;
        self.agree(
            |ours: attribute::EvenPort| ours.reserve_next,
            |theirs: turn_theirs::EvenPort| theirs.requested(),
        )?;
        self.agree(|_: attribute::DontFragment| (), |_: turn_theirs::DontFragment| ())?;
        self.agree(
            |ours: attribute::Data<'_>| ours.0.to_owned(),
            |theirs: turn_theirs::Data<'_>| theirs.data().to_owned(),
        )?;
        let mapped = |ours: attribute::XorMappedAddress| ours.0;
        self.agree(mapped, |theirs: theirs::XorMappedAddress| plain(theirs.addr(id)))?;
        let peer = |ours: attribute::XorPeerAddress| ours.0;
        self.agree(peer, |theirs: turn_theirs::XorPeerAddress| plain(theirs.addr(id)))?;
        let relayed = |ours: attribute::XorRelayedAddress| ours.0;
        self.agree(relayed, |theirs: turn_theirs::XorRelayedAddress| plain(theirs.addr(id)))
    }

    /// The first attribute of a type: the same value, or none, or not to be read.
    fn agree<A, B, T>(
        &self,
        ours: impl Fn(A) -> T,
        theirs: impl Fn(B) -> T,
    ) -> Result<(), TestCaseError>
    where
        A: Attribute<'a>,
        B: AttributeFromRaw<'a> + AttributeStaticType,
        T: PartialEq + Debug,
    {
        let ours = self.ours.get::<A>().map(|found| found.map(ours)).map_err(|_| ());
        prop_assert_eq!(ours, self.their_first::<B>().map(|found| found.map(theirs)));
        Ok(())
    }

    /// As [`agree`](Self::agree), where ours is meant to read more than theirs.
    fn agree_where_they_read<A, B, T>(
        &self,
        ours: impl Fn(A) -> T,
        theirs: impl Fn(B) -> T,
    ) -> Result<(), TestCaseError>
    where
        A: Attribute<'a>,
        B: AttributeFromRaw<'a> + AttributeStaticType,
        T: PartialEq + Debug,
    {
        if self.their_first::<B>().is_ok() { self.agree(ours, theirs) } else { Ok(()) }
    }

    fn their_first<B>(&self) -> Result<Option<B>, ()>
    where
        B: AttributeFromRaw<'a> + AttributeStaticType,
    {
        match self.theirs.attribute::<B>() {
            Ok(found) => Ok(Some(found)),
            Err(StunParseError::MissingAttribute(_)) => Ok(None),
            Err(_) => Err(()),
        }
    }

    fn agree_on_integrity(&self) -> Result<(), TestCaseError> {
        let theirs = match self.theirs.validate_integrity_with_key(&their_key()) {
            Ok(_) => Integrity::Valid,
            Err(ValidateError::IntegrityFailed) => Integrity::Invalid,
            Err(_) => Integrity::Absent,
        };
        prop_assert_eq!(self.ours.verify_integrity(PASSWORD), theirs);
        Ok(())
    }
}

/// What they read as a message: cut at the declared length, since they read on behind it.
fn cut(bytes: &[u8]) -> &[u8] {
    let Some(&[l0, l1]) = bytes.get(2..4) else { return bytes };
    let len = 20 + usize::from(u16::from_be_bytes([l0, l1]));
    bytes.get(..len).unwrap_or(bytes)
}

/// Whether we refuse on purpose what they read: they look at nothing behind an attribute that ends
/// a message, and neither at the alignment of the length nor at the length of MESSAGE-INTEGRITY
/// before it is verified.
fn is_ours_to_refuse(bytes: &[u8], error: ParseError) -> bool {
    match error {
        ParseError::AfterFingerprint => true,
        ParseError::WrongLength => !bytes.len().is_multiple_of(4),
        ParseError::AttributeLength | ParseError::AttributeOverrun => has_end(bytes),
        _ => false,
    }
}

/// Whether there may be a MESSAGE-INTEGRITY, -SHA256 or FINGERPRINT: its type at an aligned place.
fn has_end(bytes: &[u8]) -> bool {
    bytes.chunks_exact(4).any(|word| matches!(word, [0, 0x08 | 0x1c, ..] | [0x80, 0x28, ..]))
}

fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}

#[test]
fn they_verify_what_our_long_term_keys_protect() {
    for (algorithm, theirs) in [
        (PasswordAlgorithm::Md5, IntegrityAlgorithm::Sha1),
        (PasswordAlgorithm::Sha256, IntegrityAlgorithm::Sha256),
    ] {
        let key = LongTermKey::derive(algorithm, "user", "realm", "pass");
        let mut buffer = [0; 100];
        let request = MessageType::new(Method::REFRESH, Class::Request);
        let mut builder = MessageBuilder::new(&mut buffer, request, TransactionId([7; 12]));
        let len = match algorithm {
            PasswordAlgorithm::Md5 => builder.add_integrity(&key).finish(),
            PasswordAlgorithm::Sha256 => builder.add_integrity_sha256(&key).finish(),
        };
        let credentials = LongTermKeyCredentials::new("user".into(), "pass".into(), "realm".into());
        let credentials = MessageIntegrityCredentials::from(credentials);
        let message = their::Message::from_bytes(&buffer[..len]).unwrap();
        assert_eq!(message.validate_integrity(&credentials).ok(), Some(theirs));
    }
    assert_eq!(
        attribute::Userhash::of("user", "realm").0,
        theirs::Userhash::compute("user", "realm")
    );
}

proptest! {
    #![proptest_config(config(1024))]

    #[test]
    fn they_write_the_same_bytes(draft in draft()) {
        if let Some(theirs) = their_build(&draft) {
            prop_assert_eq!(draft.build(), theirs);
        }
    }

    #[test]
    fn they_read_what_we_write(draft in draft()) {
        let bytes = draft.build();
        let opinions = Opinions {
            ours: Message::parse(&bytes).unwrap(),
            theirs: &their::Message::from_bytes(&bytes).unwrap(),
        };
        opinions.agree_on_everything()?;
        opinions.agree_on_integrity()?;
    }

    #[test]
    fn they_accept_and_refuse_the_same_mutated_messages(
        draft in draft(),
        mutations in mutations(),
    ) {
        let mutated = mutate(draft.build(), &mutations);
        let bytes = cut(&mutated);
        if bytes.len() < mutated.len() {
            prop_assert!(Message::parse(&mutated).is_err(), "more than the declared length");
        }
        match (Message::parse(bytes), their::Message::from_bytes(bytes)) {
            (Ok(ours), Ok(theirs)) => {
                let opinions = Opinions { ours, theirs: &theirs };
                opinions.agree_on_everything()?;
                opinions.agree_on_integrity()?;
            }
            (Ok(ours), Err(error)) => {
                // A wrong FINGERPRINT is a parse error of theirs.
                prop_assert!(matches!(error, StunParseError::FingerprintMismatch), "{error:?}");
                prop_assert_eq!(ours.verify_fingerprint(), Some(false));
            }
            (Err(error), Ok(_)) => prop_assert!(is_ours_to_refuse(bytes, error), "{error:?}"),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn they_read_the_same_channel_data(
        number in 0x3F00_u16..0x5100,
        len in 0..50_u16,
        data in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let header = ChannelHeader { channel: ChannelNumber(number), len };
        let datagram = [&header.to_bytes()[..], &data].concat();
        let ours = ChannelHeader::read(&datagram, ChannelRange::Rfc8656);
        // They take numbers up to 0xFFFE.
        if ours == Err(ParseError::NotAChannel) {
            prop_assert!(!(0x4000..0x5000).contains(&number));
            return Ok(());
        }
        let ours = ours.map(|read| (read.channel.0, &datagram[read.data_range()])).ok();
        let theirs = ChannelData::parse(&datagram).ok();
        prop_assert_eq!(ours, theirs.as_ref().map(|read| (read.id(), read.data())));
    }
}
