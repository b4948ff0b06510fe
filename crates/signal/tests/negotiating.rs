//! Offers that are followed by newer ones, candidates that wait, and receipts.

use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims};

/// Two members of `lab`.
struct Pair {
    ada: Client,
    bo: Client,
    ada_member: String,
    bo_member: String,
    bo_resume: Value,
}

fn pair(stage: &Stage, bo_can: Value) -> Pair {
    let (ada, bo) = (stage.session("ada"), stage.client(claims("bo")));
    let bo_resume = bo.hello_with(json!({"capabilities": bo_can}))["resume"].clone();
    let (ada_member, bo_member) = (ada.enter("lab"), bo.enter("lab"));
    ada.expect("member_joined");
    Pair { ada, bo, ada_member, bo_member, bo_resume }
}

fn browsers(stage: &Stage) -> Pair {
    pair(stage, json!({"rollback": true, "ice_restart": true}))
}

fn describe(from: &Client, to: &str, kind: &str, number: u64) -> String {
    from.send(json!({"type": "description", "room": "lab", "to": to, "connection": "k",
        "negotiation": number, "description": {"type": kind, "sdp": ""}}))
}

fn propose(from: &Client, to: &str, number: Option<u64>, candidate: Value) -> String {
    let mut message = json!({"type": "candidate", "room": "lab", "to": to, "connection": "k",
        "candidate": candidate});
    if let Some(number) = number {
        message["negotiation"] = json!(number);
    }
    from.send(message)
}

#[test]
fn an_answer_to_a_superseded_offer_is_not_passed_on() {
    let stage = Stage::new();
    let Pair { ada, bo, ada_member, bo_member, .. } = browsers(&stage);
    for number in [1, 2] {
        let id = describe(&ada, &bo_member, "offer", number);
        ada.expect_ok(&id);
        bo.expect("description");
    }
    describe(&bo, &ada_member, "answer", 1);
    bo.expect_error("superseded");
    describe(&bo, &ada_member, "pranswer", 1);
    bo.expect_error("superseded");
    ada.expect_nothing();
    let id = describe(&bo, &ada_member, "answer", 2);
    bo.expect_ok(&id);
    assert_eq!(ada.expect("description")["negotiation"], 2);
}

#[test]
fn an_offer_does_not_go_back_but_may_be_made_again() {
    let stage = Stage::new();
    let Pair { ada, bo, ada_member, bo_member, .. } = browsers(&stage);
    for (number, is_new) in [(3, true), (3, true), (2, false), (4, true)] {
        describe(&ada, &bo_member, "offer", number);
        if is_new {
            ada.expect("ok");
            assert_eq!(bo.expect("description")["negotiation"], number);
        } else {
            ada.expect_error("superseded");
        }
    }
    // The other side counts for itself: a collision has the same number on both.
    describe(&bo, &ada_member, "offer", 1);
    bo.expect("ok");
    ada.expect("description");
    describe(&bo, &ada_member, "rollback", 0);
    bo.expect("ok");
}

#[test]
fn a_candidate_of_an_older_generation_is_not_passed_on_where_it_is_named() {
    let stage = Stage::new();
    let Pair { ada, bo, ada_member, bo_member, .. } = browsers(&stage);
    describe(&ada, &bo_member, "offer", 2);
    ada.expect("ok");
    bo.expect("description");
    for (from, to, other) in [(&ada, &bo_member, &bo), (&bo, &ada_member, &ada)] {
        propose(from, to, Some(1), json!({"candidate": "old"}));
        from.expect_error("superseded");
        propose(from, to, Some(2), json!({"candidate": "new"}));
        from.expect("ok");
        let candidate = other.expect("candidate");
        assert_eq!(
            (&candidate["negotiation"], &candidate["candidate"]["candidate"]),
            (&json!(2), &json!("new"))
        );
        propose(from, to, None, json!({"candidate": "of no generation"}));
        from.expect("ok");
        assert_eq!(other.expect("candidate")["negotiation"], json!(null));
    }
}

