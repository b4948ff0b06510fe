//! Verdicts that rest on what TURN, the applications or the members themselves said.

use std::collections::BTreeMap;

use kopru_signal::{AllocationEnd, Claims, RefusedWhy, RelaySight, TurnTransport};
use serde_json::json;

use crate::stage::{claims_for, secs};
use crate::two::{Two, describe};

fn refused(code: u16, why: RefusedWhy) -> RelaySight {
    RelaySight::Refused { code, why }
}

fn allocated(transport: TurnTransport, relayed_private: bool) -> RelaySight {
    RelaySight::Allocated { transport, relayed_private }
}

#[test]
fn a_wrong_credential() {
    let two = Two::new();
    two.negotiate();
    two.expect_verdict("connecting", None, "certain");
    two.turn_saw_bo(refused(401, RefusedWhy::WrongPassword));
    two.expect_verdict("credential_wrong", Some("Bo"), "likely");
    two.fail();
    two.expect_verdict("credential_wrong", Some("Bo"), "likely");
    // Bo gets it right in the end, and both find each other.
    two.turn_saw_bo(allocated(TurnTransport::Udp, false));
    two.bo_reports(json!({"state": "checking"}));
    two.ada_reports(json!({"state": "checking"}));
    two.expect_verdict("connecting", None, "certain");
}

#[test]
fn a_wrong_credential_of_another_server_is_told_by_the_client() {
    let two = Two::new();
    two.negotiate();
    let error = json!({"url": "turn:elsewhere.example:3478", "code": 401, "text": "Unauthorized"});
    two.bo_reports(json!({"state": "failed", "errors": [error]}));
    two.expect_verdict("credential_wrong", Some("Bo"), "likely");
}

#[test]
fn an_expired_credential() {
    let two = Two::new();
    let expired_unix = two.bo.expires_unix;
    two.negotiate();
    two.stage.advance(secs(60));
    // One that was made to last for ten seconds, since they are here.
    two.turn_saw_bo(refused(401, RefusedWhy::Expired { expired_unix: expired_unix - 590 }));
    two.expect_verdict("credential_expired", Some("Bo"), "certain");
}

#[test]
fn a_clock_that_is_behind() {
    let two = Two::new();
    let expired_unix = two.bo.expires_unix;
    two.negotiate();
    // It was over when Bo came: nobody can have given it to Bo since.
    two.turn_saw_bo(refused(401, RefusedWhy::Expired { expired_unix: expired_unix - 600 }));
    two.expect_verdict("clock_skew", Some("Bo"), "likely");
}

#[test]
fn a_clock_that_was_set() {
    let two = Two::new();
    let expired_unix = two.bo.expires_unix;
    two.negotiate();
    two.stage.advance(secs(60));
    // Handed out a minute ago for ten.
    two.turn_saw_bo(refused(401, RefusedWhy::Expired { expired_unix }));
    two.expect_verdict("clock_skew", Some("Bo"), "certain");
}

#[test]
fn a_quota() {
    for (code, why) in [(486, RefusedWhy::Quota), (508, RefusedWhy::Capacity)] {
        let two = Two::new();
        two.negotiate();
        two.turn_saw_bo(refused(code, why));
        two.expect_verdict("quota", Some("Bo"), "certain");
        // Over another transport it got one all the same.
        let two = Two::new();
        two.negotiate();
        two.turn_saw_bo(allocated(TurnTransport::Udp, false));
        two.turn_saw_bo(refused(code, why));
        two.expect_verdict("connecting", None, "certain");
    }
}

#[test]
fn what_turn_saw_a_moment_before_the_connection_belongs_to_it() {
    let two = Two::new();
    two.turn_saw_bo(refused(486, RefusedWhy::Quota));
    two.stage.advance(secs(5));
    two.negotiate();
    two.expect_verdict("quota", Some("Bo"), "certain");
    let story = two.told_to_bo();
    let seen = &story["timeline"][2];
    assert_eq!((&seen["what"], &seen["at_ms"]), (&json!("turn"), &json!(-5000)), "{story:#}");
    // What is older does not.
    let two = Two::new();
    two.turn_saw_bo(refused(486, RefusedWhy::Quota));
    two.stage.advance(secs(31));
    two.negotiate();
    two.expect_verdict("connecting", None, "certain");
    // And what an unknown credential did is nobody's.
    two.stage.relay_saw("c_AAAAAAAAAAAAAAAAAAAAAA", refused(486, RefusedWhy::Quota));
    two.expect_verdict("connecting", None, "certain");
}

