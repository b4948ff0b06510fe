//! Another token for a running session.

use std::num::NonZero;

use kopru_signal::{Claims, Rejection, Relay};
use kopru_stun::credentials::{Secret, id_and_limit};
use serde_json::json;

use crate::stage::{START_UNIX, Stage, claims, claims_for, secs, text};

fn mortal(subject: &str, life_s: u64) -> Claims {
    Claims { expires_unix: Some(START_UNIX + life_s), ..claims(subject) }
}

#[test]
fn a_session_goes_on_with_a_fresh_token() {
    let stage = Stage::new();
    let ada = stage.client(mortal("ada", 60));
    assert_eq!(ada.hello()["token_ttl_s"], 60);
    stage.advance(secs(60));
    ada.join("lab");
    ada.expect_error("token_expired");
    let id = ada.refresh(Ok(mortal("ada", 3660)));
    ada.expect("ice_servers");
    assert_eq!(ada.expect_ok(&id)["token_ttl_s"], 3600);
    ada.enter("lab");
    // One without an end has no time to tell.
    let id = ada.refresh(Ok(claims("ada")));
    ada.expect("ice_servers");
    assert_eq!(ada.expect_ok(&id).get("token_ttl_s"), None);
}

#[test]
fn a_token_that_is_no_good_leaves_the_former_one() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    for (verdict, code) in [
        (Ok(claims_for("bo", &[])), "another_identity"),
        (Ok(Claims::open()), "another_identity"),
        (Ok(Claims { expires_unix: Some(START_UNIX), ..claims_for("ada", &[]) }), "token_expired"),
        (Err(Rejection::Unauthorized), "unauthorized"),
        (Err(Rejection::TokenLivesTooLong), "token_lives_too_long"),
        (Err(Rejection::TooManyFailedLogins { retry_after_s: 1 }), "too_many_failed_logins"),
    ] {
        ada.refresh(verdict);
        ada.expect_error(code);
    }
    ada.send(json!({"type": "token"}));
    assert_eq!(ada.expect_error("missing_field")["field"], "token");
    ada.enter("lab");
}

#[test]
fn a_verdict_holds_for_one_message() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    ada.send(json!({"type": "token", "token": "not looked at"}));
    ada.expect_error("unauthorized");
    ada.refresh(Ok(claims("ada")));
    ada.expect("ice_servers");
    ada.expect("ok");
    ada.send(json!({"type": "token", "token": "not looked at"}));
    ada.expect_error("unauthorized");
}

#[test]
fn a_repeated_token_is_answered_and_not_done_again() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    let id = ada.refresh(Ok(claims_for("ada", &["lab"])));
    ada.expect("ice_servers");
    ada.expect_ok(&id);
    ada.say(&json!({"type": "token", "id": id, "token": "…"}).to_string());
    ada.expect_ok(&id);
    ada.expect_nothing();
}

#[test]
fn rooms_that_a_new_token_does_not_allow_are_left() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    let member = ada.enter("lab");
    ada.enter("hall");
    bo.enter("lab");
    ada.expect("member_joined");
    let id = ada.refresh(Ok(claims_for("ada", &["hall"])));
    let left = ada.expect("left");
    assert_eq!(
        (&left["room"], &left["member"], &left["reason"]),
        (&json!("lab"), &json!(member), &json!("not_allowed"))
    );
    ada.expect("ice_servers");
    ada.expect_ok(&id);
    assert_eq!(bo.expect("member_left")["reason"], "not_allowed");
    ada.join("lab");
    ada.expect_error("room_not_allowed");
    ada.send(json!({"type": "message", "room": "hall", "data": 1}));
    ada.expect("ok");
}

#[test]
fn a_token_that_comes_with_resume_takes_rooms_away_as_well() {
    let stage = Stage::new();
    let ada = stage.client(claims("ada"));
    let welcome = ada.hello();
    ada.enter("lab");
    ada.drop_connection();
    let again = stage.client(claims_for("ada", &["hall"]));
    again.hello_with(json!({"resume": welcome["resume"], "ack": 2}));
    assert_eq!(again.expect("left")["reason"], "not_allowed");
    assert_eq!(stage.stats().members, 0);
}

#[test]
fn what_a_new_token_grants_of_the_relay_holds_at_once() {
    let stage = Stage::with(|settings| {
        settings.ice.turn_urls = vec!["turn:turn.example.org".into()];
        settings.ice.secret = Some(Secret::new("s3cret"));
    });
    let ada = stage.client(Claims { relay: Relay::No, ..claims("ada") });
    let welcome = ada.hello();
    assert_eq!((&welcome["ice_servers"], welcome.get("ice_ttl_s")), (&json!([]), None));
    let bits_per_second = NonZero::new(2_000_000);
    let id = ada.refresh(Ok(Claims { relay: Relay::Only, bits_per_second, ..claims("ada") }));
    let servers = ada.expect("ice_servers");
    assert_eq!(servers["ice_transport_policy"], "relay");
    let username = text(&servers["ice_servers"][0]["username"]);
    assert_eq!(id_and_limit(&username).1, bits_per_second);
    ada.expect_ok(&id);
    // And they are renewed from now on, although there was nothing to renew before.
    stage.advance(secs(74));
    ada.send(json!({"type": "ping"}));
    ada.expect("pong");
    for _ in 0..6 {
        stage.advance(secs(60));
        ada.send(json!({"type": "ping"}));
    }
    let (frames, _) = ada.drain();
    let renewed: Vec<_> = frames.iter().filter(|frame| frame["type"] == "ice_servers").collect();
    assert_eq!(renewed.len(), 1, "{frames:?}");
    assert_eq!(renewed[0]["ice_transport_policy"], "relay");
}

#[test]
fn relays_only_by_a_new_token_holds_for_the_next_candidate() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    let to = bo.enter("lab");
    ada.expect("member_joined");
    let candidate = json!({"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host"});
    let host = json!({"type": "candidate", "room": "lab", "to": to, "connection": "main",
        "candidate": candidate});
    ada.send(host.clone());
    ada.expect("ok");
    ada.refresh(Ok(Claims { relay: Relay::Only, ..claims("ada") }));
    ada.expect("ice_servers");
    ada.expect("ok");
    ada.send(host);
    ada.expect_error("relay_only");
}
