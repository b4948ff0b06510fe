//! Who takes the place of another session of the same identity: the room stays what it is, and a
//! `join` that is refused costs nobody a place.

use kopru_signal::{NewRoom, RoomKind, RoomName, SameIdentity};
use serde_json::{Value, json};

use crate::stage::{Stage, claims, secs, text};

const CANDIDATE_OF_A_HOST: &str = "candidate:1 1 udp 2122260223 192.0.2.10 52110 typ host";

/// A server on which only a back end makes rooms: `lab`, for two who must not see each other's
/// addresses.
fn with_a_private_lab(policy: SameIdentity) -> Stage {
    let stage = Stage::with(|settings| {
        settings.same_identity = policy;
        settings.create_rooms = false;
    });
    let lab = NewRoom {
        room: RoomName::new("lab"),
        kind: Some(RoomKind::Pair),
        capacity: Some(if policy == SameIdentity::Several { 1 } else { 2 }),
        relay_only: true,
        empty_s: 60,
    };
    stage.create_room(lab).expect("a room");
    stage
}

/// The room is still what the back end made.
fn expect_private(stage: &Stage, joined: &Value) {
    assert_eq!(
        (&joined["kind"], &joined["ice_transport_policy"]),
        (&json!("pair"), &json!("relay"))
    );
    let view = stage.view_room("lab").expect("a room");
    assert_eq!((view.kind, view.relay_only, view.members.len()), (RoomKind::Pair, true, 1));
    assert_eq!((stage.stats().rooms, stage.stats().members), (1, 1));
}

#[test]
fn the_only_member_is_replaced_and_the_room_stays_what_it_is() {
    let stage = with_a_private_lab(SameIdentity::Replace);
    let (phone, laptop, bo) = (stage.session("ada"), stage.session("ada"), stage.session("bo"));
    phone.enter("lab");
    laptop.join("lab");
    let joined = laptop.expect("joined");
    assert_eq!(phone.expect("left")["reason"], "replaced");
    expect_private(&stage, &joined);
    // So nobody's address reaches her.
    bo.enter("lab");
    bo.send(json!({
        "type": "candidate", "room": "lab", "to": joined["member"], "connection": "main",
        "candidate": {"candidate": CANDIDATE_OF_A_HOST, "sdpMid": "0"},
    }));
    bo.expect_error("relay_only");
    laptop.expect("member_joined");
    laptop.expect_nothing();
}

#[test]
fn the_only_member_is_away_and_the_room_stays_what_it_is() {
    for policy in [SameIdentity::Several, SameIdentity::Replace, SameIdentity::Reject] {
        let stage = with_a_private_lab(policy);
        let tab = stage.session("ada");
        tab.enter("lab");
        tab.drop_connection();
        let reloaded = stage.session("ada");
        reloaded.join("lab");
        let joined = reloaded.expect("joined");
        assert_eq!(joined["version"], 3, "{policy:?}");
        expect_private(&stage, &joined);
        // The room ends with its last member, as any other, and its place is free.
        reloaded.leave("lab");
        reloaded.expect("ok");
        assert_eq!((stage.stats().rooms, stage.stats().members), (0, 0));
        let again = NewRoom { room: RoomName::new("lab"), empty_s: 60, ..NewRoom::default() };
        stage.create_room(again).expect("the name is free");
    }
}

#[test]
fn who_replaces_somebody_needs_no_place_on_the_server() {
    let stage = Stage::with(|settings| {
        settings.same_identity = SameIdentity::Replace;
        settings.limits.members_max = 2;
    });
    let (phone, laptop, bo) = (stage.session("ada"), stage.session("ada"), stage.session("bo"));
    phone.enter("lab");
    bo.enter("hall");
    laptop.enter("lab");
    phone.expect("left");
    laptop.join("hall");
    laptop.expect_error("server_full");
    assert_eq!((stage.stats().rooms, stage.stats().members), (2, 2));
}