#[test]
fn a_forbidden_peer() {
    let two = Two::new();
    two.negotiate();
    two.turn_saw_bo(allocated(TurnTransport::Udp, false));
    two.ada_proposes("udp 1 10.0.0.2 5000 typ host");
    let peer = "10.0.0.2".parse().expect("an address");
    two.turn_saw_bo(RelaySight::PeerRefused { peer, code: 403 });
    two.expect_verdict("connecting", None, "certain");
    two.fail();
    two.expect_verdict("peer_forbidden", Some("Bo"), "certain");
    // Ada can be reached in another way, too: that was not it.
    two.ada_proposes("udp 1 203.0.113.9 5000 typ srflx raddr 10.0.0.2 rport 5000");
    two.expect_verdict("unknown", None, "guess");
}

#[test]
fn a_private_relay_address() {
    let two = Two::new();
    two.negotiate();
    two.ada_proposes("udp 1 203.0.113.9 5000 typ srflx raddr 10.0.0.2 rport 5000");
    two.turn_saw_bo(allocated(TurnTransport::Udp, true));
    two.fail();
    two.expect_verdict("relay_address_private", Some("Bo"), "likely");

    // Another server's, which only the candidate shows; and Ada is in that network.
    let two = Two::new();
    two.negotiate();
    two.bo_proposes("udp 1 172.16.0.9 50000 typ relay raddr 203.0.113.9 rport 1");
    two.fail();
    two.expect_verdict("relay_address_private", Some("Bo"), "likely");
    two.ada_proposes("udp 1 172.16.0.7 5000 typ host");
    two.stage.relay_saw(&two.ada.credential, allocated(TurnTransport::Udp, false));
    two.expect_verdict("unknown", None, "guess");
}

#[test]
fn no_common_codec() {
    let media = [json!({"video": ["VP8"]}), json!({"video": ["H264"], "audio": ["opus"]})];
    let two = Two::who_can(|_| (), media);
    // Nothing has passed yet, and it can be told all the same.
    let story = two.told_to_ada();
    assert_eq!((&story["id"], &story["connection"]), (&json!(null), &json!(null)), "{story:#}");
    assert_eq!(two.stage.stats().stories, 0);
    two.expect_verdict("no_common_codec", None, "certain");
    two.negotiate();
    two.bo.client.leave("lab");
    two.ada.client.expect("member_left");
    two.expect_verdict("no_common_codec", None, "certain");
    let record = two.stage.records().pop().expect("a record");
    assert_eq!(record.class.as_str(), "no_common_codec");
}

#[test]
fn a_partner_who_is_gone() {
    let two = Two::new();
    describe(&two.ada, &two.bo, "offer");
    two.expect_verdict("connecting", None, "certain");
    two.bo.client.drop_connection();
    two.ada.client.expect("member_updated");
    two.stage.advance(secs(30));
    two.ada.client.expect("member_left");
    two.expect_verdict("partner_gone", Some("Bo"), "certain");
    // What Ada's ICE comes to is told of a partner who is gone, too.
    two.ada_reports(json!({"state": "failed"}));
    two.expect_verdict("partner_gone", Some("Bo"), "certain");
    assert_eq!(two.stage.stats().attempts["partner_gone"], 1);
}

#[test]
fn a_token_or_a_credential_that_was_taken_back() {
    let two = Two::new();
    two.negotiate();
    two.turn_saw_bo(allocated(TurnTransport::Tls, false));
    two.turn_saw_bo(RelaySight::Ended {
        reason: AllocationEnd::Revoked,
        transport: TurnTransport::Tls,
        to_peers_bytes: 100,
        to_client_bytes: 0,
    });
    two.expect_verdict("revoked", Some("Bo"), "certain");

    let two = Two::new();
    two.negotiate();
    two.turn_saw_bo(refused(403, RefusedWhy::Barred));
    two.expect_verdict("revoked", Some("Bo"), "certain");

    let two = Two::new();
    two.negotiate();
    let elsewhere = Claims { list: false, ..claims_for("bo", &["hall"]) };
    two.bo.client.refresh(Ok(elsewhere));
    two.ada.client.expect("member_left");
    two.expect_verdict("revoked", Some("Bo"), "certain");
}

