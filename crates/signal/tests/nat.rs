//! What members tell of their NATs, and what each is told of the way to another.

use kopru_signal::{Claims, Relay, RoomPattern};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims};

fn home(last: u8) -> Value {
    let address = format!("192.0.2.{last}");
    json!({"mapping": "endpoint_independent", "sure": "likely", "address": address})
}

fn company(last: u8) -> Value {
    let address = format!("192.0.2.{last}");
    json!({"mapping": "address_and_port_dependent", "sure": "certain", "address": address})
}

/// Joins the room "lab", and tells.
fn enter_with(client: &Client, nat: &Value) -> Value {
    client.send(json!({"type": "join", "room": "lab", "nat": nat}));
    client.expect("joined")
}

fn tell(client: &Client, room: &str, nat: Value) -> String {
    client.send(json!({"type": "update", "room": room, "nat": nat}))
}

/// What two are told who have both found something out, for the examples of the document.
pub(crate) fn frames_of_nats() -> Vec<Value> {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    enter_with(&ada, &company(1));
    bo.enter("lab");
    tell(&bo, "lab", home(2));
    bo.drain().0
}

fn expect_updated(client: &Client) -> Value {
    client.expect("member_updated")["member"].clone()
}

#[test]
fn each_side_sees_the_mapping_of_the_other_and_the_same_prediction() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    enter_with(&ada, &company(1));
    let joined = enter_with(&bo, &company(2));
    let nat = json!({"mapping": "address_and_port_dependent", "sure": "certain"});
    let prediction = json!({"path": "relay", "sure": "certain"});
    for seen in [&joined["members"][0], &ada.expect("member_joined")["member"]] {
        assert_eq!((&seen["nat"], &seen["prediction"]), (&nat, &prediction), "{seen}");
        assert!(!seen.to_string().contains("192.0.2."), "the address is told to nobody");
    }
}

#[test]
fn what_is_found_out_after_the_join_is_told_to_both() {
    let stage = Stage::new();
    let (ada, bo, cy) = (stage.session("ada"), stage.session("bo"), stage.session("cy"));
    let ada_member = ada.enter("lab");
    let bo_member = bo.enter("lab");
    cy.enter("lab");
    ada.drain();
    bo.drain();

    let id = tell(&ada, "lab", home(1));
    assert_eq!(ada.expect_ok(&id)["version"], 4);
    for other in [&bo, &cy] {
        let seen = other.expect("member_updated");
        assert_eq!((&seen["version"], &seen["member"]["member"]), (&json!(4), &json!(ada_member)));
        assert_eq!(seen["member"]["nat"]["mapping"], "endpoint_independent");
        assert_eq!(seen["member"].get("prediction"), None, "of the other nothing is known");
    }

    let id = tell(&bo, "lab", json!({"udp": false}));
    let prediction = json!({"path": "relay", "sure": "likely"});
    let seen = expect_updated(&ada);
    assert_eq!(seen["nat"], json!({"mapping": "unknown", "udp": false}));
    assert_eq!((&seen["member"], &seen["prediction"]), (&json!(bo_member), &prediction));
    // How he sees her has changed too, though not she.
    let seen = bo.expect("member_updated");
    assert_eq!((&seen["version"], &seen["member"]["prediction"]), (&json!(5), &prediction));
    assert_eq!(seen["member"]["member"], ada_member);
    assert_eq!(bo.expect_ok(&id)["version"], 5);
    bo.expect_nothing();
}

#[test]
fn another_network_takes_the_place_of_the_former_and_null_takes_it_back() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    enter_with(&ada, &home(1));
    enter_with(&bo, &home(2));
    assert_eq!(ada.expect("member_joined")["member"]["prediction"]["path"], "direct");
    for (nat, path) in [(company(2), json!("relay")), (json!(null), json!(null))] {
        let id = tell(&bo, "lab", nat);
        assert_eq!(expect_updated(&ada)["prediction"]["path"], path);
        assert_eq!(expect_updated(&bo)["prediction"]["path"], path);
        bo.expect_ok(&id);
    }
}

