//! Rooms made beforehand, and who may open one by joining.

use kopru_signal::limits::EMPTY_S_MAX;
use kopru_signal::{Claims, NewRoom, NewRoomRefused, RoomKind, RoomName, RoomPattern};
use serde_json::json;

use crate::stage::{Stage, claims, secs};

fn lab() -> NewRoom {
    NewRoom { room: RoomName::new("lab"), empty_s: 60, ..NewRoom::default() }
}

#[test]
fn a_room_waits_for_its_first_member_and_ends_with_its_last() {
    let stage = Stage::new();
    let made = stage.create_room(NewRoom {
        kind: Some(RoomKind::Mesh),
        capacity: Some(1),
        relay_only: true,
        ..lab()
    });
    let made = made.expect("a room");
    assert_eq!((made.capacity, made.version, made.ends_in_s), (1, 0, Some(60)));
    stage.advance(secs(59));
    assert_eq!(stage.view_room("lab").expect("a room").ends_in_s, Some(1));
    let [ada, bo] = ["ada", "bo"].map(|name| stage.session(name));
    ada.join("lab");
    let joined = ada.expect("joined");
    assert_eq!(joined["capacity"], 1);
    assert_eq!(joined["ice_transport_policy"], "relay");
    bo.join("lab");
    bo.expect_error("room_full");
    // From now on it is a room like any other.
    stage.advance(secs(30));
    let view = stage.view_room("lab").expect("a room");
    assert_eq!((view.members[0].identity.as_str(), view.ends_in_s), ("ada", None));
    ada.leave("lab");
    assert!(stage.view_room("lab").is_none());
    bo.join("lab");
    assert_eq!(bo.expect("joined")["capacity"], 16);
}

#[test]
fn a_room_that_nobody_joins_ends_in_time() {
    let stage = Stage::new();
    stage.create_room(lab()).expect("a room");
    stage.advance(secs(59));
    assert!(stage.view_room("lab").is_some());
    stage.advance(secs(1));
    assert!(stage.view_room("lab").is_none());
    assert_eq!((stage.stats().rooms, stage.has_deadline()), (0, false));
    stage.create_room(lab()).expect("the name is free again");
}

#[test]
fn a_room_without_a_name_gets_one_that_is_no_other_s() {
    let stage = Stage::with(|settings| {
        settings.relay_only = vec![RoomPattern::new("consulting/*").expect("a pattern")];
    });
    let names: Vec<String> = (0..2)
        .map(|_| stage.create_room(NewRoom { room: None, ..lab() }).expect("a room").room)
        .collect();
    assert_ne!(names[0], names[1]);
    assert!(names.iter().all(|name| name.len() == 27 && name.starts_with("room_")), "{names:?}");
    let named = NewRoom { room: RoomName::new("consulting/7"), ..lab() };
    assert!(stage.create_room(named).expect("a room").relay_only);
}

#[test]
fn what_is_no_room_is_refused_and_changes_nothing() {
    let stage = Stage::with(|settings| settings.limits.waiting_rooms_max = 2);
    let pair = || NewRoom { kind: Some(RoomKind::Pair), ..lab() };
    for (new, refused) in [
        (NewRoom { capacity: Some(0), ..lab() }, NewRoomRefused::Capacity { max: 16 }),
        (NewRoom { capacity: Some(17), ..lab() }, NewRoomRefused::Capacity { max: 16 }),
        (NewRoom { capacity: Some(3), ..pair() }, NewRoomRefused::Capacity { max: 2 }),
        (NewRoom { empty_s: 0, ..lab() }, NewRoomRefused::EmptyS),
        (NewRoom { empty_s: EMPTY_S_MAX + 1, ..lab() }, NewRoomRefused::EmptyS),
    ] {
        assert_eq!(stage.create_room(new).unwrap_err(), refused);
    }
    assert_eq!((stage.stats().rooms, stage.has_deadline()), (0, false));
    stage.create_room(NewRoom { empty_s: EMPTY_S_MAX, ..pair() }).expect("a room");
    assert_eq!(stage.create_room(lab()).unwrap_err(), NewRoomRefused::Exists);
    stage.create_room(NewRoom { room: None, ..lab() }).expect("a room");
    let third = NewRoom { room: None, ..lab() };
    assert_eq!(stage.create_room(third.clone()).unwrap_err(), NewRoomRefused::Full);
    // Who joins makes room for another one that waits.
    stage.session("ada").enter("lab");
    stage.create_room(third).expect("a room");
}

#[test]
fn as_many_rooms_as_there_may_be_and_no_more() {
    let stage = Stage::with(|settings| settings.limits.rooms_max = 1);
    stage.create_room(lab()).expect("a room");
    let other = NewRoom { room: None, ..lab() };
    assert_eq!(stage.create_room(other).unwrap_err(), NewRoomRefused::Full);
    let ada = stage.session("ada");
    ada.join("hall");
    ada.expect_error("server_full");
    ada.enter("lab");
}

#[test]
fn who_may_not_open_rooms_waits_for_one() {
    let stage = Stage::with(|settings| settings.create_rooms = false);
    let ada = stage.session("ada");
    ada.join("lab");
    ada.expect_error("no_such_room");
    stage.create_room(lab()).expect("a room");
    ada.enter("lab");
    // Whoever may, by token, opens others, in which she is welcome.
    let bo = stage.client(Claims { create: Some(true), ..claims("bo") });
    bo.hello();
    bo.enter("hall");
    ada.enter("hall");
    ada.leave("lab");
    ada.drain();
    ada.join("lab");
    ada.expect_error("no_such_room");
}

#[test]
fn a_token_may_forbid_what_the_server_allows() {
    let stage = Stage::new();
    let ada = stage.client(Claims { create: Some(false), ..claims("ada") });
    ada.hello();
    ada.send(json!({"type": "join", "room": "lab", "kind": "pair"}));
    ada.expect_error("no_such_room");
    stage.session("bo").enter("lab");
    ada.enter("lab");
}
