//! RFC 8489 §B.1: Sample Request with Long-Term Authentication with MESSAGE-INTEGRITY-SHA256 and
//! USERHASH. The vector as printed is broken (erratum 6268): its header claims 156 bytes of
//! attributes and 136 follow, and its HMAC holds only with that wrong length. It must not be
//! accepted; the corrected forms, with and without PASSWORD-ALGORITHM, must be.

use kopru_stun::attribute::{Nonce, PasswordAlgorithm, Realm, Userhash};
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{Class, Integrity, Message, MessageBuilder, MessageType, Method, ParseError};

const HEADER: &[u8] = b"\x21\x12\xa4\x42\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e";

const USERHASH: &[u8] = b"\x00\x1e\x00\x20\
    \x4a\x3c\xf3\x8f\xef\x69\x92\xbd\xa9\x52\xc6\x78\x04\x17\xda\x0f\
    \x24\x81\x94\x15\x56\x9e\x60\xb2\x05\xc4\x6e\x41\x40\x7f\x17\x04";

const NONCE: &[u8] = b"\x00\x15\x00\x29obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA\x00\x00\x00";
const REALM: &[u8] = b"\x00\x14\x00\x0bexample.org\x00";

const PRINTED_HMAC: &[u8] = b"\x00\x1c\x00\x20\
    \xe4\x68\x6c\x8f\x0e\xde\xb5\x90\x13\xe0\x70\x90\x01\x0a\x93\xef\
    \xcc\xbc\xcc\x54\x4c\x0a\x45\xd9\xf8\x30\xaa\x6d\x6f\x73\x5a\x01";

const CORRECTED_HMAC: &[u8] = b"\x00\x1d\x00\x04\x00\x02\x00\x00\x00\x1c\x00\x20\
    \xb5\xc7\xbf\x00\x5b\x6c\x52\xa2\x1c\x51\xc5\xe8\x92\xf8\x19\x24\
    \x13\x62\x96\xcb\x92\x7c\x43\x14\x93\x09\x27\x8c\xc6\x51\x8e\x65";

fn vector(type_and_length: &[u8], end: &[u8]) -> Vec<u8> {
    [type_and_length, HEADER, USERHASH, NONCE, REALM, end].concat()
}

#[test]
fn the_printed_vector_is_rejected() {
    let printed = vector(b"\x00\x01\x00\x9c", PRINTED_HMAC);
    assert_eq!(printed.len(), 20 + 136);
    assert_eq!(Message::parse(&printed).err(), Some(ParseError::WrongLength));
    // Nor does it become right by bytes that happen to follow it in a buffer.
    let followed = [&printed[..], &[0; 24]].concat();
    assert_eq!(Message::parse(&followed).err(), Some(ParseError::WrongLength));
}

/// The HMAC of each corrected form, with the attributes in front of it that the printed one lacks.
const CORRECTED: [(PasswordAlgorithm, &[u8], &[u8]); 3] = [
    (PasswordAlgorithm::Sha256, b"\x00\x01\x00\x90", CORRECTED_HMAC),
    (
        PasswordAlgorithm::Sha256,
        b"\x00\x01\x00\x88",
        b"\x00\x1c\x00\x20\
        \x23\x41\x12\xfb\xd4\xe2\x7f\x98\x3e\xb4\x03\x28\x36\xf9\x98\x21\
        \x6f\x5b\x23\xf8\xd9\x27\x75\x3f\xbc\x4f\x88\x2b\xfb\xdf\x0d\xec",
    ),
    (
        PasswordAlgorithm::Md5,
        b"\x00\x01\x00\x88",
        b"\x00\x1c\x00\x20\
        \xfd\x8c\x27\x38\x60\xd2\xe1\x8e\xbc\xa4\xc8\x9b\x69\x73\xbe\xfa\
        \x7e\xe8\xec\xc6\x9e\x96\x42\xdb\x32\x6f\xab\x65\xa0\xb9\x55\xba",
    ),
];

#[test]
fn the_corrected_vectors_are_read_and_verified() {
    // "The<U+00AD>M<U+00AA>tr<U+2168>" was brought into this form by SASLprep, not OpaqueString.
    let (username, realm, password) = ("マトリックス", "example.org", "TheMatrIX");
    for (algorithm, type_and_length, end) in CORRECTED {
        let corrected = vector(type_and_length, end);
        let message = Message::parse(&corrected).unwrap();
        assert_eq!(message.get(), Ok(Some(Realm(realm))));
        assert_eq!(message.get(), Ok(Some(Nonce("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"))));
        assert_eq!(message.get(), Ok(Some(Userhash::of(username, realm))));
        let key = LongTermKey::derive(algorithm, username, realm, password);
        assert_eq!(message.verify_integrity(&key), Integrity::Valid);
        assert_eq!(message.verify_integrity("any key"), Integrity::Invalid);
    }
}

#[test]
fn the_corrected_vector_with_its_algorithm_is_what_we_build() {
    let corrected = vector(b"\x00\x01\x00\x90", CORRECTED_HMAC);
    let message = Message::parse(&corrected).unwrap();
    let algorithm = message.get().unwrap().unwrap();
    assert_eq!(algorithm, PasswordAlgorithm::Sha256);
    let key = LongTermKey::derive(algorithm, "マトリックス", "example.org", "TheMatrIX");
    assert_eq!(
        key.as_ref(),
        b"\xdd\x29\x5a\x61\x3b\x90\x58\xc3\xc2\x3d\x6d\xc7\x16\x5b\xda\x07\
          \x23\x04\xd9\x89\xc9\xd0\xaf\x3a\x8c\x7e\x18\x4b\x4f\x9b\xb4\xa1"
    );
    let mut built = [0xFF; 200];
    let message_type = MessageType::new(Method::BINDING, Class::Request);
    let len = MessageBuilder::new(&mut built, message_type, message.transaction_id())
        .add(&Userhash::of("マトリックス", "example.org"))
        .add(&Nonce("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"))
        .add(&Realm("example.org"))
        .add(&algorithm)
        .add_integrity_sha256(&key)
        .finish();
    assert_eq!(built[..len], corrected);
}