#[test]
fn all_three_ends_of_candidates_arrive_as_they_were_sent() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, .. } = browsers(&stage);
    for end in [json!(null), json!({"candidate": "", "sdpMid": "0", "usernameFragment": "a"})] {
        propose(&ada, &bo_member, None, end.clone());
        assert_eq!(bo.expect("candidate")["candidate"], end);
    }
    let sdp = "v=0\r\na=end-of-candidates\r\n";
    ada.send(json!({"type": "description", "room": "lab", "to": bo_member, "connection": "k",
        "negotiation": 1, "description": {"type": "offer", "sdp": sdp}}));
    assert_eq!(bo.expect("description")["description"]["sdp"], sdp);
}

#[test]
fn eight_connections_are_followed_and_what_is_forgotten_is_not_checked() {
    let stage = Stage::new();
    let Pair { ada, bo_member, .. } = browsers(&stage);
    let offer = |connection: u64, number: u64| {
        ada.send(json!({"type": "description", "room": "lab", "to": bo_member,
            "connection": connection.to_string(), "negotiation": number,
            "description": {"type": "offer", "sdp": ""}}));
    };
    for connection in 0..8 {
        offer(connection, 2);
        ada.expect("ok");
    }
    offer(0, 1);
    ada.expect_error("superseded");
    // Now 1 was not used for longest.
    offer(8, 2);
    ada.expect("ok");
    offer(1, 1);
    ada.expect("ok");
    offer(0, 1);
    ada.expect_error("superseded");
}

#[test]
fn a_member_that_left_leaves_no_negotiation_behind() {
    let stage = Stage::new();
    let Pair { ada, bo, ada_member, bo_member, .. } = browsers(&stage);
    describe(&ada, &bo_member, "offer", 5);
    ada.expect("ok");
    bo.expect("description");
    ada.leave("lab");
    ada.expect("ok");
    bo.expect("member_left");
    ada.send(json!({"type": "join", "room": "lab", "member": ada_member}));
    assert_eq!(ada.expect("joined")["member"], ada_member);
    describe(&ada, &bo_member, "offer", 1);
    ada.expect("ok");
}

#[test]
fn candidates_wait_for_whoever_asks_for_it_until_the_description_is_acknowledged() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, .. } = pair(&stage, json!({"hold_candidates": true}));
    propose(&ada, &bo_member, None, json!({"candidate": "before any description"}));
    bo.expect("candidate");
    describe(&ada, &bo_member, "offer", 1);
    let seq = bo.expect("description")["seq"].clone();
    propose(&ada, &bo_member, None, json!({"candidate": "one"}));
    propose(&ada, &bo_member, None, json!(null));
    bo.expect_nothing();
    bo.send(json!({"type": "ping", "ack": seq}));
    assert_eq!(bo.expect("candidate")["candidate"]["candidate"], "one");
    assert_eq!(bo.expect("candidate")["candidate"], json!(null));
    bo.expect("pong");
    propose(&ada, &bo_member, None, json!({"candidate": "two"}));
    bo.expect("candidate");
}

#[test]
fn a_newer_offer_takes_the_waiting_candidates_of_the_older_one_away() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, .. } = pair(&stage, json!({"hold_candidates": true}));
    describe(&ada, &bo_member, "offer", 1);
    propose(&ada, &bo_member, None, json!({"candidate": "old"}));
    describe(&ada, &bo_member, "offer", 2);
    propose(&ada, &bo_member, None, json!({"candidate": "new"}));
    bo.expect("description");
    let seq = bo.expect("description")["seq"].clone();
    bo.send(json!({"type": "ping", "ack": seq}));
    assert_eq!(bo.expect("candidate")["candidate"]["candidate"], "new");
    bo.expect("pong");
}

#[test]
fn so_many_candidates_wait_and_no_more() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, .. } = pair(&stage, json!({"hold_candidates": true}));
    describe(&ada, &bo_member, "offer", 1);
    bo.expect("description");
    (0..128).for_each(|n| drop(propose(&ada, &bo_member, None, json!({"candidate": n}))));
    bo.expect_nothing();
    propose(&ada, &bo_member, None, json!({"candidate": 128}));
    assert_eq!(bo.expect("candidate")["candidate"]["candidate"], 128);
}

