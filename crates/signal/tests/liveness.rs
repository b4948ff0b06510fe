//! Heartbeats and deadlines.

use kopru_signal::CloseReason;
use serde_json::json;

use crate::stage::{Stage, claims, secs};

#[test]
fn a_connection_without_hello_is_closed_after_ten_seconds() {
    let stage = Stage::new();
    let idle = stage.client(claims("ada"));
    let babbling = stage.client(claims("bo"));
    stage.advance(secs(9));
    idle.expect_nothing();
    babbling.join("lab");
    babbling.expect_error("hello_first");
    stage.advance(secs(1));
    idle.expect_close(CloseReason::HelloTimeout);
    babbling.expect_close(CloseReason::HelloTimeout);
    assert_eq!(stage.stats().connections, 0);
}

#[test]
fn hello_in_the_last_second_is_in_time() {
    let stage = Stage::new();
    let ada = stage.client(claims("ada"));
    stage.advance(secs(9));
    ada.hello();
    stage.advance(secs(60));
    ada.expect_nothing();
}

#[test]
fn three_heartbeats_of_silence_end_a_connection_and_the_grace_its_session() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    stage.advance(secs(74));
    ada.expect_nothing();
    stage.advance(secs(1));
    ada.expect_close(CloseReason::Silent);
    assert_eq!((stage.stats().connections, stage.stats().sessions), (0, 1));
    stage.advance(secs(30));
    assert_eq!(stage.stats().sessions, 0);
    assert!(!stage.has_deadline());
}

#[test]
fn a_heartbeat_may_be_shorter_than_the_time_for_hello() {
    let stage = Stage::with(|settings| settings.limits.heartbeat = secs(1));
    let ada = stage.session("ada");
    stage.advance(secs(2));
    ada.expect_nothing();
    stage.advance(secs(1));
    ada.expect_close(CloseReason::Silent);
}

#[test]
fn any_frame_is_a_sign_of_life() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    for frame in [r#"{"type":"ping","id":"p"}"#, "{", r#"{"type":"nonsense","id":"n"}"#] {
        stage.advance(secs(74));
        ada.say(frame);
        ada.expect_text();
    }
    stage.advance(secs(74));
    ada.expect_nothing();
    stage.advance(secs(1));
    ada.expect_close(CloseReason::Silent);
}

#[test]
fn what_comes_after_the_close_is_ignored() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    stage.advance(secs(75));
    ada.expect_close(CloseReason::Silent);
    ada.send(json!({"type": "ping"}));
    ada.drop_connection();
    ada.expect_close(CloseReason::Silent);
}

#[test]
fn acknowledgements_are_checked() {
    let stage = Stage::new();
    let ada = stage.session("ada"); // welcome was 1
    ada.send(json!({"type": "ping", "ack": 1}));
    ada.expect("pong"); // 2
    ada.send(json!({"type": "join", "room": "lab", "ack": 3}));
    ada.expect_error("bad_ack"); // 3, and it has not joined
    ada.leave("lab");
    ada.expect_error("not_in_room"); // 4
    ada.send(json!({"type": "ping", "ack": 4}));
    ada.expect("pong");
    // Lower than before: an old message, sent again.
    ada.send(json!({"type": "ping", "ack": 2}));
    ada.expect("pong");
    for bad in [json!(-1), json!("4"), json!(1.5), json!(null)] {
        ada.send(json!({"type": "ping", "ack": bad}));
        assert_eq!(ada.expect_error("bad_field")["field"], "ack");
    }
}
