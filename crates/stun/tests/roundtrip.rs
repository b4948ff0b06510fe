//! What holds for every message: what is built is what is read, and no bytes make the parser panic
//! or read past the length they declare.

mod generate;

use std::net::SocketAddr;

use generate::{Draft, PASSWORD, Value, config, draft, mutate, mutations};
use kopru_stun::attribute::{
    Attribute, AttributeType, ChangeRequest, ConnectionId, Data, DontFragment, ErrorCode, EvenPort,
    Lifetime, Nonce, OtherAddress, Padding, PasswordAlgorithm, PasswordAlgorithms, Realm,
    RequestedAddressFamily, RequestedTransport, ResponsePort, UnknownAttributes, Userhash,
    Username, XorMappedAddress, XorPeerAddress, XorRelayedAddress,
};
use kopru_stun::channel_data::{ChannelHeader, ChannelNumber, ChannelRange};
use kopru_stun::demux::{Protocol, classify};
use kopru_stun::{Integrity, Message, MessageType, ParseError};
use proptest::prelude::*;

/// The attributes of a message, in order, without what protects it.
fn read_back(message: &Message<'_>) -> Result<Vec<Value>, ParseError> {
    let id = message.transaction_id();
    let ends = [
        AttributeType::MESSAGE_INTEGRITY,
        AttributeType::MESSAGE_INTEGRITY_SHA256,
        AttributeType::FINGERPRINT,
    ];
    let attributes = message.attributes().filter(|(found, _)| !ends.contains(found));
    attributes
        .map(|(attribute_type, value)| {
            Ok(match attribute_type {
                Username::TYPE => Value::Username(Username::decode(value, id)?.0.to_owned()),
                Userhash::TYPE => Value::Userhash(Userhash::decode(value, id)?),
                Realm::TYPE => Value::Realm(Realm::decode(value, id)?.0.to_owned()),
                Nonce::TYPE => Value::Nonce(Nonce::decode(value, id)?.0.to_owned()),
                Data::TYPE => Value::Data(Data::decode(value, id)?.0.to_owned()),
                ErrorCode::TYPE => Value::ErrorCode(ErrorCode::decode(value, id)?),
                PasswordAlgorithm::TYPE => {
                    Value::PasswordAlgorithm(PasswordAlgorithm::decode(value, id)?)
                }
                PasswordAlgorithms::TYPE => {
                    let mut lists = [PasswordAlgorithms::SHA256_OR_MD5, PasswordAlgorithms::MD5];
                    lists.sort_by_key(|list| list.0 != value);
                    Value::PasswordAlgorithms(lists[0])
                }
                Lifetime::TYPE => Value::Lifetime(Lifetime::decode(value, id)?.seconds),
                ConnectionId::TYPE => Value::ConnectionId(ConnectionId::decode(value, id)?.0),
                ChannelNumber::TYPE => Value::ChannelNumber(ChannelNumber::decode(value, id)?.0),
                RequestedTransport::TYPE => {
                    Value::RequestedTransport(RequestedTransport::decode(value, id)?.0)
                }
                RequestedAddressFamily::TYPE => {
                    Value::RequestedAddressFamily(RequestedAddressFamily::decode(value, id)?)
                }
                EvenPort::TYPE => Value::EvenPort(EvenPort::decode(value, id)?),
                DontFragment::TYPE => {
                    DontFragment::decode(value, id)?;
                    Value::DontFragment
                }
                XorMappedAddress::TYPE => Value::XorMapped(XorMappedAddress::decode(value, id)?.0),
                XorPeerAddress::TYPE => Value::XorPeer(XorPeerAddress::decode(value, id)?.0),
                XorRelayedAddress::TYPE => {
                    Value::XorRelayed(XorRelayedAddress::decode(value, id)?.0)
                }
                other => panic!("{other:?} was not drafted"),
            })
        })
        .collect()
}

