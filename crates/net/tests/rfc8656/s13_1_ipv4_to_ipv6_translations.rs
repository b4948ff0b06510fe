//! RFC 8656 §13.1: IPv4-to-IPv6 Translations

use crate::relay::{Pair, V4, V6};

#[test]
fn from_a_client_traffic_class_and_hop_limit_are_the_default() {
    // Alternate behavior: "sets the Traffic Class to the default value for outgoing packets", "sets
    // the Hop Limit to the default value for outgoing packets", "follows its default behavior to
    // send outgoing packets", be they larger than the MTU.
    Pair::of(V4, V6).relays_to_the_peer_with_defaults();
}

#[test]
fn from_a_peer_traffic_class_and_hop_limit_are_the_default() {
    Pair::of(V6, V4).relays_to_the_client_with_defaults();
}
