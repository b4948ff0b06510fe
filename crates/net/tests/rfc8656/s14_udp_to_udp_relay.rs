//! RFC 8656 §14: UDP-to-UDP Relay

use kopru_stun::attribute::{Data, DontFragment, XorPeerAddress};

use crate::client::{indication, indication_with};
use crate::ip_header::Tap;
use crate::relay::{CHANNEL, Pair, V4};

#[test]
fn from_a_client_dscp_is_best_effort_and_ecn_is_not_ect() {
    // Alternate behavior: "Set the outgoing value to a fixed value, which by default is Best
    // Effort", "Set the outgoing value to Not-ECT"
    Pair::of(V4, V4).relays_to_the_peer_with_defaults();
}

#[test]
fn from_a_peer_dscp_is_best_effort_and_ecn_is_not_ect() {
    Pair::of(V4, V4).relays_to_the_client_with_defaults();
}

#[test]
fn df_is_set_for_dont_fragment_and_else_is_zero() {
    // Alternate behavior: "As described in the Preferred Behavior, except always assume the
    // incoming DF bit is 0." Linux sets it in what client and peer send.
    let taps = [Tap::at("127.0.0.13"), Tap::at("127.0.0.14")];
    let [Some(mut at_client), Some(mut at_peer)] = taps else { return };
    let mut pair = Pair::of("127.0.0.13:0", "127.0.0.14:0");
    let (client, at) = (&mut pair.client, pair.at);
    let asking = indication_with(|it| {
        it.add(&XorPeerAddress(at)).add(&DontFragment).add(&Data(b"whole"));
    });
    client.bind_channel(CHANNEL, at);
    for _ in 0..2 {
        client.send(&asking);
        client.send(&indication(at, b"in parts"));
        assert!(at_peer.has_df(at, b"whole"));
        assert!(!at_peer.has_df(at, b"in parts"));
        client.send(&asking);
        client.send_on_channel(CHANNEL, b"by channel");
        assert!(!at_peer.has_df(at, b"by channel"));
        pair.peer.send_to(b"from the peer", pair.relayed).unwrap();
        assert!(!at_client.has_df(client.address(), b"from the peer"));
    }
}
