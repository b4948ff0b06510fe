//! RFC 5780 §7.5: RESPONSE-PORT

use kopru_sim::{Raw, binding, error, success};
use kopru_stun::attribute::{ChangeRequest, ResponseOrigin, ResponsePort};

use crate::discovery::{P1, P2, V4, address, world};

#[test]
fn the_response_goes_to_another_port_of_the_same_address() {
    // "the Binding Response MUST be transmitted to the source IP address of the Binding Request and
    // the port contained in RESPONSE-PORT"
    let world = world();
    for (y, x, port) in
        [("7.7.7.7:1000", "7.7.7.7:1001", 1001), ("[2a00::7]:1000", "[2a00::7]:65535", 65_535)]
    {
        let (y, x) = (world.client(y), world.client(x));
        y.send(&binding().with(ResponsePort(port)));
        y.expect_nothing();
        assert_eq!(x.expect_message().expect(success()).mapped(), y.address());
    }
}

#[test]
fn it_goes_with_change_request() {
    // 4.6 and 6.1: the one says where the response goes, the other from where.
    let world = world();
    let (y, x) = (world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001"));
    y.send(&binding().with(ResponsePort(1001)).with(ChangeRequest { ip: true, port: true }));
    let reply = x.expect_message_from(address(V4[1], P2)).expect(success());
    assert_eq!(reply.get::<ResponseOrigin>().0, address(V4[1], P2));
    y.send(&binding().with(ResponsePort(1001)));
    x.expect_message_from(address(V4[0], P1)).expect(success());
}

#[test]
fn port_0_and_other_lengths_are_a_bad_request() {
    let ada = world().client("7.7.7.7:1000");
    ada.ask(binding().with(ResponsePort(0))).expect(error(400));
    for value in [vec![], vec![9], vec![9, 9, 0]] {
        ada.ask(binding().with(Raw::<0x0027>(value))).expect(error(400));
    }
}
