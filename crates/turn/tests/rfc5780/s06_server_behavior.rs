//! RFC 5780 §6: Server Behavior

use kopru_sim::{TurnClient, World, binding, error, success};
use kopru_stun::attribute::{AttributeType, ChangeRequest, Padding, ResponseOrigin, ResponsePort};
use kopru_turn::five_tuple::Transport;

use crate::discovery::{P1, P2, V4, address, world};

#[test]
fn without_a_second_address_the_attributes_are_unknown() {
    // "then it MUST NOT include an OTHER-ADDRESS attribute in any Response and MUST respond with a
    // 420 (Unknown Attribute) to any Request with a CHANGE-REQUEST attribute"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    assert_eq!(ada.ask(binding()).attributes(), [AttributeType::XOR_MAPPED_ADDRESS]);
    let reply = ada.ask(binding().with(ChangeRequest::default())).expect(error(420));
    assert_eq!(reply.unknown(), [0x0003]);
    let all = binding()
        .with(Padding { len: 4 })
        .with(ChangeRequest { ip: true, port: true })
        .with(ResponsePort(1001));
    assert_eq!(ada.ask(all).expect(error(420)).unknown(), [0x0026, 0x0003, 0x0027]);
}

#[test]
fn elsewhere_it_is_as_if_there_were_none() {
    let world = world();
    for server in [address(V4[0], 443), address("9.9.9.11".parse().unwrap(), P1)] {
        let ada = world.client("7.7.7.7:1000").asking(server);
        assert_eq!(ada.ask(binding()).attributes(), [AttributeType::XOR_MAPPED_ADDRESS]);
        ada.ask(binding().with(ChangeRequest::default())).expect(error(420));
    }
}

#[test]
fn over_tcp_the_addresses_are_told_and_each_answers_for_itself() {
    // 3.1: "These tests can be used for UDP, TCP, or TCP/TLS connections."
    let world = world();
    for server in [address(V4[0], P1), address(V4[1], P2)] {
        let ada = world.client("7.7.7.7:1000").asking(server).over(Transport::Tcp);
        assert_eq!(ada.ask(binding()).get::<ResponseOrigin>().0, server);
        // 3: "Because STUN forbids a server from creating a new TCP or TCP/TLS connection to the
        // client, many tests apply only to UDP."
        none_is_known(&ada);
    }
}

#[test]
fn over_tls_there_is_one_port_and_nothing_to_tell() {
    // "TCP and TCP/TLS MUST use different ports."
    let ada = world().client("7.7.7.7:1000").over(Transport::Tls);
    assert_eq!(ada.ask(binding()).attributes(), [AttributeType::XOR_MAPPED_ADDRESS]);
    none_is_known(&ada);
}

#[track_caller]
fn none_is_known(ada: &TurnClient) {
    ada.ask(binding().with(ChangeRequest { ip: true, port: true })).expect(error(420));
    ada.ask(binding().with(ResponsePort(1001))).expect(error(420));
    ada.ask(binding().with(Padding { len: 4 })).expect(error(420));
}

#[test]
fn other_methods_do_not_know_the_attributes() {
    // 7: "These attributes are all used only with Binding Requests and Binding Responses."
    let ada = world().client("7.7.7.7:1000");
    let reply = ada.ask(kopru_sim::allocate().with(ChangeRequest::default())).expect(error(420));
    assert_eq!(reply.unknown(), [0x0003]);
    ada.ask(kopru_sim::allocate()).expect(success());
}
