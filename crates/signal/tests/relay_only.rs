//! Relays only, by token or by room: nobody learns where somebody else is.

use kopru_signal::{Claims, RoomPattern};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims};

const SDP: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.10\r\ns=-\r\nt=0 0\r\n\
    m=audio 52110 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.10\r\n\
    a=rtcp:52111 IN IP4 192.0.2.10\r\n\
    a=candidate:1 1 udp 21 192.0.2.10 52110 typ host\r\n\
    a=candidate:2 1 udp 20 203.0.113.7 50000 typ relay raddr 192.0.2.10 rport 52110\r\n\
    a=end-of-candidates\r\n";
const HOST: &str = "candidate:1 1 udp 21 192.0.2.10 52110 typ host";
const RELAY: &str = "candidate:2 1 udp 20 203.0.113.7 5000 typ relay raddr 192.0.2.10 rport 52110";

fn offer(from: &Client, room: &str, to: &str) {
    let id = from.send(json!({"type": "description", "room": room, "to": to, "connection": "k",
        "negotiation": 1, "description": {"type": "offer", "sdp": SDP}}));
    from.expect_ok(&id);
}

fn propose(from: &Client, room: &str, to: &str, candidate: Value) {
    from.send(json!({"type": "candidate", "room": room, "to": to, "connection": "k",
        "candidate": candidate}));
}

/// Everything that `from` says of its addresses arrives without them.
fn expect_hidden(from: &Client, room: &str, (to, to_member): (&Client, &str)) {
    offer(from, room, to_member);
    let description = to.expect("description")["description"].to_string();
    assert!(!description.contains("192.0.2.10"), "{description}");
    assert!(description.contains("203.0.113.7 50000 typ relay raddr 0.0.0.0 rport 0"));
    assert!(description.contains("a=end-of-candidates"));

    propose(from, room, to_member, json!({"candidate": HOST, "sdpMid": "0"}));
    from.expect_error("relay_only");
    propose(from, room, to_member, json!({"candidate": RELAY, "sdpMid": "0"}));
    from.expect("ok");
    let candidate = to.expect("candidate")["candidate"].to_string();
    assert!(candidate.contains("203.0.113.7") && !candidate.contains("192.0.2.10"), "{candidate}");
    for end in [json!(null), json!({"candidate": "", "sdpMid": "0"})] {
        propose(from, room, to_member, end.clone());
        from.expect("ok");
        assert_eq!(to.expect("candidate")["candidate"], end);
    }
}

/// It arrives byte for byte.
fn expect_open(from: &Client, room: &str, (to, to_member): (&Client, &str)) {
    offer(from, room, to_member);
    assert_eq!(to.expect("description")["description"]["sdp"], SDP);
    propose(from, room, to_member, json!({"candidate": HOST}));
    from.expect("ok");
    assert_eq!(to.expect("candidate")["candidate"]["candidate"], HOST);
}

#[test]
fn a_token_hides_its_owner_and_nobody_else() {
    let stage = Stage::new();
    let ada = stage.client(Claims { relay_only: true, ..claims("ada") });
    assert_eq!(ada.hello()["ice_transport_policy"], "relay");
    let bo = stage.session("bo");
    let (ada_member, bo_member) = (ada.enter("lab"), bo.enter("lab"));
    ada.expect("member_joined");
    expect_hidden(&ada, "lab", (&bo, &bo_member));
    expect_open(&bo, "lab", (&ada, &ada_member));
}

#[test]
fn a_room_hides_everybody_in_it_and_nobody_elsewhere() {
    let stage = Stage::with(|settings| {
        settings.relay_only = vec![RoomPattern::new("consulting/*").expect("a pattern")];
    });
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.join("consulting/7");
    let joined = ada.expect("joined");
    assert_eq!(joined["ice_transport_policy"], "relay");
    let bo_member = bo.enter("consulting/7");
    ada.expect("member_joined");
    let ada_member = joined["member"].as_str().expect("an id");
    expect_hidden(&ada, "consulting/7", (&bo, &bo_member));
    expect_hidden(&bo, "consulting/7", (&ada, ada_member));

    ada.join("lab");
    assert_eq!(ada.expect("joined")["ice_transport_policy"], json!(null));
    let bo_member = bo.enter("lab");
    ada.expect("member_joined");
    expect_open(&ada, "lab", (&bo, &bo_member));
}

#[test]
fn what_is_no_description_or_candidate_is_refused() {
    let stage = Stage::new();
    let ada = stage.client(Claims { relay_only: true, ..claims("ada") });
    ada.hello();
    let bo = stage.session("bo");
    ada.enter("lab");
    let bo_member = bo.enter("lab");
    ada.expect("member_joined");
    propose(&ada, "lab", &bo_member, json!({"candidate": ["192.0.2.10"]}));
    assert_eq!(ada.expect_error("bad_field")["field"], "candidate");
    propose(&ada, "lab", &bo_member, json!({"candidate": "192.0.2.10"}));
    ada.expect_error("relay_only");
    ada.send(json!({"type": "description", "room": "lab", "to": bo_member, "connection": "k",
        "negotiation": 1, "description": {"type": "offer", "sdp": "m=\r\nc=", "more": SDP}}));
    ada.expect("ok");
    let description = bo.expect("description")["description"].to_string();
    assert_eq!(description, r#"{"sdp":"c=IN IP4 0.0.0.0","type":"offer"}"#);
    bo.expect_nothing();
}
