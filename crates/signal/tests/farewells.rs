//! Who leaves for good: when allocations end, and when they go on.

use kopru_signal::{Claims, Limits};
use serde_json::json;

use crate::ice::{turn_user, with_turn};
use crate::stage::{Client, Stage, claims, secs};

fn stage() -> Stage {
    Stage::with(with_turn)
}

/// A session of `subject` in the lab, the id of its credential, and its resume token.
fn in_the_lab(stage: &Stage, subject: &str) -> (Client, String, String) {
    let client = stage.client(claims(subject));
    let welcome = client.hello();
    client.enter("lab");
    let resume = welcome["resume"].as_str().expect("a token").to_owned();
    (client, turn_user(&welcome).1, resume)
}

fn expect_ended(stage: &Stage, expect: &[&str]) {
    let ended = stage.ended();
    assert_eq!(ended.iter().map(|credential| &**credential).collect::<Vec<_>>(), expect);
}

#[test]
fn who_says_goodbye_loses_its_allocations_a_grace_period_later() {
    let stage = stage();
    let (ada, id, _) = in_the_lab(&stage, "ada");
    ada.say_goodbye();
    stage.advance(secs(29));
    expect_ended(&stage, &[]);
    stage.advance(secs(1));
    expect_ended(&stage, &[&id]);
    stage.advance(secs(3600));
    expect_ended(&stage, &[]);
    assert!(!stage.has_deadline());
}

#[test]
fn a_lost_socket_ends_none_and_nor_does_a_session_that_is_taken_up() {
    let stage = stage();
    let (ada, _, resume) = in_the_lab(&stage, "ada");
    ada.drop_connection();
    stage.advance(secs(29));
    let again = stage.client(claims("ada"));
    assert_eq!(again.hello_with(json!({ "resume": resume }))["resumed"], true);
    stage.advance(secs(60));
    expect_ended(&stage, &[]);
}

#[test]
fn who_does_not_come_back_in_time_has_another_grace_period() {
    let stage = stage();
    let (ada, id, _) = in_the_lab(&stage, "ada");
    ada.drop_connection();
    stage.advance(secs(59));
    expect_ended(&stage, &[]);
    stage.advance(secs(1));
    expect_ended(&stage, &[&id]);
}

#[test]
fn a_new_session_calls_it_off() {
    let stage = stage();
    let (ada, id, _) = in_the_lab(&stage, "ada");
    ada.say_goodbye();
    stage.advance(secs(29));
    let (again, same, _) = in_the_lab(&stage, "ada");
    assert_eq!(same, id);
    stage.advance(secs(60));
    expect_ended(&stage, &[]);
    again.say_goodbye();
    stage.advance(secs(30));
    expect_ended(&stage, &[&id]);
}

#[test]
fn another_session_of_the_identity_keeps_them() {
    let stage = stage();
    let (laptop, id, _) = in_the_lab(&stage, "ada");
    let phone = stage.client(claims("ada"));
    phone.hello();
    laptop.say_goodbye();
    stage.advance(secs(60));
    expect_ended(&stage, &[]);
    phone.say_goodbye();
    stage.advance(secs(30));
    expect_ended(&stage, &[&id]);
}

#[test]
fn leaving_rooms_ends_nothing_as_long_as_the_session_goes_on() {
    let stage = stage();
    let (ada, _, _) = in_the_lab(&stage, "ada");
    ada.enter("hall");
    ada.leave("lab");
    ada.leave("hall");
    stage.advance(secs(60));
    expect_ended(&stage, &[]);
}

#[test]
fn who_was_never_there_and_who_has_no_credentials_ends_nothing() {
    let stage = Stage::new();
    stage.session("ada").say_goodbye();
    stage.advance(secs(60));
    expect_ended(&stage, &[]);
    let stage = self::stage();
    stage.client(claims("bo")).drop_connection();
    stage.advance(secs(60));
    expect_ended(&stage, &[]);
}

#[test]
fn each_identity_without_a_token_is_one_of_its_own() {
    let stage = stage();
    let [ada, bo] = [stage.client(Claims::open()), stage.client(Claims::open())];
    let id = turn_user(&ada.hello()).1;
    bo.hello();
    ada.say_goodbye();
    stage.advance(secs(30));
    expect_ended(&stage, &[&id]);
}

#[test]
fn as_many_may_come_back_as_there_may_be_sessions() {
    let stage = Stage::with(|settings| {
        with_turn(settings);
        settings.limits = Limits { connections_max: 2, ..Limits::default() };
    });
    let ids = ["ada", "bo", "cy"].map(|subject| {
        let (client, id, _) = in_the_lab(&stage, subject);
        client.say_goodbye();
        stage.advance(secs(1));
        id
    });
    // For the third, who went first.
    expect_ended(&stage, &[&ids[0]]);
    stage.advance(secs(60));
    expect_ended(&stage, &[&ids[1], &ids[2]]);
    assert_eq!(stage.memory().held(), 0);
}

#[test]
fn a_server_that_was_started_again_ends_nothing_of_before() {
    let stage = stage();
    let (ada, _, _) = in_the_lab(&stage, "ada");
    ada.say_goodbye();
    stage.restart();
    stage.advance(secs(60));
    expect_ended(&stage, &[]);
}