#[test]
fn who_comes_back_gets_the_waiting_candidates_with_its_acknowledgement() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, bo_resume, .. } = pair(&stage, json!({"hold_candidates": true}));
    describe(&ada, &bo_member, "offer", 1);
    let seq = bo.expect("description")["seq"].clone();
    propose(&ada, &bo_member, None, json!({"candidate": "one"}));
    bo.drop_connection();
    let bo = stage.client(claims("bo"));
    bo.hello_with(json!({"resume": bo_resume, "ack": seq}));
    assert_eq!(bo.expect("candidate")["candidate"]["candidate"], "one");
}

#[test]
fn an_offer_that_has_not_arrived_gives_way_to_a_newer_one() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, bo_resume, .. } = browsers(&stage);
    bo.drop_connection();
    ada.expect("member_updated");
    for number in [1, 2, 3] {
        let id = describe(&ada, &bo_member, "offer", number);
        assert_eq!(ada.expect_ok(&id)["held"], true);
    }
    let bo = stage.client(claims("bo"));
    bo.hello_with(json!({"resume": bo_resume, "ack": 2}));
    bo.expect("superseded");
    bo.expect("superseded");
    assert_eq!(bo.expect("description")["negotiation"], 3);
    bo.expect_nothing();
}

#[test]
fn an_offer_that_may_have_arrived_stays() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, .. } = browsers(&stage);
    for number in [1, 2] {
        let id = describe(&ada, &bo_member, "offer", number);
        assert_eq!(ada.expect_ok(&id)["held"], json!(null));
    }
    bo.expect("description");
    bo.expect("description");
}

fn message_with_receipt(from: &Client, to: &str) -> String {
    from.send(json!({"type": "message", "room": "lab", "to": to, "data": 1, "receipt": true}))
}

fn expect_receipt(client: &Client, of: &str, status: &str) {
    let receipt = client.expect("receipt");
    assert_eq!((&receipt["of"], &receipt["status"]), (&json!(of), &json!(status)));
}

#[test]
fn a_receipt_tells_when_it_is_acknowledged() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, .. } = browsers(&stage);
    let id = message_with_receipt(&ada, &bo_member);
    ada.expect_ok(&id);
    let seq = bo.expect("message")["seq"].clone();
    ada.expect_nothing();
    bo.send(json!({"type": "ping", "ack": seq}));
    expect_receipt(&ada, &id, "delivered");
    bo.send(json!({"type": "ping", "ack": seq}));
    ada.expect_nothing();
}

#[test]
fn a_receipt_tells_of_a_detour_over_a_second_connection() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, bo_resume, .. } = browsers(&stage);
    bo.drop_connection();
    ada.expect("member_updated");
    let id = message_with_receipt(&ada, &bo_member);
    assert_eq!(ada.expect_ok(&id)["held"], true);
    let bo = stage.client(claims("bo"));
    bo.hello_with(json!({"resume": bo_resume, "ack": 2}));
    ada.expect("member_updated");
    let seq = bo.expect("message")["seq"].clone();
    bo.send(json!({"type": "ping", "ack": seq}));
    expect_receipt(&ada, &id, "delivered");
}

#[test]
fn a_receipt_tells_that_nobody_came_back_for_it() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, .. } = browsers(&stage);
    let id = message_with_receipt(&ada, &bo_member);
    ada.expect_ok(&id);
    bo.say_goodbye();
    ada.expect("member_left");
    expect_receipt(&ada, &id, "expired");
    // Nobody to tell, and nothing happens.
    let Pair { ada, bo_member, bo, .. } = browsers(&stage);
    message_with_receipt(&ada, &bo_member);
    ada.say_goodbye();
    bo.drain();
    bo.say_goodbye();
}

