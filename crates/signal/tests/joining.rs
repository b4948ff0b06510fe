//! Hello, join, and what a newcomer and the others learn of each other.

use kopru_signal::{Claims, CloseReason, Rejection, Relay};
use serde_json::json;

use crate::stage::{START_UNIX, Stage, claims, claims_for, secs, text};

#[test]
fn hello_opens_a_session() {
    let stage = Stage::new();
    let ada = stage.client(claims("ada"));
    let welcome = ada.hello_with(json!({"id": "h", "capabilities": {"video": ["VP8"]}}));
    assert_eq!(welcome["seq"], 1);
    assert_eq!(welcome["re"], "h");
    assert_eq!(welcome["v"], 1);
    assert_eq!(welcome["identity"], "ada");
    assert_eq!(welcome["resumed"], false);
    assert_eq!(welcome["complete"], true);
    assert_eq!(welcome["heartbeat_s"], 25);
    assert_eq!(welcome["ice_transport_policy"], "all");
    assert!(text(&welcome["session"]).starts_with("s_"));
    ada.expect_nothing();
}

#[test]
fn whoever_has_no_token_gets_an_identity_of_its_own() {
    let stage = Stage::new();
    let [one, other] = [(); 2].map(|()| text(&stage.client(Claims::open()).hello()["identity"]));
    assert!(one.starts_with("anonymous_") && other.starts_with("anonymous_"));
    assert_ne!(one, other);
}

#[test]
fn a_token_may_ask_for_the_relay() {
    let stage = Stage::new();
    let ada = stage.client(Claims { relay: Relay::Only, ..claims("ada") });
    assert_eq!(ada.hello()["ice_transport_policy"], "relay");
}

