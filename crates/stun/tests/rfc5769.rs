//! RFC 5769 §2: Test Vectors. Each is verified as printed, and built again.
//!
//! §2.1 to §2.3 pad with spaces, which a receiver must not mind (RFC 8489 §14) and which we never
//! write. So what is built is compared with what is printed but for the padding, and for the two
//! digests that cover it; §2.4 pads with zeroes and is compared whole.

use kopru_stun::attribute::{
    Attribute, AttributeType, Nonce, PasswordAlgorithm, Realm, Username, XorMappedAddress,
    padding_len,
};
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{
    Class, Integrity, Message, MessageBuilder, MessageType, Method, ParseError, TransactionId,
};

/// The password of §2.1 to §2.3 (short-term credentials: the password is the key).
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const ID: TransactionId = TransactionId(*b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae");

const SAMPLE_REQUEST: &[u8] = b"\
    \x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x10STUN test client\
    \x00\x24\x00\x04\x6e\x00\x01\xff\
    \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
    \x00\x06\x00\x09evtj:h6vY\x20\x20\x20\
    \x00\x08\x00\x14\
    \x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
    \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

const SAMPLE_IPV4_RESPONSE: &[u8] = b"\
    \x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\
    \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
    \x00\x08\x00\x14\
    \x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
    \x80\x28\x00\x04\xc0\x7d\x4c\x96";

const SAMPLE_IPV6_RESPONSE: &[u8] = b"\
    \x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\
    \x00\x20\x00\x14\x00\x02\xa1\x47\
    \x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
    \x00\x08\x00\x14\
    \xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
    \x80\x28\x00\x04\xc8\xfb\x0b\x4c";

const SAMPLE_REQUEST_WITH_LONG_TERM_AUTHENTICATION: &[u8] = b"\
    \x00\x01\x00\x60\x21\x12\xa4\x42\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e\
    \x00\x06\x00\x12\
    \xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9\x00\x00\
    \x00\x15\x00\x1cf//499k954d6OL34oL9FSTvy64sA\
    \x00\x14\x00\x0bexample.org\x00\
    \x00\x08\x00\x14\
    \xf6\x70\x24\x65\x6d\xd6\x4a\x3e\x02\xb8\xe0\x71\x2e\x85\xc9\xa2\x8c\xa8\x96\x66";

/// An attribute that only these vectors have, in a crate that does not know it.
struct Other<'a, const TYPE: u16>(&'a [u8]);

type Priority<'a> = Other<'a, 0x0024>;
type Software<'a> = Other<'a, 0x8022>;
type IceControlled<'a> = Other<'a, 0x8029>;

impl<'a, const TYPE: u16> Attribute<'a> for Other<'a, TYPE> {
    const TYPE: AttributeType = AttributeType(TYPE);

    fn decode(value: &'a [u8], _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self(value))
    }

    fn value_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(self.0);
    }
}

fn value<'a, A: Attribute<'a>>(message: &Message<'a>) -> A {
    message.get().expect("the value is of its type").expect("the attribute is there")
}

fn assert_protected(message: &Message<'_>) {
    assert_eq!(message.transaction_id(), ID);
    assert_eq!(message.verify_integrity(PASSWORD), Integrity::Valid);
    assert_eq!(message.verify_integrity("another"), Integrity::Invalid);
    assert_eq!(message.verify_fingerprint(), Some(true));
}

/// Compares what was built with what is printed, and then its own digests with themselves.
fn assert_built(built: &[u8], printed: &[u8]) {
    assert_eq!(without_digests_and_padding(built), without_digests_and_padding(printed));
    assert_protected(&Message::parse(built).unwrap());
}

fn without_digests_and_padding(message: &[u8]) -> Vec<u8> {
    let digests = [AttributeType::MESSAGE_INTEGRITY, AttributeType::FINGERPRINT];
    let mut masked = message.to_vec();
    let parsed = Message::parse(message).unwrap();
    for (attribute_type, value) in parsed.attributes() {
        let range = parsed.value_range(attribute_type).unwrap();
        if digests.contains(&attribute_type) {
            masked[range.clone()].fill(0);
        }
        masked[range.end..range.end + padding_len(value.len())].fill(0);
    }
    masked
}