/// Everything that can be asked of a message.
fn ask_everything(message: &Message<'_>) {
    fn ask<'a, A: Attribute<'a>>(message: &Message<'a>) {
        let _ = message.get_all::<A>().count();
        let _ = message.value_range(A::TYPE);
    }
    ask::<Username<'_>>(message);
    ask::<Realm<'_>>(message);
    ask::<Nonce<'_>>(message);
    ask::<Data<'_>>(message);
    ask::<ErrorCode>(message);
    ask::<Lifetime>(message);
    ask::<ConnectionId>(message);
    ask::<ChannelNumber>(message);
    ask::<RequestedTransport>(message);
    ask::<RequestedAddressFamily>(message);
    ask::<EvenPort>(message);
    ask::<DontFragment>(message);
    ask::<XorMappedAddress>(message);
    ask::<XorPeerAddress>(message);
    ask::<XorRelayedAddress>(message);
    ask::<UnknownAttributes>(message);
    ask::<ChangeRequest>(message);
    ask::<ResponsePort>(message);
    ask::<Padding>(message);
    ask::<OtherAddress>(message);
    let _ = (message.unknown_required(&[]), message.verify_integrity(PASSWORD));
    let _ = (message.verify_fingerprint(), format!("{message:?}"));
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn what_is_built_is_what_is_read(draft in draft()) {
        let bytes = draft.build();
        let Draft { message_type, transaction_id, values, integrity, fingerprint } = draft;
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(MessageType::new(message.method(), message.class()), message_type);
        prop_assert_eq!(message.transaction_id(), transaction_id);
        prop_assert_eq!(read_back(&message), Ok(values));
        let expect = if integrity.contains(&true) { Integrity::Valid } else { Integrity::Absent };
        prop_assert_eq!(message.verify_integrity(PASSWORD), expect);
        prop_assert_eq!(message.verify_fingerprint(), fingerprint.then_some(true));
    }

    #[test]
    fn a_mutated_message_never_panics(draft in draft(), mutations in mutations()) {
        let bytes = mutate(draft.build(), &mutations);
        if let Ok(message) = Message::parse(&bytes) {
            ask_everything(&message);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::parse(&bytes) {
            ask_everything(&message);
        }
        for channels in [ChannelRange::Rfc8656, ChannelRange::Rfc5766] {
            let Ok(header) = ChannelHeader::read(&bytes, channels) else { continue };
            prop_assert!(header.data_range().end <= bytes.len());
            prop_assert_eq!(&header.to_bytes()[..], &bytes[..4]);
            prop_assert_eq!(classify(bytes[0], channels), Protocol::ChannelData);
        }
    }

    /// A valid header in front of random attributes: gets further than random bytes would.
    #[test]
    fn random_attributes_never_panic(words in prop::collection::vec(any::<[u8; 4]>(), 0..60)) {
        let length = (words.len() * 4) as u16;
        let bytes = [
            &b"\x00\x03"[..],
            &length.to_be_bytes(),
            b"\x21\x12\xa4\x42abcdefghijkl",
            words.as_flattened(),
        ].concat();
        if let Ok(message) = Message::parse(&bytes) {
            ask_everything(&message);
        }
    }

    /// One byte more or less and it is no message any more.
    #[test]
    fn only_the_whole_message_is_a_message(draft in draft(), more in 1..40_usize) {
        let bytes = draft.build();
        prop_assert!(Message::parse(&[&bytes[..], &vec![0; more]].concat()).is_err());
        prop_assert!(Message::parse(&bytes[..bytes.len().saturating_sub(more)]).is_err());
    }

    /// Every address of both families survives the XOR.
    #[test]
    fn addresses_survive(address in any::<SocketAddr>(), draft in draft()) {
        let address = SocketAddr::new(address.ip(), address.port());
        let draft = Draft { values: vec![Value::XorPeer(address)], ..draft };
        let bytes = draft.build();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.get(), Ok(Some(XorPeerAddress(address))));
    }
}