#[test]
fn connected_and_over() {
    let host =
        |address: &str| json!({"type": "host", "protocol": "udp", "address": address, "port": 1});
    let relay = json!({"type": "relay", "protocol": "udp", "relay_protocol": "tls"});
    for (remote, path) in [(host("10.0.0.2"), "direct"), (relay, "relayed")] {
        let two = Two::new();
        two.negotiate();
        let pair = json!({"local": host("10.0.0.1"), "remote": remote});
        two.ada_reports(json!({"state": "connected", "setup_ms": 412}));
        two.expect_verdict("connected_direct", None, "guess");
        two.ada_reports(json!({"state": "connected", "pair": pair}));
        let class = format!("connected_{path}");
        two.expect_verdict(&class, None, "certain");
        let story = two.told_to_bo();
        assert_eq!(story["state"], "connected");
        assert_eq!((&story["path"], &story["setup_ms"]), (&json!(path), &json!(412)));

        two.ada_reports(json!({"state": "disconnected"}));
        assert_eq!(two.told_to_bo()["state"], "reconnecting");
        two.expect_verdict(&class, None, "certain");
        two.ada_reports(json!({"state": "failed"}));
        two.expect_verdict("unknown", None, "guess");
        two.ada_reports(json!({"state": "connected"}));
        two.expect_verdict(&class, None, "certain");
        two.ada_reports(json!({"state": "closed"}));
        two.expect_verdict("ended", None, "certain");
        let stats = two.stage.stats();
        assert_eq!((stats.attempts, stats.paths), (once("connected"), once(path)));
        assert_eq!((stats.setup_ms.counts[3], stats.setup_ms.sum_ms), (1, 412));
    }
}

fn once(what: &'static str) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([(what, 1)])
}

#[test]
fn an_attempt_counts_when_it_has_come_out_and_its_path_when_it_is_known() {
    let counts = |two: &Two| {
        let stats = two.stage.stats();
        (stats.attempts, stats.paths)
    };
    // Connected, and nobody tells a pair. That there was no relay is known; else it is not.
    for (has_relay, path) in [(false, "direct"), (true, "unknown")] {
        let two = Two::new();
        two.negotiate();
        if has_relay {
            two.turn_saw_bo(allocated(TurnTransport::Udp, false));
        }
        assert_eq!(counts(&two), (BTreeMap::new(), BTreeMap::new()));
        two.ada_reports(json!({"state": "connected"}));
        two.bo_reports(json!({"state": "connected"}));
        assert_eq!(counts(&two), (once("connected"), BTreeMap::new()));
        two.ada_reports(json!({"state": "closed"}));
        assert_eq!(counts(&two), (once("connected"), once(path)));
    }
    // One side that gives up may be too early; both are not. What comes later is another story.
    let two = Two::new();
    two.negotiate();
    two.ada_reports(json!({"state": "failed"}));
    assert_eq!(counts(&two), (BTreeMap::new(), BTreeMap::new()));
    two.bo_reports(json!({"state": "failed"}));
    let class = two.verdict().0;
    assert_eq!(counts(&two).0, BTreeMap::from([(&*class, 1)]));
    two.ada_reports(json!({"state": "closed"}));
    assert_eq!(counts(&two), (BTreeMap::from([(&*class, 1)]), BTreeMap::new()));
}

#[test]
fn what_came_before_they_were_connected_does_not_explain_what_came_after() {
    let two = Two::new();
    two.negotiate();
    two.turn_saw_bo(refused(401, RefusedWhy::WrongPassword));
    two.ada_reports(json!({"state": "connected"}));
    two.ada_reports(json!({"state": "failed"}));
    two.expect_verdict("unknown", None, "guess");
}
