//! A message that is sent again is answered again, and not done again.

use serde_json::{Value, json};

use crate::stage::{Client, Stage};

fn pair(stage: &Stage) -> (Client, Client, String) {
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    let bo_member = bo.enter("lab");
    ada.expect("member_joined");
    (ada, bo, bo_member)
}

/// The frame without what is allowed to differ.
fn without_seq(mut frame: Value) -> Value {
    frame.as_object_mut().expect("an object").remove("seq");
    frame
}

#[test]
fn every_message_is_delivered_once_and_answered_each_time() {
    let stage = Stage::new();
    let (ada, bo, bo_member) = pair(&stage);
    for (message, arrives_as) in [
        (
            json!({"type": "description", "room": "lab", "to": bo_member, "connection": "c",
                "negotiation": 1, "description": {"type": "offer", "sdp": ""}}),
            "description",
        ),
        (
            json!({"type": "candidate", "room": "lab", "to": bo_member, "connection": "c",
                "candidate": null}),
            "candidate",
        ),
        (json!({"type": "message", "room": "lab", "data": 1}), "message"),
        (json!({"type": "update", "room": "lab", "name": "A"}), "member_updated"),
        (json!({"type": "leave", "room": "lab"}), "member_left"),
    ] {
        let mut message = message;
        message["id"] = json!(format!("id of {arrives_as}"));
        ada.say(&message.to_string());
        let first = without_seq(ada.expect("ok"));
        ada.say(&message.to_string());
        let second = without_seq(ada.expect("ok"));
        assert_eq!(first, second);
        bo.expect(arrives_as);
        bo.expect_nothing();
    }
}

#[test]
fn a_repeated_join_shows_the_room_as_it_is_now() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    let join = r#"{"type":"join","id":"j","room":"lab"}"#;
    ada.say(join);
    let first = ada.expect("joined");
    let bo = stage.session("bo");
    bo.enter("lab");
    ada.expect("member_joined");

    ada.say(join);
    let second = ada.expect("joined");
    assert_eq!(first["member"], second["member"]);
    assert_eq!(second["version"], 2);
    assert_eq!(second["members"][0]["identity"], "bo");
    bo.expect_nothing();

    ada.leave("lab");
    ada.expect("ok");
    ada.say(join);
    ada.expect_error("not_in_room");
}

#[test]
fn what_was_refused_is_tried_again() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    let message = r#"{"type":"message","id":"m","room":"lab","data":1}"#;
    ada.say(message);
    ada.expect_error("not_in_room");
    ada.enter("lab");
    ada.say(message);
    ada.expect_ok("m");
}

#[test]
fn ids_belong_to_their_session() {
    let stage = Stage::new();
    let (ada, bo, _) = pair(&stage);
    let message = r#"{"type":"message","id":"same","room":"lab","data":1}"#;
    ada.say(message);
    bo.expect("message");
    bo.say(message);
    bo.expect_ok("same");
    ada.expect_ok("same");
    ada.expect("message");
}

#[test]
fn the_last_sixty_four_are_known() {
    let stage = Stage::new();
    let (ada, bo, _) = pair(&stage);
    let say = |n: usize| {
        ada.say(
            &json!({"type": "message", "id": format!("n{n}"), "room": "lab", "data": n})
                .to_string(),
        );
        ada.expect("ok");
    };
    // The join of `pair` was one; 64 more push it out.
    (0..64).for_each(say);
    bo.drain();
    say(0);
    bo.expect_nothing();
    say(64);
    bo.expect("message");
    say(1);
    bo.expect_nothing();
    say(0);
    bo.expect("message");
}
