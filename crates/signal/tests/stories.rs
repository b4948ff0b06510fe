//! The stories of connections: what is in them, who reads what, and how long they are kept.

use kopru_signal::{AllocationEnd, Asker, RelaySight, RoomPattern, TurnTransport};
use serde_json::{Value, json};

use crate::stage::{secs, text};
use crate::two::{Two, describe};

/// What happened, and who did it, in order.
fn happened(two: &Two, story: &Value) -> Vec<String> {
    let entries = story["timeline"].as_array().expect("a timeline");
    let name = |who: &Value| match who.as_str() {
        Some(who) if who == two.ada.member => "Ada ",
        Some(_) => "Bo ",
        None => "",
    };
    let entry = |entry: &Value| format!("{}{}", name(&entry["who"]), text(&entry["what"]));
    entries.iter().map(entry).collect()
}

#[test]
fn a_story_from_the_beginning_to_the_end() {
    let two = Two::new();
    two.stage.advance(secs(2));
    two.negotiate();
    for port in 1..=3 {
        two.ada_proposes(&format!("udp 1 192.0.2.1 {port} typ host"));
    }
    two.bo_proposes("tcp 1 0f3a.local 9 typ host tcptype active");
    two.stage.advance(secs(1));
    two.ada_reports(json!({"state": "checking", "candidates": {"host": 2, "srflx": 1}}));
    two.ada_reports(json!({"state": "checking"}));
    two.bo_reports(json!({"state": "connected"}));
    two.ada.client.leave("lab");
    two.bo.client.expect("member_left");

    let story = two.told_to_bo();
    assert_eq!(
        happened(&two, &story)[2..],
        [
            "Ada offer",
            "Bo answer",
            "Ada candidate",
            "Bo candidate",
            "Ada ice",
            "Bo ice",
            "Ada left",
        ]
    );
    assert_eq!((&story["room"], &story["connection"]), (&json!("lab"), &json!("main")));
    assert_eq!((&story["state"], &story["dropped"]), (&json!("ended"), &json!(0)));
    assert_eq!(story["began_unix_ms"], (crate::stage::START_UNIX + 2) * 1000);
    // Measured here, as no client has told it.
    assert_eq!((&story["setup_ms"], &story["lasted_ms"]), (&json!(1000), &json!(1000)));
    let at: Vec<i64> = story["timeline"]
        .as_array()
        .expect("a timeline")
        .iter()
        .map(|entry| entry["at_ms"].as_i64().expect("a number"))
        .collect();
    assert_eq!(at, [-2000, -2000, 0, 0, 0, 0, 1000, 1000, 1000]);
    let members = story["members"].as_array().expect("two");
    let ada = members.iter().find(|one| one["member"] == two.ada.member).expect("Ada");
    assert_eq!(ada["candidates"], json!({"host": 3, "srflx": 1, "relay": 0}));
    assert_eq!((&ada["name"], &ada["ice"]), (&json!("Ada"), &json!("checking")));
}

#[test]
fn each_member_reads_its_own_addresses_and_a_back_end_all() {
    let two = Two::new();
    two.negotiate();
    two.ada_proposes("udp 1 192.0.2.1 5001 typ host");
    two.bo_proposes("udp 1 198.51.100.2 5002 typ srflx raddr 10.0.0.2 rport 5002");
    let error =
        |text: &str| json!({"url": format!("turn:{text}.example"), "code": 701, "text": text});
    two.ada_reports(json!({"state": "checking", "errors": [error("of_ada")]}));
    let end = |kind: &str, address: &str| json!({"type": kind, "address": address, "port": 5});
    two.bo_reports(json!({
        "state": "connected", "errors": [error("of_bo")],
        "pair": {"local": end("host", "10.0.0.2"), "remote": end("prflx", "192.0.2.1")},
    }));
    let peer = "203.0.113.99".parse().expect("an address");
    two.bo_reports(json!({"state": "disconnected"}));
    two.turn_saw_bo(RelaySight::PeerRefused { peer, code: 403 });

    let (to_ada, to_bo) = (two.told_to_ada().to_string(), two.told_to_bo().to_string());
    let of_ada = ["192.0.2.1", "5001", "of_ada"];
    let of_bo = ["198.51.100.2", "5002", "10.0.0.2", "of_bo"];
    let id = text(&two.told_to_ada()["id"]);
    let to_all = two.stage.story(Asker::Operator, &id).expect("a story").to_string();
    for (own, others, told) in
        [(&of_ada[..], &of_bo[..], &to_ada), (&of_bo[..], &of_ada[..], &to_bo)]
    {
        for word in own {
            assert!(told.contains(word) && to_all.contains(word), "{word} {told}");
        }
        for word in others.iter().chain(&["203.0.113.99"]) {
            assert!(!told.contains(word) && to_all.contains(word), "{word} {told}");
        }
    }
    // By its identity, each gets over HTTP what it gets as a member; others get nothing.
    let as_ada = two.stage.story(Asker::Identity("ada"), &id).expect("a story");
    assert_eq!(as_ada, two.told_to_ada());
    assert_eq!(two.stage.story(Asker::Identity("cy"), &id), None);
    assert_eq!(two.stage.story(Asker::Operator, "t_AAAAAAAAAAAAAAAAAAAAAA"), None);
    assert_eq!(two.stage.story(Asker::Operator, "anything"), None);
}

