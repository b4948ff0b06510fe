//! Descriptions, candidates and messages from one member to another.

use serde_json::json;

use crate::stage::{Client, Stage};

/// Two members of `lab`, with their ids.
fn pair(stage: &Stage) -> (Client, String, Client, String) {
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    let ada_member = ada.enter("lab");
    let bo_member = bo.enter("lab");
    ada.expect("member_joined");
    (ada, ada_member, bo, bo_member)
}

#[test]
fn an_offer_an_answer_and_candidates() {
    let stage = Stage::new();
    let (ada, ada_member, bo, bo_member) = pair(&stage);

    let id = ada.send(json!({"type": "description", "room": "lab", "to": bo_member,
        "connection": "main", "negotiation": 1,
        "description": {"type": "offer", "sdp": "v=0\r\n"}}));
    ada.expect_ok(&id);
    let offer = bo.expect("description");
    assert_eq!(offer["from"], ada_member);
    assert_eq!(offer["room"], "lab");
    assert_eq!(offer["connection"], "main");
    assert_eq!(offer["negotiation"], 1);
    assert_eq!(offer["description"], json!({"type": "offer", "sdp": "v=0\r\n"}));
    assert_eq!((offer.get("to"), offer.get("re"), offer.get("id")), (None, None, None));

    bo.send(json!({"type": "description", "room": "lab", "to": ada_member,
        "connection": "main", "negotiation": 1,
        "description": {"type": "answer", "sdp": "v=0\r\n"}}));
    bo.expect("ok");
    assert_eq!(ada.expect("description")["description"]["type"], "answer");

    let candidate = json!({"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0"});
    for candidate in [candidate, json!(null)] {
        ada.send(json!({"type": "candidate", "room": "lab", "to": bo_member,
            "connection": "main", "candidate": candidate}));
        ada.expect("ok");
        let relayed = bo.expect("candidate");
        assert_eq!(relayed["candidate"], candidate);
        assert_eq!(relayed["from"], ada_member);
        assert_eq!(relayed["connection"], "main");
    }
}

