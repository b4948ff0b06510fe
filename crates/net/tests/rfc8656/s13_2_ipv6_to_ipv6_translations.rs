//! RFC 8656 §13.2: IPv6-to-IPv6 Translations

use crate::relay::{Pair, V6};

#[test]
fn from_a_client_the_hop_limit_is_the_default_and_fragments_are_assembled() {
    // Alternate behavior: "sets the Hop Limit to the default value for outgoing packets",
    // "assembles incoming fragments" and "follows its default behavior to send outgoing packets"
    Pair::of(V6, V6).relays_to_the_peer_with_defaults();
}

#[test]
fn from_a_peer_the_hop_limit_is_the_default_and_fragments_are_assembled() {
    Pair::of(V6, V6).relays_to_the_client_with_defaults();
}
