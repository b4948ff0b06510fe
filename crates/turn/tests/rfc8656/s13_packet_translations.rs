//! RFC 8656 §13: Packet Translations

use kopru_sim::{Raw, World, allocate, request, success};
use kopru_stun::Method;
use kopru_stun::attribute::{DontFragment, RequestedAddressFamily, XorPeerAddress};
use kopru_turn::five_tuple::Transport;

#[test]
fn dont_fragment_is_ignored_between_datagrams_unless_both_sides_are_ipv4() {
    // "ignoring the DONT-FRAGMENT attribute is only applicable for UDP-to-UDP relay and not for
    // TCP-to-UDP relay"
    let (v4, v6) = (RequestedAddressFamily::IPV4, RequestedAddressFamily::IPV6);
    for (transport, client, peer, family, heeded) in [
        (Transport::Udp, "7.7.7.7:1000", "8.8.8.8:2000", v4, true),
        (Transport::Udp, "7.7.7.7:1000", "[2a00::8]:2000", v6, false),
        (Transport::Udp, "[2a00::7]:1000", "[2a00::8]:2000", v6, false),
        (Transport::Udp, "[2a00::7]:1000", "8.8.8.8:2000", v4, false),
        (Transport::Tcp, "7.7.7.7:1000", "8.8.8.8:2000", v4, true),
        (Transport::Tls, "[2a00::7]:1000", "[2a00::8]:2000", v6, true),
    ] {
        let world = World::start();
        let (ada, bob) = (world.client(client).over(transport), world.peer(peer));
        ada.ask(allocate().with(family).with(DontFragment)).expect(success());
        ada.permit(&bob);
        let to_bob = request(Method::SEND).as_indication().with(XorPeerAddress(bob.address()));
        ada.send(&to_bob.with(DontFragment).with(Raw::<0x0013>(b"x".to_vec())));
        match heeded {
            true => bob.expect_unfragmented(ada.relayed(), b"x"),
            false => bob.expect(ada.relayed(), b"x"),
        }
    }
}
