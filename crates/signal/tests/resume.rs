//! Coming back: the session before is ended, so that nobody sees two of one device.

use kopru_signal::{Claims, CloseReason};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, text};

/// A session of `claims` in `lab`, and its resume token.
fn in_the_lab(stage: &Stage, claims: Claims) -> (Client, Value) {
    let client = stage.client(claims);
    let welcome = client.hello();
    client.enter("lab");
    (client, welcome)
}

#[test]
fn coming_back_ends_the_session_before_at_once() {
    let stage = Stage::new();
    let (former, welcome) = in_the_lab(&stage, claims("ada"));
    let bo = stage.session("bo");
    bo.enter("lab");
    former.expect("member_joined");

    let ada = stage.client(claims("ada"));
    let again = ada.hello_with(json!({"resume": welcome["resume"]}));
    assert_eq!((&again["resumed"], &again["complete"]), (&json!(false), &json!(false)));
    assert_eq!(again["seq"], 1);
    assert_ne!(again["session"], welcome["session"]);
    assert_ne!(again["resume"], welcome["resume"]);
    former.expect_close(CloseReason::Replaced);
    assert_eq!(bo.expect("member_left")["reason"], "replaced");
    assert_eq!(stage.stats().sessions, 2);

    ada.enter("lab");
    bo.expect("member_joined");
    bo.expect_nothing();
}

#[test]
fn a_session_that_is_gone_cannot_be_ended_again() {
    let stage = Stage::new();
    let (former, welcome) = in_the_lab(&stage, claims("ada"));
    former.drop_connection();
    let ada = stage.client(claims("ada"));
    let again = ada.hello_with(json!({"resume": welcome["resume"]}));
    assert_eq!((&again["resumed"], &again["complete"]), (&json!(false), &json!(false)));
    assert_eq!(stage.stats().sessions, 1);
}

#[test]
fn a_token_used_twice_is_nothing_the_second_time() {
    let stage = Stage::new();
    let (_, welcome) = in_the_lab(&stage, claims("ada"));
    let second = stage.client(claims("ada"));
    second.hello_with(json!({"resume": welcome["resume"]}));
    let third = stage.client(claims("ada"));
    third.hello_with(json!({"resume": welcome["resume"]}));
    second.expect_nothing();
    assert_eq!(stage.stats().sessions, 2);
}

#[test]
fn nobody_ends_the_session_of_another_identity() {
    let stage = Stage::new();
    let (ada, welcome) = in_the_lab(&stage, claims("ada"));
    for thief in [claims("eve"), Claims::open()] {
        let thief = stage.client(thief);
        let stolen = thief.hello_with(json!({"resume": welcome["resume"]}));
        assert_ne!(stolen["identity"], "ada");
        assert_eq!(stolen["complete"], false);
    }
    ada.expect_nothing();
    assert_eq!(stage.stats().sessions, 3);
}

#[test]
fn nobody_guesses_a_token() {
    let stage = Stage::new();
    let (ada, welcome) = in_the_lab(&stage, Claims::open());
    let session = text(&welcome["session"]);
    let resume = text(&welcome["resume"]);
    let other = text(&stage.client(Claims::open()).hello()["resume"]);
    let proof = other.rsplit('.').next().expect("a proof");
    for forged in [
        session.clone(),
        format!("r_{}", &session[2..]),
        format!("r_{}.", &session[2..]),
        format!("r_{}.{proof}", &session[2..]),
        resume.to_uppercase(),
        String::new(),
    ] {
        stage.client(Claims::open()).hello_with(json!({"resume": forged}));
    }
    ada.expect_nothing();
}

#[test]
fn without_tokens_the_secret_keeps_the_identity() {
    let stage = Stage::new();
    let (former, welcome) = in_the_lab(&stage, Claims::open());
    let again = stage.client(Claims::open()).hello_with(json!({"resume": welcome["resume"]}));
    assert_eq!(again["identity"], welcome["identity"]);
    former.expect_close(CloseReason::Replaced);
}

#[test]
fn coming_back_needs_no_place_beside_the_session_it_ends() {
    let stage = Stage::with(|settings| settings.limits.sessions_per_identity_max = 1);
    let (_, welcome) = in_the_lab(&stage, claims("ada"));
    stage.client(claims("ada")).hello_with(json!({"resume": welcome["resume"]}));
}