#[test]
fn a_filter_that_a_native_client_tells_decides() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    enter_with(&ada, &company(1));
    let mut open = home(2);
    open["filtering"] = json!("endpoint_independent");
    enter_with(&bo, &open);
    let seen = ada.expect("member_joined")["member"].clone();
    assert_eq!(seen["nat"]["filtering"], "endpoint_independent");
    assert_eq!(seen["prediction"], json!({"path": "direct", "sure": "likely"}));
}

#[test]
fn two_behind_one_address_may_need_nobody() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    enter_with(&ada, &company(1));
    let mut same = company(1);
    same["address"] = json!("::ffff:192.0.2.1");
    for nat in [company(1), same] {
        enter_with(&bo, &nat);
        let seen = ada.expect("member_joined")["member"].clone();
        assert_eq!(seen["prediction"], json!({"path": "direct", "sure": "guess"}));
        bo.leave("lab");
        bo.expect("ok");
        ada.expect("member_left");
    }
}

#[test]
fn what_is_no_nat_is_refused() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    ada.enter("lab");
    for nat in [
        json!("open"),
        json!([]),
        json!({"mapping": "symmetric"}),
        json!({"filtering": 7}),
        json!({"sure": "very"}),
        json!({"address": "turn.test"}),
        json!({"udp": null}),
    ] {
        tell(&ada, "lab", nat);
        assert_eq!(ada.expect_error("bad_field")["field"], "nat");
    }
    let id = tell(&ada, "lab", json!({"hairpinning": true}));
    ada.expect_ok(&id);
}

#[test]
fn where_only_relays_are_used_nothing_of_it_is_kept() {
    let stage = Stage::with(|settings| {
        settings.relay_only = vec![RoomPattern::new("consulting/*").expect("a pattern")];
        settings.ice.nat_probe_urls = vec!["stun:turn.test:3478".into()];
    });
    let only = || Claims { relay: Relay::Only, ..claims("ada") };
    let ada = stage.client(only());
    assert_eq!(ada.hello().get("nat_probe"), None);
    let bo = stage.client(claims("bo"));
    assert_eq!(bo.hello()["nat_probe"], json!({"urls": ["stun:turn.test:3478"]}));

    // By token, and by room.
    enter_with(&ada, &home(1));
    let joined = enter_with(&bo, &home(2));
    expect_hidden(&joined["members"][0]);
    tell(&ada, "lab", home(1));
    expect_hidden(&expect_updated(&bo));
    let id = bo.send(json!({"type": "join", "room": "consulting/7", "nat": home(2)}));
    assert_eq!(bo.expect("joined")["re"], id);
    tell(&bo, "consulting/7", home(2));
    bo.expect("ok");
    ada.drain();
    ada.join("consulting/7");
    expect_hidden(&ada.expect("joined")["members"][0]);
}

#[test]
fn a_token_that_comes_later_hides_what_was_told() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    enter_with(&ada, &home(1));
    enter_with(&bo, &home(2));
    let joined = ada.expect("member_joined");
    let id = ada.refresh(Ok(Claims { relay: Relay::Only, ..claims("ada") }));
    let seen = bo.expect("member_updated");
    expect_hidden(&seen["member"]);
    assert_eq!(seen["version"], joined["version"], "she could not count it");
    assert_eq!(expect_updated(&ada).get("prediction"), None);
    ada.expect("ice_servers");
    ada.expect_ok(&id);
}

#[test]
fn a_session_that_comes_back_with_such_a_token_hides_it_too() {
    let stage = Stage::new();
    let ada = stage.client(claims("ada"));
    let welcome = ada.hello();
    let bo = stage.session("bo");
    enter_with(&ada, &home(1));
    enter_with(&bo, &home(2));
    ada.drop_connection();
    assert_eq!(expect_updated(&bo)["nat"]["mapping"], "endpoint_independent");
    let again = stage.client(Claims { relay: Relay::Only, ..claims("ada") });
    again.hello_with(json!({"resume": welcome["resume"]}));
    expect_hidden(&expect_updated(&bo));
    let back = expect_updated(&bo);
    assert_eq!((back.get("reconnecting"), back.get("nat")), (None, None));
}

fn expect_hidden(member: &Value) {
    assert_eq!((member.get("nat"), member.get("prediction")), (None, None), "{member}");
}
