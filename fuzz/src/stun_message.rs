//! RFC 8489 §5, §14: one datagram as a message.

use kopru_stun::attribute::{
    AdditionalAddressFamily, AddressErrorCode, AttributeType, ChangeRequest, Data, DontFragment,
    ErrorCode, EvenPort, Lifetime, Nonce, OtherAddress, Padding, PasswordAlgorithm,
    PasswordAlgorithms, Realm, RequestedAddressFamily, RequestedTransport, ReservationToken,
    ResponsePort, UnknownAttributes, Userhash, Username, XorMappedAddress, XorPeerAddress,
    XorRelayedAddress,
};
use kopru_stun::channel_data::ChannelNumber;
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{HEADER_LEN, Integrity, Message, MessageBuilder, MessageType};

/// Parses a datagram, reads everything in it, and writes it again.
pub fn stun_message(datagram: &[u8]) {
    let Ok(message) = Message::parse(datagram) else { return };
    assert!(datagram.len() >= HEADER_LEN && datagram.len().is_multiple_of(4));
    for (found, value) in message.attributes() {
        assert!(value.len() <= datagram.len() - HEADER_LEN);
        let range = message.value_range(found).expect("what is there has a place");
        assert!(range.start <= range.end && range.end <= datagram.len());
    }
    read_every_type(&message);
    let unknown = message.unknown_required(&[AttributeType::USERNAME, AttributeType::DATA]);
    assert!(unknown.types().iter().all(|unknown| unknown.is_comprehension_required()));
    // The key is not in the corpus, so nothing that a fuzzer finds is valid.
    let key = LongTermKey::Md5([0x5a; 16]);
    assert_ne!(message.verify_integrity(&key), Integrity::Valid);
    message.verify_fingerprint();
    write_again(&message);
}

fn read_every_type(message: &Message<'_>) {
    let _ = message.get::<AdditionalAddressFamily>();
    let _ = message.get::<AddressErrorCode>();
    let _ = message.get::<ChangeRequest>();
    let _ = message.get::<OtherAddress>();
    let _ = message.get::<Padding>();
    let _ = message.get::<ResponsePort>();
    let _ = message.get::<PasswordAlgorithms<'_>>();
    let _ = message.get::<PasswordAlgorithm>();
    let _ = message.get::<ReservationToken>();
    let _ = message.get::<Userhash>();
    let _ = message.get::<ChannelNumber>();
    let _ = message.get::<DontFragment>();
    let _ = message.get::<ErrorCode>();
    let _ = message.get::<EvenPort>();
    let _ = message.get::<Lifetime>();
    let _ = message.get::<RequestedAddressFamily>();
    let _ = message.get::<RequestedTransport>();
    let _ = message.get::<UnknownAttributes>();
    let _ = message.get::<XorMappedAddress>();
    let _ = message.get::<XorRelayedAddress>();
    assert!(message.get_all::<XorPeerAddress>().count() <= message.attributes().count());
}

/// The attributes that can be read come out of a new message as they were.
fn write_again(message: &Message<'_>) {
    let mut bytes = vec![0; 66_000];
    let kind = MessageType::new(message.method(), message.class());
    let mut builder = MessageBuilder::new(&mut bytes, kind, message.transaction_id());
    macro_rules! copy {
        ($($attribute:ty),*) => {
            $(if let Ok(Some(value)) = message.get::<$attribute>() {
                builder.add(&value);
            })*
        };
    }
    copy!(Username<'_>, Realm<'_>, Nonce<'_>, Data<'_>, XorPeerAddress, Lifetime, ErrorCode);
    let len = builder.add_fingerprint().finish();
    let again = Message::parse(&bytes[..len]).expect("what is written can be read");
    assert_eq!(again.verify_fingerprint(), Some(true));
    macro_rules! compare {
        ($($attribute:ty),*) => {
            $(if let Ok(Some(value)) = message.get::<$attribute>() {
                assert_eq!(again.get(), Ok(Some(value)));
            })*
        };
    }
    compare!(Username<'_>, Realm<'_>, Nonce<'_>, Data<'_>, XorPeerAddress, Lifetime, ErrorCode);
}
