//! Coming back when the answer to that is lost as well, over a restart, and to what others say
//! meanwhile.

use kopru_signal::{Claims, CloseReason};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, secs, text};

/// A session in `lab`: its client, resume token and member id.
fn in_the_lab(stage: &Stage, identity: &str) -> (Client, Value, String) {
    let client = stage.client(claims(identity));
    let resume = client.hello()["resume"].clone();
    let member = client.enter("lab");
    (client, resume, member)
}

/// A connection on which `hello` arrives, and its answer does not.
fn say_hello(stage: &Stage, identity: &str, resume: &Value, ack: u64) -> Client {
    let client = stage.client(claims(identity));
    let hello = json!({"type": "hello", "v": 1, "resume": resume, "ack": ack});
    client.say(&hello.to_string());
    client
}

fn come_back(stage: &Stage, identity: &str, resume: &Value, ack: u64) -> (Client, Value) {
    let client = stage.client(claims(identity));
    let welcome = client.hello_with(json!({"resume": resume, "ack": ack}));
    (client, welcome)
}

#[test]
fn a_resume_token_stays_good_however_often_its_welcome_is_lost() {
    let stage = Stage::new();
    let (ada, resume, _) = in_the_lab(&stage, "ada");
    ada.drop_connection();
    for _ in 0..4 {
        say_hello(&stage, "ada", &resume, 2).drop_connection();
    }
    let (_, welcome) = come_back(&stage, "ada", &resume, 2);
    assert_eq!((&welcome["resumed"], &welcome["complete"]), (&json!(true), &json!(true)));
    // The new one is used: that was its last time.
    come_back(&stage, "ada", &welcome["resume"], 2);
    let (_, welcome) = come_back(&stage, "ada", &resume, 2);
    assert_eq!(welcome["resumed"], false);
}

#[test]
fn a_welcome_that_is_lost_after_a_restart_costs_nobody_an_id() {
    let stage = Stage::new();
    let (_, resume, member) = in_the_lab(&stage, "ada");
    stage.restart();
    // It joins at once, and is there when nobody hears of it.
    let lost = say_hello(&stage, "ada", &resume, 2);
    lost.join("lab");
    let (bo, _, _) = in_the_lab(&stage, "bo");
    let (ada, welcome) = come_back(&stage, "ada", &resume, 2);
    assert_eq!((&welcome["resumed"], &welcome["seq"]), (&json!(false), &json!(1)));
    assert_eq!(bo.expect("member_left")["reason"], "disconnected");
    ada.send(json!({"type": "join", "room": "lab", "member": member}));
    assert_eq!(ada.expect("joined")["member"], json!(member));
    assert_eq!(bo.expect("member_joined")["member"]["member"], json!(member));
    let (_, closed) = lost.drain();
    assert_eq!(closed, Some(CloseReason::Replaced));
    assert_eq!(stage.stats().members, 2);
}

#[test]
fn a_resume_token_that_was_used_up_is_not_good_again_after_a_restart() {
    let stage = Stage::new();
    let (_, first, member) = in_the_lab(&stage, "ada");
    let (_, welcome) = come_back(&stage, "ada", &first, 2);
    let (_, welcome) = come_back(&stage, "ada", &welcome["resume"], 2);
    stage.restart();
    let (ada, welcome) = come_back(&stage, "ada", &welcome["resume"], 2);
    assert_eq!(welcome["resumed"], false);
    ada.send(json!({"type": "join", "room": "lab", "member": member}));
    assert_eq!(ada.expect("joined")["member"], json!(member));

    let (_, stolen) = come_back(&stage, "ada", &first, 1);
    assert_eq!(stolen["resumed"], false);
    assert_ne!(stolen["session"], welcome["session"]);
    ada.expect_nothing();
}

#[test]
fn the_newest_resume_token_takes_its_id_from_who_came_first_with_an_older_one() {
    let stage = Stage::new();
    let (_, first, _) = in_the_lab(&stage, "ada");
    let (_, welcome) = come_back(&stage, "ada", &first, 2);
    let (_, newest) = come_back(&stage, "ada", &welcome["resume"], 2);
    stage.restart();
    let (early, _) = come_back(&stage, "ada", &first, 2);
    let (_, welcome) = come_back(&stage, "ada", &newest["resume"], 2);
    assert_eq!((&welcome["resumed"], &welcome["session"]), (&json!(false), &newest["session"]));
    early.expect_close(CloseReason::Replaced);
}

#[test]
fn nothing_comes_before_welcome_where_a_receipt_costs_another_its_frame() {
    let stage = Stage::with(|settings| settings.limits.replay_frames_max = 3);
    let (ada, resume, ada_member) = in_the_lab(&stage, "ada");
    let (bo, _, bo_member) = in_the_lab(&stage, "bo");
    ada.expect("member_joined");
    let message =
        |to: &str| json!({"type": "message", "room": "lab", "to": to, "data": 1, "receipt": true});
    let to_bo = ada.send(message(&bo_member));
    ada.expect_ok(&to_bo);
    let to_ada = bo.send(message(&ada_member));
    let seq = ada.expect("message")["seq"].as_u64().expect("a number");
    ada.drop_connection();
    // Of bo, who acknowledges nothing, three frames are kept: ada's message, `ok`, and that ada
    // is away. His receipt takes the place of the message, and that is told to ada in turn.
    let (ada, welcome) = come_back(&stage, "ada", &resume, seq);
    assert_eq!((&welcome["complete"], &welcome["seq"]), (&json!(true), &json!(seq)));
    assert_eq!(ada.expect("receipt")["of"], json!(to_bo));
    ada.expect_nothing();
    bo.expect("message");
    bo.expect_ok(&to_ada);
    bo.expect("member_updated");
    assert_eq!(bo.expect("receipt")["status"], "delivered");
}

#[test]
fn one_member_id_in_two_rooms_leaves_each_of_them() {
    let stage = Stage::new();
    let stranger = stage.client(Claims::open());
    stranger.hello();
    let member = stranger.enter("lab");
    // Where nobody has to show a token, a client is taken at its word.
    stranger.send(json!({"type": "join", "room": "hall", "member": member}));
    assert_eq!(text(&stranger.expect("joined")["member"]), member);
    let bo = stage.session("bo");
    bo.enter("hall");
    stranger.expect("member_joined");
    stranger.leave("lab");
    stranger.expect("ok");
    bo.expect_nothing();
    stranger.drop_connection();
    bo.expect("member_updated");
    stage.advance(secs(30));
    bo.expect("member_left");
    assert_eq!((stage.stats().rooms, stage.stats().members), (1, 1));
}
