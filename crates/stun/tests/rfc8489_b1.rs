//! RFC 8489 §B.1: Sample Request with Long-Term Authentication with MESSAGE-INTEGRITY-SHA256 and
//! USERHASH. The vector as printed is broken (erratum 6268): its header claims 156 bytes of
//! attributes and 136 follow, and its HMAC holds only with that wrong length. It must not be
//! accepted; the corrected form, with PASSWORD-ALGORITHM, must be.

use kopru_stun::attribute::{AttributeType, Nonce, Realm};
use kopru_stun::{Integrity, Message, ParseError};

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
    \x13\x62\x96\xcb\x92\x7c\x14\x93\x09\x27\x8c\xc6\x51\x8e\x65\x00";

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

#[test]
fn the_corrected_vector_is_read_and_its_new_attributes_are_known_to_be_unknown() {
    let corrected = vector(b"\x00\x01\x00\x90", CORRECTED_HMAC);
    let message = Message::parse(&corrected).unwrap();
    assert_eq!(message.get(), Ok(Some(Realm("example.org"))));
    assert_eq!(message.get(), Ok(Some(Nonce("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"))));
    assert_eq!(message.verify_integrity("any key"), Integrity::Absent, "there is only SHA-256");
    let unknown = message.unknown_required(&[AttributeType::REALM, AttributeType::NONCE]);
    assert_eq!(unknown.types(), [0x001e, 0x001d, 0x001c].map(AttributeType));
}