#[test]
fn a_report_is_answered_and_nobody_else_hears_of_it() {
    let two = Two::new();
    two.negotiate();
    two.ada_reports(json!({"state": "checking"}));
    two.bo.client.expect_nothing();
    let to_bo = |mut fields: Value| {
        fields["room"] = json!("lab");
        fields["to"] = json!(two.bo.member);
        fields
    };
    let report = |fields: Value| {
        let mut report =
            to_bo(json!({"type": "report", "connection": "main", "state": "checking"}));
        report.as_object_mut().expect("an object").extend(fields.as_object().expect("one").clone());
        two.ada.client.send(report);
    };
    let error = json!({"url": "x".repeat(257), "code": 701});
    for (fields, field) in [
        (json!({"state": "thinking"}), "state"),
        (json!({"setup_ms": 3_600_001}), "setup_ms"),
        (json!({"candidates": [1]}), "candidates"),
        (json!({"pair": {"local": {"type": "host"}}}), "pair"),
        (json!({"pair": {"local": {"type": "new"}, "remote": {"type": "host"}}}), "pair"),
        (json!({"errors": [error]}), "errors"),
        (json!({"errors": vec![json!({"code": 701}); 17]}), "errors"),
        (json!({"errors": [{"url": "turn:a"}]}), "errors"),
        (json!({"connection": "x".repeat(65)}), "connection"),
        (json!({"to": two.ada.member}), "to"),
    ] {
        report(fields);
        assert_eq!(two.ada.client.expect_error("bad_field")["field"], field);
    }
    report(json!({"to": "m_AAAAAAAAAAAAAAAAAAAAAA"}));
    two.ada.client.expect_error("no_such_member");
    two.ada.client.send(json!({"type": "why", "room": "lab", "to": "nobody"}));
    two.ada.client.expect_error("no_such_member");
    two.ada.client.send(json!({"type": "why", "room": "hall", "to": two.bo.member}));
    two.ada.client.expect_error("not_in_room");
}

#[test]
fn a_report_may_begin_a_story_and_not_with_its_end() {
    let two = Two::new();
    two.ada_reports(json!({"state": "closed"}));
    assert_eq!(two.stage.stats().stories, 0);
    two.ada_reports(json!({"state": "new"}));
    two.bo_reports(json!({"state": "new"}));
    assert_eq!(two.stage.stats().stories, 1);
    two.negotiate();
    assert_eq!(two.stage.stats().stories, 1);
}

#[test]
fn where_only_relays_may_be_used_no_other_address_gets_into_a_story() {
    let relay_only = |settings: &mut kopru_signal::Settings| {
        settings.relay_only = vec![RoomPattern::new("lab").expect("a pattern")];
    };
    let two = Two::with(relay_only);
    let sdp = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n\
               a=candidate:2 1 udp 1 203.0.113.7 9 typ relay raddr 192.0.2.1 rport 9\r\n";
    let id = two.ada.client.send(json!({
        "type": "description", "room": "lab", "to": two.bo.member, "connection": "main",
        "negotiation": 1, "description": {"type": "offer", "sdp": sdp},
    }));
    two.ada.client.expect_ok(&id);
    let id = text(&two.told_to_ada()["id"]);
    let story = two.stage.story(Asker::Operator, &id).expect("a story").to_string();
    assert!(story.contains("203.0.113.7") && !story.contains("192.0.2.1"), "{story}");
}

