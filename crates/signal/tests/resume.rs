//! A session outlives its connection, and what a client that comes back finds.

use kopru_signal::{Claims, CloseReason, Rejection};
use serde_json::{Value, json};

use crate::stage::{Client, START_UNIX, Stage, claims, claims_for, secs, text};

/// A session of `claims` in `lab`, and its welcome.
fn in_the_lab(stage: &Stage, claims: Claims) -> (Client, Value) {
    let client = stage.client(claims);
    let welcome = client.hello();
    client.enter("lab");
    (client, welcome)
}

/// `ada` with her welcome and `bo`, in `lab`; what they have read is `seq` 3 and 2.
fn ada_and_bo(stage: &Stage) -> ((Client, Value), Client) {
    let (ada, welcome) = in_the_lab(stage, claims("ada"));
    let bo = stage.session("bo");
    bo.enter("lab");
    ada.expect("member_joined");
    ((ada, welcome), bo)
}

fn say(from: &Client, data: Value) {
    let id = from.send(json!({"type": "message", "room": "lab", "data": data}));
    from.expect_ok(&id);
}

fn come_back(stage: &Stage, identity: &str, resume: &Value, ack: u64) -> (Client, Value) {
    let client = stage.client(claims(identity));
    let welcome = client.hello_with(json!({"resume": resume, "ack": ack}));
    (client, welcome)
}

fn resumed(welcome: &Value) -> (bool, bool) {
    let flag = |name: &str| welcome[name].as_bool().expect("a boolean");
    (flag("resumed"), flag("complete"))
}

#[test]
fn who_comes_back_in_time_has_missed_nothing() {
    let stage = Stage::new();
    let ((ada, welcome), bo) = ada_and_bo(&stage);
    say(&bo, json!("on the way"));
    ada.drop_connection(); // and with it what was on the way
    assert_eq!(bo.expect("member_updated")["member"]["reconnecting"], true);
    say(&bo, json!("while away"));
    stage.advance(secs(29));

    let (ada, again) = come_back(&stage, "ada", &welcome["resume"], 3);
    assert_eq!(resumed(&again), (true, true));
    assert_eq!((&again["session"], &again["seq"]), (&welcome["session"], &json!(3)));
    assert_ne!(again["resume"], welcome["resume"]);
    assert_eq!(ada.expect("message")["data"], "on the way");
    let back = bo.expect("member_updated");
    assert_eq!((&back["member"]["reconnecting"], &back["version"]), (&json!(null), &json!(2)));
    let late = ada.expect("message");
    assert_eq!((&late["data"], &late["seq"]), (&json!("while away"), &json!(5)));
    ada.expect_nothing();
    say(&ada, json!("here I am"));
    bo.expect("message");
    stage.advance(secs(31));
    bo.expect_nothing();
    assert_eq!(stage.stats().resumed, 1);
}

#[test]
fn who_comes_back_later_begins_anew_under_the_former_ids() {
    let stage = Stage::new();
    let ((ada, welcome), bo) = ada_and_bo(&stage);
    ada.drop_connection();
    let member = text(&bo.expect("member_updated")["member"]["member"]);
    stage.advance(secs(30));
    assert_eq!(bo.expect("member_left")["reason"], "disconnected");

    let (ada, again) = come_back(&stage, "ada", &welcome["resume"], 3);
    assert_eq!((resumed(&again), &again["seq"]), ((false, false), &json!(1)));
    assert_eq!(again["session"], welcome["session"]);
    ada.send(json!({"type": "join", "room": "lab", "member": member}));
    assert_eq!(ada.expect("joined")["member"], member);
    assert_eq!(bo.expect("member_joined")["member"]["member"], member);
}

#[test]
fn after_a_restart_everybody_gets_their_member_id_back_and_nobody_elses() {
    let stage = Stage::new();
    let (ada, bo) = (stage.client(claims("ada")), stage.session("bo"));
    let welcome = ada.hello();
    let (ada_member, bo_member) = (ada.enter("lab"), bo.enter("lab"));
    stage.restart();

    let (ada, again) = come_back(&stage, "ada", &welcome["resume"], 3);
    assert_eq!(resumed(&again), (false, false));
    ada.send(json!({"type": "join", "room": "lab", "member": ada_member}));
    assert_eq!(ada.expect("joined")["member"], ada_member);
    let eve = stage.session("eve");
    eve.send(json!({"type": "join", "room": "lab", "member": bo_member}));
    assert_ne!(eve.expect("joined")["member"], bo_member);
    // In another room it is another one, and two of one id there are not.
    ada.send(json!({"type": "join", "room": "hall", "member": ada_member}));
    ada.expect("member_joined");
    assert_ne!(ada.expect("joined")["member"], ada_member);
    // An id drawn after the restart is none that was drawn before.
    assert_ne!(text(&stage.client(claims("ada")).hello()["session"]), welcome["session"]);
}

