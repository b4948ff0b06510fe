//! How much there may be of everything: each limit reached, and a place that becomes free.

use std::net::IpAddr;

use kopru_signal::{CloseReason, Limits};
use serde_json::json;

use crate::stage::{Stage, claims, secs};

fn with(change: impl FnOnce(&mut Limits)) -> Stage {
    Stage::with(|settings| change(&mut settings.limits))
}

#[test]
fn a_full_room_takes_nobody_until_somebody_leaves() {
    let stage = with(|limits| limits.members_per_room_max = 2);
    let sessions = ["ada", "bo", "cy"].map(|name| stage.session(name));
    sessions[0].enter("lab");
    sessions[1].enter("lab");
    sessions[2].join("lab");
    assert_eq!(sessions[2].expect_error("room_full")["retry_after_s"], 10);
    sessions[2].enter("kitchen");
    sessions[0].say_goodbye();
    sessions[2].enter("lab");
}

#[test]
fn sixteen_members_by_default() {
    let stage = Stage::new();
    for n in 0..16 {
        stage.session(&format!("s{n}")).enter("lab");
    }
    let one_more = stage.session("one more");
    one_more.join("lab");
    one_more.expect_error("room_full");
}

#[test]
fn a_session_is_in_eight_rooms_at_most() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    for n in 0..8 {
        ada.enter(&format!("room {n}"));
    }
    ada.join("room 8");
    ada.expect_error("too_many_rooms");
    ada.leave("room 3");
    ada.expect("ok");
    ada.enter("room 8");
}

#[test]
fn the_server_has_room_for_so_many_rooms_and_members() {
    let stage = with(|limits| limits.rooms_max = 2);
    let ada = stage.session("ada");
    ada.enter("one");
    ada.enter("two");
    ada.join("three");
    assert_eq!(ada.expect_error("server_full")["retry_after_s"], 10);
    stage.session("bo").enter("two");

    let stage = with(|limits| limits.members_max = 2);
    let ada = stage.session("ada");
    ada.enter("one");
    ada.enter("two");
    let bo = stage.session("bo");
    bo.join("two");
    bo.expect_error("server_full");
    ada.leave("one");
    bo.enter("two");
}

#[test]
fn so_many_connections_and_no_more() {
    let stage = with(|limits| limits.connections_max = 2);
    let (ada, idle) = (stage.session("ada"), stage.client(claims("bo")));
    let refused = stage.stranger();
    refused.expect_close(CloseReason::ServerFull { retry_after_s: 10 });
    idle.drop_connection();
    stage.session("cy");
    ada.expect_nothing();
    assert_eq!(stage.stats().closed["server_full"], 1);
}

#[test]
fn so_many_sessions_of_one_identity_and_no_more() {
    let stage = with(|limits| limits.sessions_per_identity_max = 2);
    let (first, _second) = (stage.session("ada"), stage.session("ada"));
    let third = stage.client(claims("ada"));
    third.say(r#"{"type":"hello","v":1}"#);
    third.expect_error("too_many_sessions");
    third.expect_close(CloseReason::TooManyRefusals);
    stage.session("bo");
    first.say_goodbye();
    stage.session("ada");
}

#[test]
fn a_session_that_lost_its_client_gives_up_its_place_the_longest_lost_first() {
    let stage = with(|limits| limits.sessions_per_identity_max = 2);
    let (first, second) = (stage.session("ada"), stage.session("ada"));
    let bo = stage.session("bo");
    let first_member = first.enter("lab");
    let second_member = second.enter("lab");
    first.expect("member_joined");
    bo.enter("lab");
    second.drop_connection();
    stage.advance(secs(1));
    first.drop_connection();
    bo.drain();

    stage.session("ada");
    assert_eq!(bo.expect("member_left")["member"]["member"], second_member);
    stage.session("ada");
    assert_eq!(bo.expect("member_left")["member"]["member"], first_member);
    assert_eq!(stage.stats().sessions, 3);
}

#[test]
fn so_many_sessions_in_all_and_those_without_a_client_go_first() {
    let stage = with(|limits| limits.connections_max = 2);
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    bo.enter("lab");
    ada.expect("member_joined");
    bo.drop_connection();
    ada.expect("member_updated");
    stage.session("cy");
    assert_eq!(ada.expect("member_left")["reason"], "disconnected");
    assert_eq!(stage.stats().sessions, 2);
}

#[test]
fn so_many_sessions_of_one_network_and_no_more() {
    let stage = with(|limits| limits.sessions_per_network_max = 2);
    let network = |n| IpAddr::from([192, 0, 2, n]);
    let from = |n, name| {
        let client = stage.client(claims(name));
        client.locate(network(n));
        client
    };
    let (ada, bo) = (from(1, "ada"), from(1, "bo"));
    ada.hello();
    let welcome = bo.hello();
    let cy = from(1, "cy");
    cy.say(r#"{"type":"hello","v":1}"#);
    cy.expect_error("too_many_sessions");
    cy.expect_close(CloseReason::TooManyRefusals);
    from(2, "cy").hello();
    stage.session("somebody who is not counted");

    // Who has lost its client gives up its place there, and nobody of another network does.
    let dee = from(2, "dee");
    let dee_welcome = dee.hello();
    dee.drop_connection();
    stage.advance(secs(1));
    bo.drop_connection();
    from(1, "eve").hello();
    let bo = from(1, "bo");
    bo.say(&json!({"type": "hello", "v": 1, "resume": welcome["resume"]}).to_string());
    bo.expect_error("too_many_sessions");
    let resume = dee_welcome["resume"].clone();
    assert_eq!(from(2, "dee").hello_with(json!({"resume": resume}))["resumed"], true);
}

#[test]
fn nobody_goes_for_somebody_who_is_refused_all_the_same() {
    let stage = with(|limits| {
        limits.sessions_per_identity_max = 1;
        limits.sessions_per_network_max = 1;
    });
    let from = |n, name| {
        let client = stage.client(claims(name));
        client.locate(IpAddr::from([192, 0, 2, n]));
        client
    };
    let ada = from(1, "ada");
    let resume = ada.hello()["resume"].clone();
    ada.drop_connection();
    from(2, "bo").hello();
    let again = from(2, "ada");
    again.say(r#"{"type":"hello","v":1}"#);
    again.expect_error("too_many_sessions");
    assert_eq!(from(1, "ada").hello_with(json!({"resume": resume}))["resumed"], true);
}

#[test]
fn a_session_counts_where_its_client_was_last() {
    let stage = with(|limits| limits.sessions_per_network_max = 1);
    let from = |n, name| {
        let client = stage.client(claims(name));
        client.locate(IpAddr::from([192, 0, 2, n]));
        client
    };
    let ada = from(1, "ada");
    let welcome = ada.hello();
    ada.drop_connection();
    let ada = from(2, "ada");
    assert_eq!(ada.hello_with(json!({"resume": welcome["resume"]}))["resumed"], true);
    from(1, "bo").hello();
    let cy = from(2, "cy");
    cy.say(r#"{"type":"hello","v":1}"#);
    cy.expect_error("too_many_sessions");
    ada.say_goodbye();
    from(2, "cy").hello();
}
