//! One identity, twice in a room.

use kopru_signal::SameIdentity;
use serde_json::json;

use crate::stage::{Stage, claims, secs};

fn stage(policy: SameIdentity) -> Stage {
    Stage::with(|settings| settings.same_identity = policy)
}

#[test]
fn several_devices_are_several_members() {
    let stage = stage(SameIdentity::Several);
    let (phone, laptop) = (stage.session("ada"), stage.session("ada"));
    phone.enter("lab");
    laptop.enter("lab");
    phone.expect("member_joined");
    phone.expect_nothing();
}

#[test]
fn who_comes_takes_the_place_of_who_is_there() {
    let stage = stage(SameIdentity::Replace);
    let (phone, laptop, bo) = (stage.session("ada"), stage.session("ada"), stage.session("bo"));
    bo.enter("lab");
    let former = phone.enter("lab");
    phone.enter("hall");
    bo.expect("member_joined");
    let own = laptop.enter("lab");
    assert_ne!(own, former);
    let left = phone.expect("left");
    assert_eq!((&left["member"], &left["reason"]), (&json!(former), &json!("replaced")));
    assert_eq!(bo.expect("member_left")["reason"], "replaced");
    assert_eq!(bo.expect("member_joined")["member"]["member"], own);
    // Its session and its other rooms go on.
    phone.send(json!({"type": "message", "room": "hall", "data": 1}));
    phone.expect("ok");
    phone.send(json!({"type": "message", "room": "lab", "data": 1}));
    phone.expect_error("not_in_room");
    laptop.expect_nothing();
}

#[test]
fn a_full_room_has_a_place_for_who_replaces_somebody() {
    let stage = Stage::with(|settings| {
        settings.same_identity = SameIdentity::Replace;
        settings.limits.members_per_room_max = 1;
        settings.limits.rooms_max = 1;
    });
    let (phone, laptop) = (stage.session("ada"), stage.session("ada"));
    phone.enter("lab");
    laptop.enter("lab");
    phone.expect("left");
    assert_eq!(stage.stats().members, 1);
}

#[test]
fn who_comes_second_is_refused_while_the_first_is_there() {
    let stage = stage(SameIdentity::Reject);
    let (tab, duplicate) = (stage.session("ada"), stage.session("ada"));
    tab.enter("lab");
    duplicate.join("lab");
    duplicate.expect_error("identity_in_room");
    duplicate.enter("hall");
    tab.expect_nothing();
    tab.leave("lab");
    tab.expect("ok");
    duplicate.enter("lab");
}

#[test]
fn who_lost_its_connection_locks_nobody_out() {
    let stage = stage(SameIdentity::Reject);
    let tab = stage.client(claims("ada"));
    let welcome = tab.hello();
    let former = tab.enter("lab");
    tab.drop_connection();
    let reloaded = stage.session("ada");
    reloaded.enter("lab");
    assert_eq!(stage.stats().members, 1);
    // If the former one comes back after all, it is told, and does not take the place again.
    stage.advance(secs(10));
    let again = stage.client(claims("ada"));
    again.hello_with(json!({"resume": welcome["resume"], "ack": 2}));
    let left = again.expect("left");
    assert_eq!((&left["member"], &left["reason"]), (&json!(former), &json!("replaced")));
    again.expect_nothing();
    reloaded.expect_nothing();
}

#[test]
fn who_comes_back_is_not_asked() {
    let stage = stage(SameIdentity::Reject);
    let tab = stage.client(claims("ada"));
    let welcome = tab.hello();
    tab.enter("lab");
    tab.drop_connection();
    let again = stage.client(claims("ada"));
    assert_eq!(again.hello_with(json!({"resume": welcome["resume"], "ack": 2}))["resumed"], true);
    let duplicate = stage.session("ada");
    duplicate.join("lab");
    duplicate.expect_error("identity_in_room");
    again.expect_nothing();
}

#[test]
fn somebody_else_is_never_in_the_way() {
    for policy in [SameIdentity::Replace, SameIdentity::Reject] {
        let stage = stage(policy);
        let (ada, bo) = (stage.session("ada"), stage.session("bo"));
        ada.enter("lab");
        bo.enter("lab");
        assert_eq!(stage.stats().members, 2);
    }
}