#[test]
fn a_session_that_is_taken_up_before_its_loss_is_noticed_closes_the_former_connection() {
    let stage = Stage::new();
    let ((former, welcome), bo) = ada_and_bo(&stage);
    let (ada, again) = come_back(&stage, "ada", &welcome["resume"], 3);
    assert_eq!(resumed(&again), (true, true));
    former.expect_close(CloseReason::Replaced);
    // Nobody has to know, and the loss of the former connection means nothing any more.
    former.drop_connection();
    bo.expect_nothing();
    say(&bo, json!("hi"));
    ada.expect("message");
    assert_eq!((stage.stats().connections, stage.stats().sessions), (2, 2));
}

#[test]
fn what_was_acknowledged_is_not_sent_again() {
    let stage = Stage::new();
    let ((ada, welcome), bo) = ada_and_bo(&stage);
    say(&bo, json!("read")); // 4
    say(&bo, json!("not read")); // 5
    ada.expect("message");
    ada.send(json!({"type": "ping", "ack": 4})); // its pong is 6
    ada.drop_connection();
    // Without an `ack` the highest one of before counts.
    let ada = stage.client(claims("ada"));
    let again = ada.hello_with(json!({"resume": welcome["resume"]}));
    assert_eq!((resumed(&again), &again["seq"]), ((true, true), &json!(4)));
    assert_eq!(ada.expect("message")["data"], "not read");
    ada.expect("pong");
    ada.expect_nothing();
}

#[test]
fn who_missed_too_much_is_told_and_shown_the_room_as_it_is() {
    for few in [
        (|settings| settings.limits.replay_frames_max = 3) as fn(&mut kopru_signal::Settings),
        |settings| settings.limits.replay_bytes_max = 320,
    ] {
        let stage = Stage::with(few);
        let ((ada, welcome), bo) = ada_and_bo(&stage);
        ada.drop_connection();
        bo.expect("member_updated");
        (0..9).for_each(|n| say(&bo, json!(n)));
        bo.send(json!({"type": "update", "room": "lab", "name": "Bo"}));

        let (ada, again) = come_back(&stage, "ada", &welcome["resume"], 3);
        assert_eq!(resumed(&again), (true, false));
        let joined = ada.expect("joined");
        assert_eq!((&again["seq"], &joined["seq"]), (&json!(13), &json!(14)));
        assert_eq!(joined["re"], json!(null));
        assert_eq!((&joined["members"][0]["name"], &joined["version"]), (&json!("Bo"), &json!(3)));
        ada.expect_nothing();
        assert_eq!(stage.stats().resumed_with_loss, 1);
    }
}

#[test]
fn a_message_that_was_not_answered_is_sent_again_and_done_once() {
    let stage = Stage::new();
    let ((ada, welcome), bo) = ada_and_bo(&stage);
    let message = json!({"type": "message", "room": "lab", "data": 1});
    let id = ada.send(message.clone()); // its answer is lost
    ada.drop_connection();
    bo.expect("message");
    bo.expect("member_updated");

    let (ada, _) = come_back(&stage, "ada", &welcome["resume"], 3);
    ada.expect_ok(&id);
    let mut again = message;
    again["id"] = json!(id);
    ada.say(&again.to_string());
    ada.expect_ok(&id);
    bo.expect("member_updated");
    bo.expect_nothing();
}

#[test]
fn the_token_before_is_good_until_the_new_one_is_used() {
    let stage = Stage::new();
    let (_, first) = in_the_lab(&stage, claims("ada"));
    // The welcome of this one never arrived.
    let (_, second) = come_back(&stage, "ada", &first["resume"], 2);
    let (_, third) = come_back(&stage, "ada", &first["resume"], 2);
    assert_eq!(resumed(&third), (true, true));
    let (_, fourth) = come_back(&stage, "ada", &third["resume"], 2);
    assert_eq!(resumed(&fourth), (true, true));
    let (_, fifth) = come_back(&stage, "ada", &fourth["resume"], 2);
    assert_eq!(resumed(&fifth), (true, true));
    // The one whose welcome was lost is the one that came with the next.
    assert_eq!(second["resume"], third["resume"]);
    for old in [&first, &third] {
        let (_, other) = come_back(&stage, "ada", &old["resume"], 2);
        assert_eq!(resumed(&other), (false, false));
        assert_ne!(other["session"], first["session"]);
    }
}

#[test]
fn nobody_takes_up_the_session_of_another_identity() {
    let stage = Stage::new();
    let (ada, welcome) = in_the_lab(&stage, claims("ada"));
    for thief in [claims("eve"), Claims::open()] {
        let thief = stage.client(thief);
        let stolen = thief.hello_with(json!({"resume": welcome["resume"]}));
        assert_ne!(stolen["identity"], "ada");
        assert_eq!(resumed(&stolen), (false, false));
        assert_ne!(stolen["session"], welcome["session"]);
    }
    let forger = stage.client(claims("ada"));
    forger.admit(Err(Rejection::Unauthorized));
    forger.say(&json!({"type": "hello", "v": 1, "resume": welcome["resume"]}).to_string());
    forger.expect_error("unauthorized");
    ada.expect_nothing();
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
        format!("r_{}.1.", &session[2..]),
        format!("r_{}.1.{proof}", &session[2..]),
        resume.replace(".1.", ".2."),
        resume.to_uppercase(),
        String::new(),
    ] {
        let welcome = stage.client(Claims::open()).hello_with(json!({"resume": forged}));
        assert_eq!(resumed(&welcome), (false, false), "{forged}");
    }
    ada.expect_nothing();
}

