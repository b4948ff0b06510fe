//! Messages captured from other implementations: turn-rs with its client (all of TURN's methods),
//! and Chrome with coturn.

use std::net::SocketAddr;

use kopru_stun::attribute::{
    Attribute, AttributeType, Data, ErrorCode, Lifetime, Nonce, PasswordAlgorithm, Realm,
    RequestedTransport, Username, XorMappedAddress, XorPeerAddress, XorRelayedAddress,
};
use kopru_stun::channel_data::{ChannelHeader, ChannelNumber, ChannelRange};
use kopru_stun::credentials::LongTermKey;
use kopru_stun::demux::{Protocol, classify};
use kopru_stun::{Class, Integrity, Message, Method};

/// Bytes of a capture, as the tools print them.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).expect("a hex digit") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn value<'a, A: Attribute<'a>>(message: &Message<'a>) -> A {
    message.get().expect("the value is of its type").expect("the attribute is there")
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("a socket address")
}

mod turn_rs {
    use super::*;

    const ALLOCATE_REQUEST: &str = "000300502112a442424a432f74324656304f647a00190004110000000006000\
        57573657231000000001400096c6f63616c686f73740000000015001055486d31686945306a6d3972397247530\
        0080014cbddafc248330e3fcb0ff54426c6fa5c7880a97a";
    const ALLOCATE_RESPONSE: &str = "010300542112a442424a432f74324656304f647a001600080001f8525e12a4\
        43002000080001e8cc5e12a443000d0004000002588022000d7475726e2d72732e342e302e3000000000080014\
        556e0ed05d6297e80386114bf0ec20f23d3d9dc780280004ab7c11b4";
    const BINDING_REQUEST: &str = "000100002112a4424558656157535a6e57357646";
    const BINDING_RESPONSE: &str = "010100382112a4424558656157535a6e57357646002000080001e8cc5e12a44\
        3000100080001c9de7f000001802b000800010d967f0000018022000d7475726e2d72732e342e302e30000000";
    const CHANNEL_BIND_REQUEST: &str = "0009005c2112a442432f7052726f325669746756000c000440000000001\
        200080001f8525e12a443000600057573657231000000001400096c6f63616c686f737400000000150010396a4\
        c42636a66663378724b5241455300080014666b498e1f77aecb1cd2c1a6887d6a1d57b6638f";
    const CHANNEL_BIND_RESPONSE: &str = "010900202112a442432f7052726f32566974675600080014f7907efc69\
        ac92d53c3c3dffcf766fc8dd26faac802800040e8dae45";
    const CHANNEL_DATA: &str = "4000000a00010203040506070809";
    const CREATE_PERMISSION_REQUEST: &str = "000800542112a4426e30713848642b61794b3531001200080001f8\
        525e12a443000600057573657231000000001400096c6f63616c686f737400000000150010396a4c42636a6666\
        3378724b52414553000800142c934b325469cec6546b5959ff0f16f5c2af0de6";
    const CREATE_PERMISSION_RESPONSE: &str = "010800202112a4426e30713848642b61794b35310008001485302\
        80f7fab552d1e16b0ded80fdacbc2f4caa080280004ad8fb1b2";
    const DATA_INDICATION: &str = "001700742112a44237395356676a692f76494b45001200080001f8525e12a443\
        00130064000100502112a442626448654c51307a6c796e4300060009375959393a4b707158000000c057000400\
        0003e7802a00086ba31b8e5213229700250000002400046e001fff0008001455a202da5ca074586c624d107d28\
        02ceeb5391cc80280004fa5a2e3b";
    const REFRESH_REQUEST: &str = "000400502112a44241576638424f4a326b473072000d00040000000000060005\
        7573657231000000001400096c6f63616c686f73740000000015001055486d31686945306a6d39723972475300\
        080014ab489119e2d422f1c377a314cc4fbadc78ec179a";
    const REFRESH_RESPONSE: &str = "010400282112a44241576638424f4a326b473072000d0004000000000008001\
        45f08adb7245b0a2fa8b118457c31b830c754eda08028000412f81d39";
    const SEND_INDICATION: &str = "001600702112a4426e34782f467433794a657342001200080001f8525e12a443\
        001300600001004c2112a4425a7474704c6b46676b6d3370000600094b7071583a37595939000000c057000400\
        0003e780290008450806756f1fdc56002400046e001fff00080014ea9d743b9f2e0557314b20017e4b784717f9\
        e912802800049258f351";
    const UNAUTHORIZED_ALLOCATE_RESPONSE: &str = "011300442112a44234384a4d5642697735746562000900100\
        0000401556e617574686f72697a6564001400096c6f63616c686f73740000000015001055486d31686945306a6\
        d397239724753800200080001000000020000";