#[test]
fn a_receipt_tells_what_was_too_much_to_keep() {
    let stage = Stage::with(|settings| settings.limits.replay_frames_max = 4);
    let Pair { ada, bo, bo_member, bo_resume, .. } = browsers(&stage);
    bo.drop_connection();
    ada.expect("member_updated");
    let ids: Vec<String> = (0..5).map(|_| message_with_receipt(&ada, &bo_member)).collect();
    let (frames, _) = ada.drain();
    let receipts = frames.iter().filter(|frame| frame["type"] == "receipt");
    assert_eq!(receipts.map(|frame| &frame["of"]).collect::<Vec<_>>(), [&json!(ids[0])]);
    // Who has lost some gets none: it is shown how things are now.
    let bo = stage.client(claims("bo"));
    assert_eq!(bo.hello_with(json!({"resume": bo_resume, "ack": 2}))["complete"], false);
    for id in &ids[1..] {
        expect_receipt(&ada, id, "expired");
    }
}

#[test]
fn a_receipt_tells_once_of_what_is_not_kept_for_who_does_not_acknowledge() {
    let stage = Stage::with(|settings| settings.limits.replay_frames_max = 4);
    let Pair { ada, bo, bo_member, .. } = browsers(&stage);
    let ids: Vec<String> = (0..6).map(|_| message_with_receipt(&ada, &bo_member)).collect();
    let (frames, _) = ada.drain();
    let receipts = frames.iter().filter(|frame| frame["type"] == "receipt");
    let receipts: Vec<_> = receipts.map(|frame| (&frame["of"], &frame["status"])).collect();
    let expired = json!("expired");
    assert_eq!(receipts, [(&json!(ids[0]), &expired), (&json!(ids[1]), &expired)]);
    // It had them all.
    let seqs: Vec<_> = (0..6).map(|_| bo.expect("message")["seq"].clone()).collect();
    bo.send(json!({"type": "ping", "ack": seqs[5]}));
    for id in &ids[2..] {
        expect_receipt(&ada, id, "delivered");
    }
    ada.expect_nothing();
}

#[test]
fn a_receipt_tells_of_a_newer_offer() {
    let stage = Stage::new();
    let Pair { ada, bo, bo_member, .. } = browsers(&stage);
    bo.drop_connection();
    ada.expect("member_updated");
    let id = ada.send(json!({"type": "description", "room": "lab", "to": bo_member,
        "connection": "k", "negotiation": 1, "description": {"type": "offer", "sdp": ""},
        "receipt": true}));
    ada.expect_ok(&id);
    describe(&ada, &bo_member, "offer", 2);
    expect_receipt(&ada, &id, "superseded");
    ada.expect("ok");
}

#[test]
fn a_receipt_is_for_one_addressee() {
    let stage = Stage::new();
    let Pair { ada, .. } = browsers(&stage);
    ada.send(json!({"type": "message", "room": "lab", "data": 1, "receipt": true}));
    assert_eq!(ada.expect_error("bad_field")["field"], "receipt");
    ada.send(json!({"type": "message", "room": "lab", "data": 1, "receipt": "yes"}));
    assert_eq!(ada.expect_error("bad_field")["field"], "receipt");
}

#[test]
fn who_cannot_restart_ice_is_known_to_both() {
    let stage = Stage::new();
    let aiortc = stage.client(claims("camera"));
    aiortc.hello_with(json!({}));
    aiortc.enter("lab");
    let browser = stage.client(claims("ada"));
    browser.hello_with(json!({"capabilities": {"rollback": true, "ice_restart": true}}));
    browser.join("lab");
    let seen = &browser.expect("joined")["members"][0];
    assert_eq!((&seen["ice_restart"], &seen["polite"]), (&json!(false), &json!(true)));
    assert_eq!(aiortc.expect("member_joined")["member"]["ice_restart"], false);

    let other = stage.client(claims("bo"));
    other.hello_with(json!({"capabilities": {"ice_restart": true}}));
    other.enter("lab");
    assert_eq!(browser.expect("member_joined")["member"]["ice_restart"], json!(null));
}