#[test]
fn reports_have_a_rate_of_their_own() {
    let two = Two::with(|settings| settings.limits.reports.burst = 3);
    two.negotiate();
    for _ in 0..3 {
        two.ada_reports(json!({"state": "checking"}));
    }
    two.ada.client.send(json!({"type": "why", "room": "lab", "to": two.bo.member}));
    two.ada.client.expect_error("rate_limited");
    two.ada.client.send(json!({"type": "ping"}));
    two.ada.client.expect("pong");
    two.stage.advance(secs(1));
    two.told_to_ada();
}

#[test]
fn the_connections_of_a_call_are_told_together() {
    let two = Two::new();
    two.ada.client.send(json!({"type": "call", "room": "lab", "to": two.bo.member}));
    let call = text(&two.ada.client.expect("call")["call"]);
    two.bo.client.expect("call");
    assert_eq!(two.stage.story(Asker::Operator, &call), None);
    two.bo.client.send(json!({"type": "accept", "call": call}));
    two.bo.client.expect("call");
    two.bo.client.expect("ok");
    two.ada.client.expect("call");
    two.negotiate();
    for asker in [Asker::Operator, Asker::Identity("bo")] {
        let told = two.stage.story(asker, &call).expect("a call");
        assert_eq!(told["call"], call);
        assert_eq!(told["connections"][0]["call"], call);
        assert_eq!(told["connections"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(two.stage.story(Asker::Identity("cy"), &call), None);
}

#[test]
fn a_connection_that_is_closed_and_offered_again_has_another_story() {
    let two = Two::new();
    two.negotiate();
    let first = two.told_to_ada()["id"].clone();
    two.ada_reports(json!({"state": "closed"}));
    two.bo_reports(json!({"state": "closed"}));
    assert_eq!(two.told_to_ada()["id"], first);
    describe(&two.bo, &two.ada, "offer");
    let second = two.told_to_ada();
    assert_ne!(second["id"], first);
    assert_eq!(second["state"], "connecting");
    assert_eq!(two.stage.records().len(), 1);
}

#[test]
fn an_offer_that_is_superseded_and_a_member_that_comes_back() {
    let two = Two::new();
    describe(&two.ada, &two.bo, "offer");
    two.bo.client.drop_connection();
    two.ada.client.expect("member_updated");
    let again = json!({
        "type": "description", "room": "lab", "to": two.bo.member, "connection": "main",
        "negotiation": 2, "description": {"type": "offer", "sdp": "v=0\r\n"},
    });
    two.ada.client.send(again);
    two.ada.client.expect("ok");
    let story = two.told_to_ada();
    let expect = ["Ada offer", "Bo reconnecting", "Ada superseded", "Ada offer"];
    let mut told = happened(&two, &story).split_off(2);
    told[2..].sort_unstable();
    let mut expect = expect.map(str::to_owned);
    expect[2..].sort_unstable();
    assert_eq!(told, expect);
}

#[test]
fn turn_tells_the_end_of_an_allocation_when_the_connection_is_just_over() {
    let two = Two::new();
    two.negotiate();
    two.ada.client.leave("lab");
    two.bo.client.expect("member_left");
    let ended = RelaySight::Ended {
        reason: AllocationEnd::Deleted,
        transport: TurnTransport::Udp,
        to_peers_bytes: 1000,
        to_client_bytes: 2000,
    };
    two.stage.advance(secs(5));
    two.turn_saw_bo(ended);
    let last = two.told_to_bo()["timeline"].as_array().and_then(|all| all.last().cloned());
    assert_eq!(
        last.expect("an entry")["turn"],
        json!({
            "ended": "deleted", "transport": "udp", "to_peers_bytes": 1000, "to_client_bytes": 2000,
        })
    );
    two.stage.advance(secs(31));
    two.turn_saw_bo(ended);
    let story = two.told_to_bo();
    assert!(
        story["timeline"]
            .as_array()
            .expect("a timeline")
            .iter()
            .all(|one| one.get("times").is_none())
    );
}