#[test]
fn without_tokens_the_secret_keeps_the_identity_also_over_a_restart() {
    let stage = Stage::new();
    let (former, welcome) = in_the_lab(&stage, Claims::open());
    let again = stage.client(Claims::open()).hello_with(json!({"resume": welcome["resume"]}));
    assert_eq!(again["identity"], welcome["identity"]);
    former.expect_close(CloseReason::Replaced);

    stage.restart();
    let ada = stage.client(Claims::open());
    let anew = ada.hello_with(json!({"resume": again["resume"]}));
    assert_eq!((resumed(&anew), &anew["identity"]), ((false, false), &welcome["identity"]));
}

#[test]
fn without_tokens_a_member_id_is_whose_who_comes_first() {
    let stage = Stage::new();
    let (ada, _) = in_the_lab(&stage, Claims::open());
    let bo = stage.client(Claims::open());
    bo.hello();
    bo.join("lab");
    let member = text(&bo.expect("joined")["members"][0]["member"]);
    ada.say_goodbye();
    let (late, later) = (stage.client(Claims::open()), stage.client(Claims::open()));
    for (client, gets_it) in [(&late, true), (&later, false)] {
        client.hello();
        client.send(json!({"type": "join", "room": "lab", "member": member}));
        assert_eq!(client.expect("joined")["member"] == member, gets_it);
    }
    for strange in ["", "m_", "m_x", "anything"] {
        let client = stage.client(Claims::open());
        client.hello();
        client.send(json!({"type": "join", "room": "hall", "member": strange}));
        assert_ne!(client.expect("joined")["member"], strange);
    }
}

#[test]
fn what_runs_goes_on_without_a_token_and_a_fresh_one_takes_its_place() {
    let stage = Stage::new();
    let soon = Claims { expires_unix: Some(START_UNIX + 60), ..claims_for("ada", &["lab"]) };
    let (_, welcome) = in_the_lab(&stage, soon);
    stage.advance(secs(60));

    let with_none = stage.stranger();
    let welcome = with_none.hello_with(json!({"resume": welcome["resume"]}));
    assert_eq!(resumed(&welcome), (true, true));
    let with_an_old_one = stage.stranger();
    with_an_old_one.admit(Err(Rejection::TokenExpired));
    let welcome = with_an_old_one.hello_with(json!({"resume": welcome["resume"]}));
    assert_eq!(resumed(&welcome), (true, true));
    with_an_old_one.join("hall");
    with_an_old_one.expect("joined"); // sent before, and not acknowledged
    with_an_old_one.expect_error("room_not_allowed");

    let with_a_fresh_one = stage.client(claims("ada"));
    let welcome = with_a_fresh_one.hello_with(json!({"resume": welcome["resume"], "ack": 3}));
    assert_eq!(resumed(&welcome), (true, true));
    with_a_fresh_one.enter("hall");
}

#[test]
fn a_session_that_is_over_needs_a_token_again() {
    let stage = Stage::new();
    let (ada, welcome) = in_the_lab(&stage, claims("ada"));
    ada.drop_connection();
    stage.advance(secs(30));
    let stranger = stage.stranger();
    stranger.say(&json!({"type": "hello", "v": 1, "resume": welcome["resume"]}).to_string());
    stranger.expect_error("unauthorized");
    stranger.expect_close(CloseReason::Unauthorized);
}

#[test]
fn an_acknowledgement_that_cannot_be_is_refused_and_the_session_stays() {
    let stage = Stage::new();
    let (ada, welcome) = in_the_lab(&stage, claims("ada"));
    let hasty = stage.client(claims("ada"));
    let hello = json!({"type": "hello", "v": 1, "resume": welcome["resume"], "ack": 3});
    hasty.say(&hello.to_string());
    hasty.expect_error("bad_ack");
    ada.expect_nothing();
    hasty.hello_with(json!({"resume": welcome["resume"], "ack": 2}));
    ada.expect_close(CloseReason::Replaced);
}

#[test]
fn coming_back_needs_no_place_beside_the_session_it_takes_up() {
    let stage = Stage::with(|settings| settings.limits.sessions_per_identity_max = 1);
    let (_, welcome) = in_the_lab(&stage, claims("ada"));
    come_back(&stage, "ada", &welcome["resume"], 2);
}

#[test]
fn whoever_is_refused_too_often_has_no_session_to_come_back_to() {
    let stage = Stage::with(|settings| settings.limits.refusals.burst = 2);
    let ((ada, welcome), bo) = ada_and_bo(&stage);
    (0..3).for_each(|_| ada.say("{"));
    assert_eq!(ada.drain().1, Some(CloseReason::TooManyRefusals));
    assert_eq!(bo.expect("member_left")["reason"], "disconnected");
    let (_, again) = come_back(&stage, "ada", &welcome["resume"], 3);
    assert_eq!(resumed(&again), (false, false));
}