#[test]
fn without_a_valid_token_there_is_no_session() {
    let stage = Stage::new();
    let expired = Claims { expires_unix: Some(START_UNIX), ..claims("ada") };
    for (verdict, code) in [
        (None, "unauthorized"),
        (Some(Err(Rejection::Unauthorized)), "unauthorized"),
        (Some(Err(Rejection::TokenExpired)), "token_expired"),
        (Some(Ok(expired)), "token_expired"),
    ] {
        let stranger = stage.stranger();
        if let Some(verdict) = verdict {
            stranger.admit(verdict);
        }
        stranger.say(r#"{"type":"hello","v":1,"id":"h"}"#);
        assert_eq!(stranger.expect_error(code)["re"], "h");
        stranger.expect_close(CloseReason::Unauthorized);
    }
    assert_eq!(stage.stats().connections, 0);
}

#[test]
fn a_token_that_expires_keeps_what_runs_and_starts_nothing() {
    let stage = Stage::new();
    let ada = stage.client(Claims { expires_unix: Some(START_UNIX + 60), ..claims("ada") });
    ada.hello();
    ada.enter("lab");
    stage.advance(secs(60));
    ada.join("kitchen");
    ada.expect_error("token_expired");
    let id = ada.send(json!({"type": "message", "room": "lab", "data": 1}));
    ada.expect_ok(&id);
}

#[test]
fn the_other_language_is_not_spoken_here() {
    let stage = Stage::new();
    let ada = stage.client(claims("ada"));
    // Even where the rest would make no sense in ours.
    ada.say(r#"{"type":"hello","v":2,"token":7}"#);
    ada.expect_error("unsupported_version");
    ada.expect_close(CloseReason::UnsupportedVersion);
}

#[test]
fn nothing_before_hello_and_hello_only_once() {
    let stage = Stage::new();
    let ada = stage.client(claims("ada"));
    ada.join("lab");
    let error = ada.expect_error("hello_first");
    assert_eq!((error["re"].as_str(), error.get("seq")), (Some("1"), None));
    ada.hello();
    ada.say(r#"{"type":"hello","v":1}"#);
    ada.expect_error("already_greeted");
    ada.say(r#"{"type":"hello","v":1,"id":"h"}"#);
    assert_eq!(ada.expect_error("already_greeted")["re"], "h");
}

#[test]
fn a_newcomer_sees_the_others_and_they_see_it() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));

    ada.send(json!({"type": "join", "room": "lab", "name": " Ada  L. ", "meta": {"a": 1}}));
    let joined = ada.expect("joined");
    assert_eq!(joined["re"], "1");
    assert_eq!(joined["room"], "lab");
    assert_eq!(joined["members"], json!([]));
    assert_eq!(joined["version"], 1);
    let ada_member = text(&joined["member"]);

    bo.join("lab");
    let joined = bo.expect("joined");
    let seen = &joined["members"][0];
    assert_eq!(joined["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["member"], ada_member);
    assert_eq!(seen["identity"], "ada");
    assert_eq!(seen["name"], "Ada L.");
    assert_eq!(seen["meta"], json!({"a": 1}));
    assert_eq!(joined["version"], 2);

    let came = ada.expect("member_joined");
    assert_eq!(came["member"]["member"], joined["member"]);
    assert_eq!(came["member"]["identity"], "bo");
    assert_eq!(came["member"]["name"], "");
    assert_eq!(came["member"]["meta"], json!({}));
    assert_eq!(came["version"], 2);
    ada.expect_nothing();
    bo.expect_nothing();
}

#[test]
fn two_spellings_of_one_room_are_one_room() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.join("Küche");
    ada.expect("joined");
    bo.join("  Ku\u{308}che ");
    assert_eq!(bo.expect("joined")["room"], "Küche");
    ada.expect("member_joined");
    // And every other message may use either form.
    bo.leave("Ku\u{308}che");
    bo.expect("ok");
    ada.expect("member_left");
}

#[test]
fn a_room_name_needs_something_to_see_and_no_control_characters() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    for bad in ["", "  ", "\u{200b}", "a\nb", "a\u{0}", &"x".repeat(65)] {
        ada.join(bad);
        assert_eq!(ada.expect_error("bad_field")["field"], "room", "{bad:?}");
    }
    ada.enter(&"x".repeat(64));
}

#[test]
fn a_token_opens_its_rooms_only() {
    let stage = Stage::new();
    let ada = stage.client(claims_for("ada", &["lab", "team-a/*"]));
    ada.hello();
    ada.enter("lab");
    ada.enter("team-a/stand-up");
    for closed in ["lab2", "team-a", "team-b/x"] {
        ada.join(closed);
        ada.expect_error("room_not_allowed");
    }
}

#[test]
fn a_session_joins_a_room_once() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    ada.enter("lab");
    ada.join("lab");
    ada.expect_error("already_joined");
    ada.leave("lab");
    ada.expect("ok");
    ada.enter("lab");
}

#[test]
fn two_devices_of_one_identity_are_two_members() {
    let stage = Stage::new();
    let (laptop, phone) = (stage.session("ada"), stage.session("ada"));
    let first = laptop.enter("lab");
    let second = phone.enter("lab");
    assert_ne!(first, second);
    assert_eq!(laptop.expect("member_joined")["member"]["identity"], "ada");
}

#[test]
fn an_update_changes_what_it_names_and_keeps_the_rest() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.send(json!({"type": "join", "room": "lab", "name": "Ada", "meta": {"hand": "down"}}));
    ada.expect("joined");
    bo.enter("lab");
    ada.expect("member_joined");

    let id = ada.send(json!({"type": "update", "room": "lab", "meta": {"hand": "raised"}}));
    assert_eq!(ada.expect_ok(&id)["version"], 3);
    let updated = bo.expect("member_updated");
    assert_eq!(updated["version"], 3);
    assert_eq!(updated["member"]["name"], "Ada");
    assert_eq!(updated["member"]["meta"], json!({"hand": "raised"}));

    ada.send(json!({"type": "update", "room": "lab", "name": "Ada L."}));
    ada.expect("ok");
    let updated = bo.expect("member_updated");
    assert_eq!(updated["member"]["name"], "Ada L.");
    assert_eq!(updated["member"]["meta"], json!({"hand": "raised"}));

    ada.send(json!({"type": "update", "room": "lab"}));
    assert_eq!(ada.expect_error("missing_field")["field"], "name");
    ada.send(json!({"type": "update", "room": "kitchen", "name": "A"}));
    ada.expect_error("not_in_room");
    bo.expect_nothing();
}
