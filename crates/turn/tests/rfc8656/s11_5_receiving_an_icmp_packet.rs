//! RFC 8656 §11.5: Receiving an ICMP Packet; RFC 8656 §18.13: ICMP

use kopru_sim::{World, allocate, create_permission, refresh, success};
use kopru_stun::attribute::{
    AdditionalAddressFamily, AttributeType, Icmp, RequestedAddressFamily, XorPeerAddress,
};
use kopru_stun::{Class, Method};
use kopru_turn::DropReason;

const PORT_UNREACHABLE: Icmp = Icmp { icmp_type: 3, code: 3, error_data: 0 };

#[test]
fn the_client_is_told_what_became_of_its_datagram() {
    // 11.5: "The Data indication MUST contain both an XOR-PEER-ADDRESS and an ICMP attribute."
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.bind(0x4000, &bob);
    bob.refuse(relayed, PORT_UNREACHABLE);
    let told = ada.expect_message();
    assert_eq!(
        (told.message().method(), told.message().class()),
        (Method::DATA, Class::Indication)
    );
    assert_eq!(told.attributes(), [AttributeType::XOR_PEER_ADDRESS, AttributeType::ICMP]);
    assert_eq!(told.get::<XorPeerAddress>(), XorPeerAddress(bob.address()));
    assert_eq!(told.get::<Icmp>(), PORT_UNREACHABLE);
}

#[test]
fn a_permission_for_the_peer_is_needed() {
    // 11.5: "If no match is found, relaying is not permitted and the server silently discards"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.ask(create_permission(&["8.8.4.4"])).expect(success());
    bob.refuse(relayed, PORT_UNREACHABLE);
    ada.permit(&bob);
    ada.ask(refresh(3600)).expect(success());
    world.advance_s(300);
    bob.refuse(relayed, PORT_UNREACHABLE);
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoPermission), 2);
    ada.ask(refresh(0)).expect(success());
    bob.refuse(relayed, PORT_UNREACHABLE);
    ada.expect_nothing();
}

#[test]
fn types_are_those_of_the_family_and_the_mtu_is_told_where_it_is_the_reason() {
    // 11.5: "the type is either 3 or 11 for an ICMPv4 packet or either 1, 2, or 3 for an ICMPv6
    // packet"; 18.13: "For other ICMPv6 types and ICMPv4 types and codes, the Error Data field MUST
    // be set to zero."
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let both = allocate().with(AdditionalAddressFamily(RequestedAddressFamily::IPV6));
    let all = ada.ask(both).expect(success()).all_relayed();
    let (bob, eve) = (world.peer("8.8.8.8:2000"), world.peer("[2a00::8]:2000"));
    ada.ask(create_permission(&["8.8.8.8", "2a00::8"])).expect(success());
    for (peer, relayed, icmp_type, code, error_data) in [
        (&bob, all[0], 3, 4, Some(1400)),
        (&bob, all[0], 3, 1, Some(0)),
        (&bob, all[0], 11, 0, Some(0)),
        (&bob, all[0], 0, 0, None),
        (&bob, all[0], 1, 0, None),
        (&bob, all[0], 5, 1, None),
        (&bob, all[0], 12, 0, None),
        (&eve, all[1], 1, 4, Some(0)),
        (&eve, all[1], 2, 0, Some(1400)),
        (&eve, all[1], 3, 1, Some(0)),
        (&eve, all[1], 4, 0, None),
        (&eve, all[1], 11, 0, None),
        (&eve, all[1], 128, 0, None),
    ] {
        let before = world.dropped(DropReason::IcmpType);
        peer.refuse(relayed, Icmp { icmp_type, code, error_data: 1400 });
        if let Some(error_data) = error_data {
            let told = ada.expect_message();
            assert_eq!(told.get::<Icmp>(), Icmp { icmp_type, code, error_data });
            assert_eq!(told.get::<XorPeerAddress>(), XorPeerAddress(peer.address()));
        }
        ada.expect_nothing();
        let dropped = world.dropped(DropReason::IcmpType) - before;
        assert_eq!(dropped, u64::from(error_data.is_none()), "{icmp_type} {code}");
    }
}