#[test]
fn s2_1_sample_request() {
    let message = Message::parse(SAMPLE_REQUEST).unwrap();
    assert_eq!((message.method(), message.class()), (Method::BINDING, Class::Request));
    assert_eq!(value::<Username<'_>>(&message), Username("evtj:h6vY"));
    assert_eq!(value::<Software<'_>>(&message).0, b"STUN test client");
    assert_eq!(value::<Priority<'_>>(&message).0, 0x6e00_01ff_u32.to_be_bytes());
    assert_eq!(value::<IceControlled<'_>>(&message).0, 0x932f_f9b1_5126_3b36_u64.to_be_bytes());
    let unknown = message.unknown_required(&[Username::TYPE, AttributeType::MESSAGE_INTEGRITY]);
    assert_eq!(unknown.types(), [Priority::TYPE], "ICE-CONTROLLED and SOFTWARE are optional");
    assert_protected(&message);

    let mut buffer = [0xFF; 200];
    let len = MessageBuilder::new(&mut buffer, message_type(Class::Request), ID)
        .add::<Software<'_>>(&Other(b"STUN test client"))
        .add::<Priority<'_>>(&Other(&0x6e00_01ff_u32.to_be_bytes()))
        .add::<IceControlled<'_>>(&Other(&0x932f_f9b1_5126_3b36_u64.to_be_bytes()))
        .add(&Username("evtj:h6vY"))
        .add_integrity(PASSWORD)
        .add_fingerprint()
        .finish();
    assert_built(&buffer[..len], SAMPLE_REQUEST);
}

#[test]
fn s2_2_sample_ipv4_response() {
    response(SAMPLE_IPV4_RESPONSE, "192.0.2.1:32853");
}

#[test]
fn s2_3_sample_ipv6_response() {
    response(SAMPLE_IPV6_RESPONSE, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

fn response(printed: &[u8], address: &str) {
    let address = XorMappedAddress(address.parse().unwrap());
    let message = Message::parse(printed).unwrap();
    assert_eq!((message.method(), message.class()), (Method::BINDING, Class::Success));
    assert_eq!(value::<XorMappedAddress>(&message), address);
    assert_eq!(value::<Software<'_>>(&message).0, b"test vector");
    assert_protected(&message);

    let mut buffer = [0xFF; 200];
    let len = MessageBuilder::new(&mut buffer, message_type(Class::Success), ID)
        .add::<Software<'_>>(&Other(b"test vector"))
        .add(&address)
        .add_integrity(PASSWORD)
        .add_fingerprint()
        .finish();
    assert_built(&buffer[..len], printed);
}

/// The password is the one after SASLprep: before it, it has a character that the profile of
/// RFC 8489 no longer maps away (see `credentials/opaque_string.rs`).
#[test]
fn s2_4_sample_request_with_long_term_authentication() {
    let printed = SAMPLE_REQUEST_WITH_LONG_TERM_AUTHENTICATION;
    let message = Message::parse(printed).unwrap();
    let username = Username("\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}");
    let nonce = Nonce("f//499k954d6OL34oL9FSTvy64sA");
    let realm = Realm("example.org");
    assert_eq!(value::<Username<'_>>(&message), username);
    assert_eq!(value::<Nonce<'_>>(&message), nonce);
    assert_eq!(value::<Realm<'_>>(&message), realm);
    let key = LongTermKey::derive(PasswordAlgorithm::Md5, username.0, realm.0, "TheMatrIX");
    assert_eq!(message.verify_integrity(&key), Integrity::Valid);
    let wrong = LongTermKey::derive(PasswordAlgorithm::Md5, username.0, realm.0, "TheMatrix");
    assert_eq!(message.verify_integrity(&wrong), Integrity::Invalid);
    assert_eq!(message.verify_fingerprint(), None);

    let mut buffer = [0xFF; 200];
    let id = message.transaction_id();
    let len = MessageBuilder::new(&mut buffer, message_type(Class::Request), id)
        .add(&username)
        .add(&nonce)
        .add(&realm)
        .add_integrity(&key)
        .finish();
    assert_eq!(&buffer[..len], printed);
}

/// A bit turned over anywhere in a protected message is noticed.
#[test]
fn every_bit_of_every_vector_counts() {
    for printed in [SAMPLE_REQUEST, SAMPLE_IPV4_RESPONSE, SAMPLE_IPV6_RESPONSE] {
        for bit in 0..printed.len() * 8 {
            let mut changed = printed.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let Ok(message) = Message::parse(&changed) else { continue };
            let integrity = message.verify_integrity(PASSWORD);
            let fingerprint = message.verify_fingerprint();
            assert!(
                integrity != Integrity::Valid || fingerprint != Some(true),
                "bit {bit} of byte {}",
                bit / 8
            );
        }
    }
}

fn message_type(class: Class) -> MessageType {
    MessageType::new(Method::BINDING, class)
}
