//! RFC 8656 §13.3: IPv6-to-IPv4 Translations

use crate::relay::{Pair, V4, V6};

#[test]
fn from_a_client_type_of_service_and_time_to_live_are_the_default() {
    // Alternate behavior: "sets the Type of Service and Precedence to the default value for
    // outgoing packets", "sets the Time to Live to the default value", "assembles incoming
    // fragments"
    Pair::of(V6, V4).relays_to_the_peer_with_defaults();
}

#[test]
fn from_a_peer_type_of_service_and_time_to_live_are_the_default() {
    Pair::of(V4, V6).relays_to_the_client_with_defaults();
}
