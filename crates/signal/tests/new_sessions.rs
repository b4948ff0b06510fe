//! How fast sessions are begun: of one identity, of one network, and who is not concerned.

use std::net::IpAddr;
use std::time::Duration;

use kopru_signal::{CloseReason, Limits, Rate};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, secs};

fn with(change: impl FnOnce(&mut Limits)) -> Stage {
    Stage::with(|settings| change(&mut settings.limits))
}

/// What a `hello` is refused with that comes too soon.
#[track_caller]
fn refused(client: &Client) -> Value {
    client.say(r#"{"type":"hello","v":1}"#);
    let error = client.expect_error("too_many_new_sessions");
    client.expect_close(CloseReason::TooManyRefusals);
    error["retry_after_s"].clone()
}

#[test]
fn an_identity_begins_so_many_sessions_at_once_and_then_one_a_second() {
    let stage = with(|limits| limits.sessions_per_identity_max = 1);
    let bo = stage.session("bo");
    bo.enter("lab");
    for _ in 0..60 {
        let ada = stage.session("ada");
        ada.enter("lab");
        ada.say_goodbye();
        bo.expect("member_joined");
        bo.expect("member_left");
    }
    assert_eq!(refused(&stage.client(claims("ada"))), 2);
    bo.expect_nothing();
    stage.session("cy");
    stage.advance(Duration::from_millis(999));
    assert_eq!(refused(&stage.client(claims("ada"))), 1);
    stage.advance(Duration::from_millis(1));
    let ada = stage.session("ada");
    ada.say_goodbye();
    assert_eq!(refused(&stage.client(claims("ada"))), 2);
    let stats = stage.stats();
    assert_eq!(stats.refused["too_many_new_sessions"], 3);
    assert_eq!(stats.closed["too_many_refusals"], 3);
}

#[test]
fn to_take_up_a_session_is_to_begin_none() {
    let stage = with(|limits| limits.identity_sessions = Rate { per_second: 1, burst: 1 });
    let ada = stage.client(claims("ada"));
    let mut resume = ada.hello()["resume"].clone();
    ada.drop_connection();
    for _ in 0..10 {
        let again = stage.client(claims("ada"));
        let welcome = again.hello_with(json!({ "resume": resume }));
        assert_eq!(welcome["resumed"], true);
        resume = welcome["resume"].clone();
        again.drop_connection();
    }
    refused(&stage.client(claims("ada")));
}

#[test]
fn a_network_begins_so_many_and_not_all_are_to_come_back_together() {
    let stage = with(|limits| limits.network_sessions = Rate { per_second: 10, burst: 3 });
    let from = |n, name: &str| {
        let client = stage.client(claims(name));
        client.locate(IpAddr::from([192, 0, 2, n]));
        client
    };
    for name in ["ada", "bo", "cy"] {
        from(1, name).hello();
    }
    let told: Vec<_> = (0..3).map(|n| refused(&from(1, &format!("late {n}")))).collect();
    assert_eq!(told, [10, 11, 12]);
    from(2, "late 0").hello();
    stage.session("somebody who is not counted");
    stage.advance(Duration::from_millis(100));
    from(1, "late 0").hello();
    refused(&from(1, "late 1"));
    stage.advance(secs(1));
    for n in 1..4 {
        from(1, &format!("late {n}")).hello();
    }
}

#[test]
fn nobody_goes_and_nothing_is_counted_for_a_session_that_comes_too_soon() {
    let stage = with(|limits| {
        limits.sessions_per_identity_max = 1;
        limits.identity_sessions = Rate { per_second: 1, burst: 1 };
    });
    let ada = stage.client(claims("ada"));
    let resume = ada.hello()["resume"].clone();
    ada.drop_connection();
    for _ in 0..5 {
        refused(&stage.client(claims("ada")));
    }
    let again = stage.client(claims("ada"));
    assert_eq!(again.hello_with(json!({ "resume": resume }))["resumed"], true);
    stage.advance(secs(1));
    again.drop_connection();
    stage.session("ada");
}
