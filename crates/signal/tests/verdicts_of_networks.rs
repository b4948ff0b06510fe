//! Verdicts about networks, which rest on what came through.

use kopru_signal::{RelaySight, TurnTransport};
use serde_json::{Value, json};

use crate::stage::secs;
use crate::two::{Two, describe};

/// No answer from servers of these kinds.
fn unanswered(urls: &[&str]) -> Value {
    let errors: Vec<Value> =
        urls.iter().map(|url| json!({"url": url, "code": 701, "text": "timed out"})).collect();
    json!({"state": "failed", "errors": errors, "candidates": {"host": 2}})
}

const UDP: &str = "turn:turn.example.org:3478?transport=udp";
const TCP: &str = "turn:turn.example.org:3478?transport=tcp";
const TLS_443: &str = "turns:turn.example.org:443?transport=tcp";

/// Ada's network lets everything through.
fn with_ada_outside() -> Two {
    let two = Two::new();
    let_ada_out(&two);
    two
}

fn let_ada_out(two: &Two) {
    two.negotiate();
    two.ada_proposes("udp 1 203.0.113.9 5000 typ srflx raddr 10.0.0.2 rport 5000");
    two.ada_reports(json!({"state": "failed"}));
}

/// A server that relays over UDP alone.
fn with_udp_alone() -> Two {
    Two::with(|settings| settings.ice.turn_urls = vec![UDP.into()])
}

#[test]
fn udp_is_blocked() {
    let two = with_udp_alone();
    let_ada_out(&two);
    two.bo_reports(unanswered(&[UDP]));
    two.expect_verdict("udp_blocked", Some("Bo"), "likely");
    // It got through by TCP.
    let sight = RelaySight::Allocated { transport: TurnTransport::Tcp, relayed_private: false };
    two.turn_saw_bo(sight);
    two.expect_verdict("udp_blocked", Some("Bo"), "certain");
}

#[test]
fn udp_is_blocked_and_the_client_does_not_say_what_it_tried() {
    let two = with_udp_alone();
    two.negotiate();
    two.ada_proposes("udp 1 203.0.113.9 5000 typ srflx raddr 10.0.0.2 rport 5000");
    two.fail();
    two.expect_verdict("udp_blocked", Some("Bo"), "guess");
}

#[test]
fn tcp_is_swallowed_and_the_client_says_it_of_udp_alone() {
    let two = with_ada_outside();
    two.bo_reports(unanswered(&[UDP]));
    two.expect_verdict("only_443", Some("Bo"), "likely");
}

#[test]
fn who_restarts_ice_in_time_never_says_that_it_failed() {
    let two = with_udp_alone();
    two.negotiate();
    two.bo_reports(json!({"state": "checking", "candidates": {"host": 2}}));
    two.ada_proposes("udp 1 203.0.113.9 5000 typ srflx raddr 10.0.0.2 rport 5000");
    // Somebody adds a track: that is no new beginning.
    two.stage.advance(secs(9));
    describe(&two.ada, &two.bo, "offer");
    two.expect_verdict("connecting", None, "certain");
    two.stage.advance(secs(1));
    describe(&two.ada, &two.bo, "offer");
    two.expect_verdict("udp_blocked", Some("Bo"), "guess");
    two.ada_reports(json!({"state": "connected"}));
    assert_eq!(two.verdict().0, "connected_direct");
}

#[test]
fn everything_but_443_is_blocked() {
    let two = with_ada_outside();
    two.bo_reports(unanswered(&[UDP, TCP]));
    two.expect_verdict("only_443", Some("Bo"), "likely");
    let sight = RelaySight::Allocated { transport: TurnTransport::Tls, relayed_private: false };
    two.turn_saw_bo(sight);
    two.expect_verdict("only_443", Some("Bo"), "certain");
    // Not even that: there is something else.
    let two = with_ada_outside();
    two.bo_reports(unanswered(&[UDP, TCP, TLS_443]));
    two.expect_verdict("unknown", None, "guess");
}

#[test]
fn both_are_behind_symmetric_nats_without_a_relay() {
    let two = Two::new();
    two.negotiate();
    for port in [40_001, 40_002] {
        let reflexive = |ip: &str| format!("udp 1 {ip} {port} typ srflx raddr 10.0.0.2 rport 5000");
        two.ada_proposes(&reflexive("203.0.113.9"));
        if port == 40_001 {
            two.bo_proposes(&reflexive("198.51.100.7"));
        }
    }
    two.fail();
    // Of Bo's NAT one port is known, and that tells nothing.
    two.expect_verdict("symmetric_without_relay", None, "guess");
    two.bo_proposes("udp 1 198.51.100.7 40002 typ srflx raddr 10.0.0.2 rport 5000");
    two.expect_verdict("symmetric_without_relay", None, "certain");
    // With a relay they would have met.
    two.bo_proposes("udp 1 203.0.113.200 50000 typ relay raddr 0.0.0.0 rport 0");
    two.expect_verdict("unknown", None, "guess");
}

#[test]
fn both_have_told_that_their_nats_are_symmetric() {
    let two = Two::new();
    two.negotiate();
    two.ada_proposes("udp 1 203.0.113.9 40001 typ srflx raddr 10.0.0.2 rport 5000");
    two.bo_proposes("udp 1 198.51.100.7 40001 typ srflx raddr 10.0.0.2 rport 5000");
    two.fail();
    // Nobody is known to be behind such a NAT.
    two.expect_verdict("unknown", None, "guess");
    two.ada_tells_of_her_nat("address_and_port_dependent");
    two.expect_verdict("symmetric_without_relay", None, "guess");
    two.bo_tells_of_his_nat("address_dependent");
    two.expect_verdict("symmetric_without_relay", None, "certain");
    two.bo_tells_of_his_nat("endpoint_independent");
    two.expect_verdict("unknown", None, "guess");
}

#[test]
fn a_device_with_a_public_address_needs_no_relay() {
    let two = Two::new();
    two.negotiate();
    for port in [40_001, 40_002] {
        two.ada_proposes(&format!("udp 1 203.0.113.9 {port} typ srflx raddr 10.0.0.2 rport 5000"));
    }
    two.bo_proposes("udp 1 198.51.100.7 5000 typ host");
    two.bo_proposes("udp 1 198.51.100.7 5000 typ srflx raddr 198.51.100.7 rport 5000");
    two.fail();
    two.expect_verdict("unknown", None, "guess");
}

#[test]
fn half_of_the_story() {
    let two = Two::new();
    two.negotiate();
    two.ada_proposes("udp 1 203.0.113.9 5000 typ srflx raddr 10.0.0.2 rport 5000");
    two.ada_reports(json!({"state": "failed"}));
    two.expect_verdict("unknown", None, "guess");
    let cause = two.told_to_ada()["verdict"]["cause"].clone();
    assert_eq!(cause, "Bo has not reported its ICE state, so only half is known.");
}
