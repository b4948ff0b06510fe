//! RFC 5780 §7.2: CHANGE-REQUEST

use kopru_sim::{Raw, binding, error, success};
use kopru_stun::attribute::{ChangeRequest, OtherAddress, ResponseOrigin};

use crate::discovery::{P1, P2, V4, V6, address, world};

#[test]
fn the_response_comes_from_the_address_of_table_1() {
    // 6.1: Table 1: Impact of Flags on Packet Source and OTHER-ADDRESS
    let world = world();
    for (client, [a1, a2]) in [("7.7.7.7:1000", V4), ("[2a00::7]:1000", V6)] {
        for (da, ca) in [(a1, a2), (a2, a1)] {
            for (dp, cp) in [(P1, P2), (P2, P1)] {
                for (ip, port, source) in [
                    (false, false, address(da, dp)),
                    (true, false, address(ca, dp)),
                    (false, true, address(da, cp)),
                    (true, true, address(ca, cp)),
                ] {
                    let ada = world.client(client).asking(address(da, dp));
                    ada.send(&binding().with(ChangeRequest { ip, port }));
                    let reply = ada.expect_message_from(source).expect(success());
                    assert_eq!(reply.get::<ResponseOrigin>().0, source);
                    assert_eq!(reply.get::<OtherAddress>().0, address(ca, cp));
                    assert_eq!(reply.mapped(), ada.address());
                }
            }
        }
    }
}

#[test]
fn a_value_of_another_length_is_a_bad_request() {
    let ada = world().client("7.7.7.7:1000");
    for value in [vec![], vec![6], vec![0, 0, 0, 6, 0, 0, 0, 0]] {
        ada.ask(binding().with(Raw::<0x0003>(value))).expect(error(400));
    }
}

#[test]
fn a_refusal_comes_from_the_address_that_was_asked() {
    let ada = world().client("7.7.7.7:1000");
    let change = ChangeRequest { ip: true, port: true };
    ada.ask(binding().with(change).with(Raw::<0x7abc>(vec![]))).expect(error(420));
}