#[test]
fn payloads_are_carried_byte_for_byte() {
    let stage = Stage::new();
    let (ada, _, bo, bo_member) = pair(&stage);
    // Spaces, key order, escapes, number forms and a lone surrogate that no string type can hold.
    let odd =
        r#"{ "b" :1.50e+2, "a":"\u00fc\/ü\ud800", "a": [ 1 , {} ], "n":123456789012345678901 }"#;
    for (message, key) in [
        (format!(r#""type":"message","data":{odd}"#), "data"),
        (format!(r#""type":"candidate","connection":"c","candidate":{odd}"#), "candidate"),
    ] {
        ada.say(&format!(r#"{{"id":"{key}","room":"lab","to":"{bo_member}",{message}}}"#));
        ada.expect_ok(key);
        let frame = bo.expect_text();
        assert!(frame.ends_with(&format!(r#""{key}":{odd}}}"#)), "{frame}");
    }
    let description = r#"{ "sdp":"a=\u0041\r\n", "type":"off\u0065r", "x":  0 }"#;
    ada.say(&format!(
        r#"{{"type":"description","id":"d","room":"lab","to":"{bo_member}","connection":"c",
            "negotiation":0,"description":{description}}}"#
    ));
    ada.expect_ok("d");
    assert!(bo.expect_text().ends_with(&format!(r#""description":{description}}}"#)));

    let meta = r#"{ "x" : "\u0041" }"#;
    ada.say(&format!(r#"{{"type":"update","id":"u","room":"lab","meta":{meta}}}"#));
    ada.expect_ok("u");
    assert!(bo.expect_text().contains(&format!(r#""meta":{meta},"#)));
}

#[test]
fn a_message_to_nobody_in_particular_goes_to_everybody_else() {
    let stage = Stage::new();
    let (ada, ada_member, bo, _) = pair(&stage);
    let cy = stage.session("cy");
    cy.enter("lab");
    ada.expect("member_joined");
    bo.expect("member_joined");
    let elsewhere = stage.session("dee");
    elsewhere.enter("kitchen");

    let id = ada.send(json!({"type": "message", "room": "lab", "data": "all"}));
    ada.expect_ok(&id);
    for other in [&bo, &cy] {
        let message = other.expect("message");
        assert_eq!((&message["from"], &message["data"]), (&json!(ada_member), &json!("all")));
    }
    for quiet in [&ada, &elsewhere] {
        quiet.expect_nothing();
    }
    assert_eq!(stage.stats().messages, 2);
}

#[test]
fn data_may_be_any_json_value() {
    let stage = Stage::new();
    let (ada, _, bo, bo_member) = pair(&stage);
    for data in [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})] {
        ada.send(json!({"type": "message", "room": "lab", "to": bo_member, "data": data}));
        ada.expect("ok");
        assert_eq!(bo.expect("message")["data"], data);
    }
    ada.send(json!({"type": "message", "room": "lab", "to": bo_member}));
    assert_eq!(ada.expect_error("missing_field")["field"], "data");
}

#[test]
fn only_members_of_one_room_reach_each_other() {
    let stage = Stage::new();
    let (ada, ada_member, bo, bo_member) = pair(&stage);
    let eve = stage.session("eve");
    let eve_member = eve.enter("kitchen");
    let to = |room: &str, to: &str| json!({"type": "message", "room": room, "to": to, "data": 0});

    eve.send(to("lab", &ada_member));
    eve.expect_error("not_in_room");
    eve.send(to("kitchen", &ada_member));
    eve.expect_error("no_such_member");
    eve.send(json!({"type": "message", "room": "lab", "data": 0}));
    eve.expect_error("not_in_room");
    ada.send(to("lab", &eve_member));
    ada.expect_error("no_such_member");
    ada.send(to("lab", ""));
    ada.expect_error("no_such_member");
    ada.send(to("lab", &ada_member));
    assert_eq!(ada.expect_error("bad_field")["field"], "to");
    for quiet in [&ada, &bo, &eve] {
        quiet.expect_nothing();
    }
    ada.send(to("lab", &bo_member));
    bo.expect("message");
}

#[test]
fn a_session_in_two_rooms_is_two_members() {
    let stage = Stage::new();
    let (ada, lab_member, bo, bo_lab) = pair(&stage);
    let kitchen_member = ada.enter("kitchen");
    assert_ne!(lab_member, kitchen_member);
    let bo_kitchen = bo.enter("kitchen");
    ada.expect("member_joined");
    ada.send(json!({"type": "message", "room": "kitchen", "to": bo_kitchen, "data": 0}));
    ada.expect("ok");
    assert_eq!(bo.expect("message")["from"], kitchen_member);
    // The id of one room is nobody in the other.
    ada.send(json!({"type": "message", "room": "kitchen", "to": bo_lab, "data": 0}));
    ada.expect_error("no_such_member");
}

#[test]
fn what_one_member_sends_arrives_in_order() {
    let stage = Stage::new();
    let (ada, _, bo, bo_member) = pair(&stage);
    for n in 0..50 {
        ada.send(json!({"type": "candidate", "room": "lab", "to": bo_member,
            "connection": "main", "candidate": {"n": n}}));
        ada.send(json!({"type": "message", "room": "lab", "data": n}));
    }
    for n in 0..50 {
        assert_eq!(bo.expect("candidate")["candidate"]["n"], n);
        assert_eq!(bo.expect("message")["data"], n);
    }
}

#[test]
fn what_a_description_must_be() {
    let stage = Stage::new();
    let (ada, _, bo, bo_member) = pair(&stage);
    let send = |description| {
        ada.send(json!({"type": "description", "room": "lab", "to": bo_member,
            "connection": "main", "negotiation": 1, "description": description}));
    };
    for good in [
        json!({"type": "pranswer", "sdp": ""}),
        json!({"type": "rollback"}),
        json!({"type": "rollback", "sdp": ""}),
    ] {
        send(good.clone());
        ada.expect("ok");
        assert_eq!(bo.expect("description")["description"], good);
    }
    for bad in [
        json!(null),
        json!("offer"),
        json!(["offer", "v=0"]),
        json!({}),
        json!({"type": "offer"}),
        json!({"type": "offer", "sdp": null}),
        json!({"type": "offer", "sdp": 7}),
        json!({"type": "Offer", "sdp": ""}),
        json!({"sdp": ""}),
        json!({"type": "rollback", "sdp": null}),
    ] {
        send(bad.clone());
        assert_eq!(ada.expect_error("bad_field")["field"], "description", "{bad}");
    }
    bo.expect_nothing();
}
