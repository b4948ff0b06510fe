//! RFC 6062 §5.1: Receiving a TCP Allocate Request

use kopru_sim::{
    QUOTA, Raw, World, allocate, allocate_tcp, channel_bind, error, refresh, request, settings,
    success,
};
use kopru_stun::Method;
use kopru_stun::attribute::{
    AdditionalAddressFamily, AttributeType, DontFragment, EvenPort, RequestedAddressFamily,
    RequestedTransport, ReservationToken,
};
use kopru_turn::five_tuple::{RelayTransport, Transport};
use kopru_turn::{DropReason, EndReason, Event, Settings};

use crate::{over_tcp, world};

#[test]
fn a_client_over_tcp_or_tls_gets_a_tcp_allocation() {
    let world = world();
    for transport in [Transport::Tcp, Transport::Tls] {
        let ada = world.client("7.7.7.7:1000").over(transport);
        let reply = ada.ask(allocate_tcp()).expect(success());
        let expected = [
            AttributeType::XOR_RELAYED_ADDRESS,
            AttributeType::LIFETIME,
            AttributeType::XOR_MAPPED_ADDRESS,
            AttributeType::MESSAGE_INTEGRITY,
        ];
        assert_eq!(reply.attributes(), expected, "(5): no RESERVATION-TOKEN");
        ada.ask(refresh(0)).expect(success());
        let Some(Event::Created { .. }) = world.event() else { panic!("no record") };
        let Some(Event::Ended(record)) = world.event() else { panic!("no record") };
        let told = (record.relay_transport, record.five_tuple.transport, record.reason);
        assert_eq!(told, (RelayTransport::Tcp, transport, EndReason::Deleted));
    }
}

#[test]
fn a_protocol_other_than_udp_and_tcp_is_not_supported() {
    // 5.1 (1): "a protocol other than UDP or TCP … 442"
    let ada = over_tcp(&world(), "7.7.7.7:1000");
    for protocol in [0, 1, 7, 16, 132, 255] {
        let request = request(Method::ALLOCATE).with(RequestedTransport(protocol));
        ada.ask(request).expect(error(442));
    }
    ada.ask(allocate()).expect(success());
}

#[test]
fn while_it_is_off_tcp_is_no_supported_protocol() {
    let world = World::with(settings());
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.ask(allocate_tcp()).expect(error(442));
    ada.ask(allocate_tcp().with(DontFragment)).expect(error(442));
    ada.allocate();
    for method in [Method::CONNECT, Method::CONNECTION_BIND] {
        ada.send(&request(method));
        ada.expect_nothing();
    }
    assert_eq!(world.dropped(DropReason::UnknownMethod), 2);
}

#[test]
fn over_udp_there_are_no_tcp_allocations() {
    // 5.1 (2): "If the client connection transport is not TCP or TLS … 400"
    let world = world();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate_tcp()).expect(error(400));
    assert_eq!(world.open_ports(), 0);
}

#[test]
fn what_belongs_to_udp_is_a_bad_request() {
    // 5.1 (3): "contains the DONT-FRAGMENT, EVEN-PORT, or RESERVATION-TOKEN attribute … 400"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    for request in [
        allocate_tcp().with(DontFragment),
        allocate_tcp().with(EvenPort { reserve_next: false }),
        allocate_tcp().with(EvenPort { reserve_next: true }),
        allocate_tcp().with(ReservationToken([7; 8])),
        allocate_tcp().with(Raw::<0x0018>(vec![])),
    ] {
        ada.ask(request).expect(error(400));
    }
    assert_eq!((world.open_ports(), world.reserved_ports()), (0, 0));
    ada.allocate_tcp();
}

#[test]
fn both_families_at_once() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let request = allocate_tcp().with(AdditionalAddressFamily(RequestedAddressFamily::IPV6));
    assert_eq!(ada.ask(request).expect(success()).all_relayed().len(), 2);
}

#[test]
fn tcp_allocations_are_counted_with_the_others() {
    let world = world();
    for number in 0..QUOTA {
        let client = over_tcp(&world, &format!("7.7.7.7:{}", 1000 + number));
        client.allocate_tcp();
    }
    over_tcp(&world, "7.7.7.7:2000").ask(allocate_tcp()).expect(error(486));
    world.client("7.7.7.7:2001").ask(allocate()).expect(error(486));
}

#[test]
fn datagrams_have_no_part_in_it() {
    // 4.5: data goes over data connections, and over these alone.
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:2000");
    let relayed = ada.allocate_tcp();
    ada.permit(&bob);
    ada.ask(channel_bind(0x4000, "8.8.8.8:2000")).expect(error(400));
    ada.send_to(&bob, b"x");
    bob.expect_nothing();
    ada.send_on(0x4000, b"x");
    assert_eq!(world.dropped(DropReason::TcpAllocation), 1);
    assert_eq!(world.dropped(DropReason::NoChannel), 1);
    // A client whose peer it is finds nobody there for its datagrams.
    let cyd = world.client("7.7.7.8:1000");
    cyd.allocate();
    cyd.ask(channel_bind(0x4000, &relayed.to_string())).expect(error(403));
    bob.send(relayed, b"x");
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoAllocation), 1);
}

#[test]
fn off_by_default_and_a_switch_for_all_of_it() {
    let off = settings();
    assert!(!off.tcp_relay);
    let world = World::with(Settings { tcp_relay: true, ..off });
    over_tcp(&world, "7.7.7.7:1000").allocate_tcp();
}
