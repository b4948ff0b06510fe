//! A room that is gone comes back with its members, as what it was.

use kopru_signal::{Claims, NewRoom, RoomKind, RoomName, Settings};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, secs};

/// A member of `lab`, as much of it as its client remembers.
struct Remembered {
    identity: &'static str,
    resume: Value,
    member: String,
}

impl Remembered {
    fn enter(stage: &Stage, identity: &'static str) -> (Client, Self) {
        let client = stage.client(claims(identity));
        let resume = client.hello()["resume"].clone();
        let member = client.enter("lab");
        (client, Self { identity, resume, member })
    }

    /// A new session that has the id of the former one.
    fn comes_back(&self, stage: &Stage) -> Client {
        let client = stage.client(claims(self.identity));
        let welcome = client.hello_with(json!({"resume": self.resume, "ack": 2}));
        assert_eq!(welcome["resumed"], false);
        client
    }

    fn asks(&self, client: &Client, mut fields: Value) {
        fields["type"] = json!("join");
        fields["room"] = json!("lab");
        fields["member"] = json!(self.member);
        client.send(fields);
    }

    fn rejoins(&self, client: &Client) -> Value {
        self.asks(client, json!({}));
        let joined = client.expect("joined");
        assert_eq!(joined["member"], json!(self.member));
        joined
    }
}

fn only_back_ends_make_rooms(settings: &mut Settings) {
    settings.create_rooms = false;
}

fn private_pair() -> NewRoom {
    NewRoom {
        room: RoomName::new("lab"),
        kind: Some(RoomKind::Pair),
        capacity: Some(2),
        relay_only: true,
        empty_s: 60,
    }
}

/// A server with a private pair, and two who were in it before it was started again.
fn restarted(change: impl FnOnce(&mut Settings)) -> (Stage, Remembered, Remembered) {
    let stage = Stage::with(change);
    stage.create_room(private_pair()).expect("a room");
    let [(_, ada), (_, bo)] = ["ada", "bo"].map(|name| Remembered::enter(&stage, name));
    stage.restart();
    (stage, ada, bo)
}

fn expect_private_pair(joined: &Value) {
    let told = (&joined["kind"], &joined["capacity"], &joined["ice_transport_policy"]);
    assert_eq!(told, (&json!("pair"), &json!(2), &json!("relay")));
}

#[test]
fn a_room_that_a_back_end_made_is_the_same_after_a_restart() {
    let (stage, ada, bo) = restarted(only_back_ends_make_rooms);
    // Who was not in it opens nothing.
    let cy = stage.session("cy");
    cy.join("lab");
    cy.expect_error("no_such_room");
    let [ada_again, bo_again] = [&ada, &bo].map(|one| one.comes_back(&stage));
    expect_private_pair(&ada.rejoins(&ada_again));
    expect_private_pair(&bo.rejoins(&bo_again));
    cy.join("lab");
    cy.expect_error("room_full");
    bo_again.send(json!({
        "type": "candidate", "room": "lab", "to": ada.member, "connection": "main",
        "candidate": {"candidate": "candidate:1 1 udp 2 192.0.2.10 52110 typ host"},
    }));
    bo_again.expect_error("relay_only");
}

#[test]
fn it_is_the_same_where_anybody_may_open_rooms() {
    let (stage, ada, bo) = restarted(|_| ());
    let again = ada.comes_back(&stage);
    ada.asks(&again, json!({"kind": "mesh"}));
    again.expect_error("other_room_kind");
    expect_private_pair(&ada.rejoins(&again));
    // Its ids say so over another restart.
    stage.restart();
    expect_private_pair(&bo.rejoins(&bo.comes_back(&stage)));
}

#[test]
fn a_room_that_somebody_else_has_opened_first_becomes_private_again() {
    let (stage, ada, _) = restarted(|_| ());
    let cy = stage.session("cy");
    let nat = json!({"mapping": "endpoint_independent"});
    cy.send(json!({"type": "join", "room": "lab", "nat": nat}));
    let joined = cy.expect("joined");
    assert_eq!(joined["ice_transport_policy"], Value::Null);
    let again = ada.comes_back(&stage);
    let seen = ada.rejoins(&again);
    assert_eq!((&seen["kind"], &seen["ice_transport_policy"]), (&json!("mesh"), &json!("relay")));
    assert_eq!(seen["members"][0]["nat"], Value::Null);
    // Cy is told before he hears of her.
    let told = cy.expect("joined");
    assert_eq!((&told["re"], &told["member"]), (&Value::Null, &joined["member"]));
    assert_eq!((&told["version"], &told["members"]), (&json!(1), &json!([])));
    assert_eq!(told["ice_transport_policy"], "relay");
    assert_eq!(cy.expect("member_joined")["version"], 2);
    cy.send(json!({"type": "update", "room": "lab", "nat": nat}));
    cy.expect("ok");
    assert_eq!(again.expect("member_updated")["member"]["nat"], Value::Null);
    assert!(stage.view_room("lab").expect("a room").relay_only);
}

#[test]
fn a_room_whose_members_were_all_away_for_too_long_comes_back_with_them() {
    let stage = Stage::with(only_back_ends_make_rooms);
    stage.create_room(private_pair()).expect("a room");
    let (client, ada) = Remembered::enter(&stage, "ada");
    client.drop_connection();
    stage.advance(secs(31));
    assert!(stage.view_room("lab").is_none());
    let again = ada.comes_back(&stage);
    expect_private_pair(&ada.rejoins(&again));
    // It ends with its last member, as any other.
    again.leave("lab");
    again.expect("ok");
    let bo = stage.session("bo");
    bo.join("lab");
    bo.expect_error("no_such_room");
}

#[test]
fn who_has_not_lost_its_session_opens_nothing_with_an_id_that_it_had() {
    let stage = Stage::with(only_back_ends_make_rooms);
    stage.create_room(private_pair()).expect("a room");
    let (client, ada) = Remembered::enter(&stage, "ada");
    client.leave("lab");
    client.expect("ok");
    ada.asks(&client, json!({}));
    client.expect_error("no_such_room");
}

#[test]
fn what_a_back_end_has_ended_does_not_come_back() {
    for is_still_there in [true, false] {
        let stage = Stage::with(only_back_ends_make_rooms);
        stage.create_room(private_pair()).expect("a room");
        let (client, ada) = Remembered::enter(&stage, "ada");
        client.drop_connection();
        if !is_still_there {
            stage.advance(secs(31));
        }
        assert_eq!(stage.close_room("lab"), is_still_there);
        stage.advance(secs(31));
        let again = ada.comes_back(&stage);
        ada.asks(&again, json!({}));
        again.expect_error("no_such_room");
        // Made again, it comes back with those who were in it.
        stage.create_room(NewRoom { relay_only: false, ..private_pair() }).expect("a room");
        assert_eq!(ada.rejoins(&again)["kind"], "pair");
    }
}

#[test]
fn an_id_proves_nothing_to_somebody_else() {
    let (stage, ada, bo) = restarted(only_back_ends_make_rooms);
    let again = bo.comes_back(&stage);
    again.send(json!({"type": "join", "room": "lab", "member": ada.member}));
    again.expect_error("no_such_room");
    let thief = stage.client(claims("eve"));
    thief.hello_with(json!({"resume": ada.resume, "ack": 2}));
    ada.asks(&thief, json!({}));
    thief.expect_error("no_such_room");
    // Where nobody has to show a token a client has its id on trust, and opens nothing by it.
    let anybody = stage.client(Claims::open());
    anybody.hello();
    ada.asks(&anybody, json!({}));
    anybody.expect_error("no_such_room");
}