#[test]
fn a_join_that_is_refused_costs_nobody_a_place() {
    let stage = Stage::with(|settings| settings.same_identity = SameIdentity::Replace);
    let (phone, laptop, bo) = (stage.session("ada"), stage.session("ada"), stage.session("bo"));
    bo.enter("lab");
    phone.enter("lab");
    bo.expect("member_joined");
    laptop.send(json!({"type": "join", "room": "lab", "kind": "pair"}));
    laptop.expect_error("other_room_kind");
    phone.expect_nothing();
    bo.expect_nothing();
    assert_eq!(stage.view_room("lab").expect("a room").version, 2);
}

#[test]
fn who_is_away_yields_where_there_is_no_other_place() {
    let stage = Stage::new();
    let (tab, bo) = (stage.client(claims("ada")), stage.session("bo"));
    let resume = tab.hello()["resume"].clone();
    tab.send(json!({"type": "join", "room": "door", "kind": "pair"}));
    let former = text(&tab.expect("joined")["member"]);
    bo.enter("door");
    tab.drop_connection();
    bo.expect("member_updated");
    // It is for her alone.
    let cy = stage.session("cy");
    cy.join("door");
    cy.expect_error("room_full");
    let reloaded = stage.session("ada");
    reloaded.enter("door");
    assert_eq!(bo.expect("member_left")["reason"], "replaced");
    bo.expect("member_joined");
    // The former one is told when it is back, and takes nothing.
    let again = stage.client(claims("ada"));
    again.hello_with(json!({"resume": resume, "ack": 3}));
    let left = again.expect("left");
    assert_eq!((&left["member"], &left["reason"]), (&json!(former), &json!("replaced")));
    again.join("door");
    again.expect_error("room_full");
    reloaded.expect_nothing();
}

#[test]
fn who_owes_a_sign_of_life_yields_and_who_gives_one_does_not() {
    for policy in [SameIdentity::Several, SameIdentity::Reject] {
        let stage = Stage::with(|settings| settings.same_identity = policy);
        let refusal = match policy {
            SameIdentity::Reject => "identity_in_room",
            _ => "room_full",
        };
        let (tab, bo) = (stage.session("ada"), stage.session("bo"));
        tab.send(json!({"type": "join", "room": "door", "kind": "pair"}));
        tab.expect("joined");
        bo.enter("door");
        tab.expect("member_joined");
        // Nobody has noticed that its line is dead.
        stage.advance(secs(25));
        let reloaded = stage.session("ada");
        reloaded.join("door");
        reloaded.expect_error(refusal);
        tab.send(json!({"type": "ping"}));
        tab.expect("pong");
        stage.advance(secs(25));
        reloaded.join("door");
        reloaded.expect_error(refusal);
        tab.expect_nothing();
        stage.advance(secs(1));
        reloaded.enter("door");
        assert_eq!(tab.expect("left")["reason"], "replaced", "{policy:?}");
        assert_eq!(bo.expect("member_left")["reason"], "replaced");
    }
}

#[test]
fn where_there_is_a_place_nobody_yields() {
    let stage = Stage::new();
    let tab = stage.session("ada");
    tab.enter("lab");
    tab.drop_connection();
    stage.session("ada").enter("lab");
    assert_eq!(stage.stats().members, 2);
}

#[test]
fn of_several_the_one_that_is_lost_yields_before_the_one_that_is_silent() {
    let stage = Stage::new();
    let tabs = ["ada", "ada"].map(|name| stage.session(name));
    for tab in &tabs {
        tab.send(json!({"type": "join", "room": "door", "kind": "pair"}));
        tab.expect("joined");
    }
    let [silent, lost] = tabs;
    silent.expect("member_joined");
    stage.advance(secs(26));
    lost.send(json!({"type": "ping"}));
    lost.drop_connection();
    silent.expect("member_updated");
    let third = stage.session("ada");
    third.enter("door");
    assert_eq!(silent.expect("member_left")["reason"], "replaced");
    silent.expect("member_joined");
    let fourth = stage.session("ada");
    fourth.enter("door");
    assert_eq!(silent.expect("left")["reason"], "replaced");
    // Those who are there keep their places.
    let fifth = stage.session("ada");
    fifth.join("door");
    fifth.expect_error("room_full");
}