    /// Requests carry no FINGERPRINT, responses do; all are made with the key of `user1`.
    #[test]
    fn every_protected_message_holds() {
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, "user1", "localhost", "test");
        let wrong = LongTermKey::derive(PasswordAlgorithm::Md5, "user1", "localhost", "tset");
        for (capture, method, class, fingerprint) in [
            (ALLOCATE_REQUEST, Method::ALLOCATE, Class::Request, None),
            (ALLOCATE_RESPONSE, Method::ALLOCATE, Class::Success, Some(true)),
            (CHANNEL_BIND_REQUEST, Method::CHANNEL_BIND, Class::Request, None),
            (CHANNEL_BIND_RESPONSE, Method::CHANNEL_BIND, Class::Success, Some(true)),
            (CREATE_PERMISSION_REQUEST, Method::CREATE_PERMISSION, Class::Request, None),
            (CREATE_PERMISSION_RESPONSE, Method::CREATE_PERMISSION, Class::Success, Some(true)),
            (REFRESH_REQUEST, Method::REFRESH, Class::Request, None),
            (REFRESH_RESPONSE, Method::REFRESH, Class::Success, Some(true)),
        ] {
            let bytes = hex(capture);
            let message = Message::parse(&bytes).unwrap();
            assert_eq!((message.method(), message.class()), (method, class));
            assert_eq!(message.verify_integrity(&key), Integrity::Valid, "{message:?}");
            assert_eq!(message.verify_integrity(&wrong), Integrity::Invalid, "{message:?}");
            assert_eq!(message.verify_fingerprint(), fingerprint, "{message:?}");
        }
    }

    #[test]
    fn binding() {
        let bytes = hex(BINDING_REQUEST);
        let request = Message::parse(&bytes).unwrap();
        assert_eq!((request.method(), request.class()), (Method::BINDING, Class::Request));
        assert_eq!(request.attributes().count(), 0);
        let bytes = hex(BINDING_RESPONSE);
        let response = Message::parse(&bytes).unwrap();
        assert_eq!(response.transaction_id(), request.transaction_id());
        assert_eq!(value::<XorMappedAddress>(&response).0, address("127.0.0.1:51678"));
        let unknown = response.unknown_required(&[XorMappedAddress::TYPE]);
        assert_eq!(unknown.types(), [AttributeType(0x0001)], "MAPPED-ADDRESS, of RFC 3489");
    }

    #[test]
    fn allocate_and_refresh() {
        let bytes = hex(ALLOCATE_REQUEST);
        let request = Message::parse(&bytes).unwrap();
        assert_eq!(value::<RequestedTransport>(&request), RequestedTransport::UDP);
        assert_eq!(value::<Username<'_>>(&request), Username("user1"));
        assert_eq!(value::<Realm<'_>>(&request), Realm("localhost"));
        assert_eq!(value::<Nonce<'_>>(&request), Nonce("UHm1hiE0jm9r9rGS"));
        let bytes = hex(ALLOCATE_RESPONSE);
        let response = Message::parse(&bytes).unwrap();
        assert_eq!(value::<XorRelayedAddress>(&response).0, address("127.0.0.1:55616"));
        assert_eq!(value::<XorMappedAddress>(&response).0, address("127.0.0.1:51678"));
        assert_eq!(value::<Lifetime>(&response), Lifetime { seconds: 600 });
        let bytes = hex(REFRESH_REQUEST);
        assert_eq!(value::<Lifetime>(&Message::parse(&bytes).unwrap()), Lifetime { seconds: 0 });
    }

    #[test]
    fn unauthorized_allocate_response() {
        let bytes = hex(UNAUTHORIZED_ALLOCATE_RESPONSE);
        let response = Message::parse(&bytes).unwrap();
        assert_eq!(response.class(), Class::Error);
        assert_eq!(value::<ErrorCode>(&response), ErrorCode::UNAUTHENTICATED);
        assert_eq!(response.verify_integrity("any key"), Integrity::Absent);
    }

    #[test]
    fn permission_and_channel() {
        let peer = address("127.0.0.1:55616");
        let bytes = hex(CREATE_PERMISSION_REQUEST);
        let request = Message::parse(&bytes).unwrap();
        assert_eq!(value::<XorPeerAddress>(&request).0, peer);
        assert_eq!(request.get_all::<XorPeerAddress>().count(), 1);
        let bytes = hex(CHANNEL_BIND_REQUEST);
        let request = Message::parse(&bytes).unwrap();
        assert_eq!(value::<XorPeerAddress>(&request).0, peer);
        assert_eq!(value::<ChannelNumber>(&request), ChannelNumber(0x4000));
    }

    /// What is relayed is itself STUN: connectivity checks, which must be left alone.
    #[test]
    fn send_and_data_indications_carry_connectivity_checks() {
        for (capture, method, username, password_holder) in [
            (SEND_INDICATION, Method::SEND, "KpqX:7YY9", 0x8029),
            (DATA_INDICATION, Method::DATA, "7YY9:KpqX", 0x802a),
        ] {
            let bytes = hex(capture);
            let indication = Message::parse(&bytes).unwrap();
            assert_eq!((indication.method(), indication.class()), (method, Class::Indication));
            assert_eq!(value::<XorPeerAddress>(&indication).0, address("127.0.0.1:55616"));
            let Data(data) = value(&indication);
            assert_eq!(&bytes[indication.value_range(Data::TYPE).unwrap()], data);
            let check = Message::parse(data).unwrap();
            assert_eq!(check.method(), Method::BINDING);
            assert_eq!(value::<Username<'_>>(&check), Username(username));
            assert_eq!(check.verify_fingerprint(), Some(true));
            let mut roles = check.attributes().map(|(attribute_type, _)| attribute_type.0);
            assert!(roles.any(|number| number == password_holder), "the ICE role");
        }
    }

    #[test]
    fn channel_data_without_padding() {
        let bytes = hex(CHANNEL_DATA);
        assert_eq!(classify(bytes[0], ChannelRange::Rfc8656), Protocol::ChannelData);
        let header = ChannelHeader::read(&bytes, ChannelRange::Rfc8656).unwrap();
        assert_eq!(header, ChannelHeader { channel: ChannelNumber(0x4000), len: 10 });
        assert_eq!(&bytes[header.data_range()], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}

/// Chrome's Allocate transaction with coturn. Its password is not known.
mod chrome {
    use super::*;

    const ALLOCATE_REQUEST: &str = "000300242112a442626b4a6849664c3630526863802f0016687474703a2f2f6\
        c6f63616c686f73743a333030302f00000019000411000000";
    const UNAUTHENTICATED: &str = "011300582112a442626b4a6849664c36305268630009001000000401556e6175\
        74686f72697a656400150010356130323039623563623830363130360014000b61312e63796465762e72757580\
        22001a436f7475726e2d342e352e302e33202764616e204569646572272300";
    const AUTHENTICATED_REQUEST: &str = "0003006c2112a442324e50695a437a4634535034802f0016687474703a\
        2f2f6c6f63616c686f73743a333030302f000000190004110000000006000665726e61646f00000014000b6131\
        2e63796465762e7275000015001035613032303962356362383036313036000800145c8743f3b64bec0880cdd8\
        d476d37b801a6c3d33";
    const ALLOCATED: &str = "010300582112a442324e50695a437a4634535034001600080001fb922b1ab211002000\
        080001adb2f49f38ae000d0004000002588022001a436f7475726e2d342e352e302e33202764616e2045696465\
        72277475000800145d7e85b767a519ffce91dbf0a96775e370db92e3";

    /// ORIGIN (0x802f) is of a draft that nobody else knows: comprehension-optional, ignored.
    #[test]
    fn an_unknown_optional_attribute_is_ignored() {
        for capture in [ALLOCATE_REQUEST, AUTHENTICATED_REQUEST] {
            let bytes = hex(capture);
            let request = Message::parse(&bytes).unwrap();
            assert_eq!((request.method(), request.class()), (Method::ALLOCATE, Class::Request));
            assert!(request.attributes().any(|(found, _)| found == AttributeType(0x802f)));
            assert_eq!(value::<RequestedTransport>(&request), RequestedTransport::UDP);
            let known = [
                RequestedTransport::TYPE,
                Username::TYPE,
                Realm::TYPE,
                Nonce::TYPE,
                AttributeType::MESSAGE_INTEGRITY,
            ];
            assert!(request.unknown_required(&known).is_empty());
        }
    }

    #[test]
    fn the_second_request_repeats_what_the_first_was_answered() {
        let bytes = hex(UNAUTHENTICATED);
        let response = Message::parse(&bytes).unwrap();
        let bytes = hex(AUTHENTICATED_REQUEST);
        let request = Message::parse(&bytes).unwrap();
        assert_eq!(value::<ErrorCode>(&response), ErrorCode::UNAUTHENTICATED);
        assert_eq!(value::<Username<'_>>(&request), Username("ernado"));
        assert_eq!(value::<Realm<'_>>(&request), value::<Realm<'_>>(&response));
        assert_eq!(value::<Nonce<'_>>(&request), value::<Nonce<'_>>(&response));
        let guess = LongTermKey::derive(PasswordAlgorithm::Md5, "ernado", "a1.cydev.ru", "guess");
        assert_eq!(request.verify_integrity(&guess), Integrity::Invalid);
    }

    #[test]
    fn padding_of_any_value_is_tolerated() {
        let bytes = hex(ALLOCATED);
        let response = Message::parse(&bytes).unwrap();
        assert_eq!(response.class(), Class::Success);
        assert_eq!(value::<XorRelayedAddress>(&response).0.port(), 0xfb92 ^ 0x2112);
        assert_eq!(value::<Lifetime>(&response), Lifetime { seconds: 600 });
        let software = response.value_range(AttributeType(0x8022)).unwrap();
        assert_eq!(&bytes[software.clone()], b"Coturn-4.5.0.3 'dan Eider'");
        assert_eq!(&bytes[software.end..][..2], b"tu", "coturn pads with what was there before");
    }
}
