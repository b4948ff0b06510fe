//! Who is polite and who offers.

use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims};

fn greeted(stage: &Stage, subject: &str, capabilities: Value) -> Client {
    let client = stage.client(claims(subject));
    client.hello_with(json!({"capabilities": capabilities}));
    client
}

/// How `first` and `second`, who came in this order, see each other.
fn parts(first: &Client, second: &Client) -> [(bool, bool); 2] {
    first.join("lab");
    first.expect("joined");
    second.join("lab");
    let seen_by_second = second.expect("joined")["members"][0].take();
    let seen_by_first = first.expect("member_joined")["member"].take();
    second.leave("lab");
    second.expect("ok");
    first.expect("member_left");
    first.leave("lab");
    first.expect("ok");
    [part(&seen_by_first), part(&seen_by_second)]
}

/// Polite, and offers.
fn part(seen: &Value) -> (bool, bool) {
    assert_ne!(seen.get("offers"), Some(&json!(true)), "only said where it is false");
    (seen["polite"].as_bool().expect("polite"), seen.get("offers").is_none())
}

#[test]
fn who_can_take_back_its_offer_gives_way_to_who_cannot() {
    let stage = Stage::new();
    let yes = json!({"rollback": true});
    for (subject, no) in [
        // Whatever the identities say, and however "no" is said.
        ("aaa", json!({"rollback": false})),
        ("zzz", json!({"rollback": false})),
        ("zzz", json!({})),
        ("zzz", json!({"trickle": true})),
    ] {
        let able = greeted(&stage, "mmm", yes.clone());
        let unable = greeted(&stage, subject, no);
        assert_eq!(parts(&able, &unable), [(true, true), (false, true)]);
        assert_eq!(parts(&unable, &able), [(false, true), (true, true)]);
    }
    let silent = stage.client(claims("aaa"));
    silent.hello_with(json!({}));
    let able = greeted(&stage, "mmm", yes);
    assert_eq!(parts(&silent, &able), [(false, true), (true, true)]);
}

#[test]
fn else_the_smaller_identity_gives_way_whoever_came_first() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    assert_eq!(parts(&ada, &bo), [(true, true), (false, true)]);
    assert_eq!(parts(&bo, &ada), [(false, true), (true, true)]);
}

#[test]
fn where_nobody_can_give_way_one_alone_offers() {
    let stage = Stage::new();
    let ada = greeted(&stage, "ada", json!({}));
    let bo = greeted(&stage, "bo", json!({}));
    assert_eq!(parts(&ada, &bo), [(true, false), (false, true)]);
    assert_eq!(parts(&bo, &ada), [(false, true), (true, false)]);
}

#[test]
fn two_devices_of_one_identity_differ_by_their_member_ids() {
    let stage = Stage::new();
    let (laptop, phone) = (stage.session("ada"), stage.session("ada"));
    let laptop_member = laptop.enter("lab");
    phone.join("lab");
    let joined = phone.expect("joined");
    let phone_member = joined["member"].as_str().expect("a member");
    let phone_is_polite = joined["members"][0]["polite"] == true;
    let laptop_is_polite = laptop.expect("member_joined")["member"]["polite"] == true;
    assert_eq!(phone_is_polite, *phone_member < *laptop_member);
    assert_ne!(phone_is_polite, laptop_is_polite);
}

#[test]
fn the_parts_stay_as_they_are_while_others_come_and_go() {
    let stage = Stage::new();
    let (bo, cy) = (stage.session("bo"), stage.session("cy"));
    bo.enter("lab");
    cy.join("lab");
    let before = part(&cy.expect("joined")["members"][0]);
    bo.expect("member_joined");
    for visitor in ["ada", "dee"] {
        let visitor = stage.session(visitor);
        visitor.enter("lab");
        cy.expect("member_joined");
        bo.send(json!({"type": "update", "room": "lab", "name": "B"}));
        assert_eq!(part(&cy.expect("member_updated")["member"]), before);
        visitor.say_goodbye();
        cy.expect("member_left");
    }
    bo.leave("lab");
    assert_eq!(part(&cy.expect("member_left")["member"]), before);
}

#[test]
fn capabilities_that_are_no_object_are_refused() {
    let stage = Stage::new();
    for bad in [json!(null), json!([true]), json!({"rollback": "yes"}), json!("rollback")] {
        let client = stage.client(claims("ada"));
        client.say(&json!({"type": "hello", "v": 1, "capabilities": bad}).to_string());
        assert_eq!(client.expect_error("bad_field")["field"], "capabilities", "{bad}");
        client.hello();
    }
}

#[test]
fn both_are_told_what_both_can_in_one_order_and_where_there_is_nothing() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    let join = |client: &Client, media: Value| {
        client.send(json!({"type": "join", "room": "lab", "media": media}));
        client.expect("joined")
    };
    join(&ada, json!({"audio": ["opus", "PCMU"], "video": ["VP8", "H264"], "data": ["chat/2"]}));
    let ada_s = &join(&bo, json!({"audio": ["pcmu", "Opus"], "data": ["file/1"]}))["members"][0];
    let bo_s = &ada.expect("member_joined")["member"];
    // `ada` is the smaller, so polite, and the order is that of `bo`.
    for seen in [ada_s, bo_s] {
        assert_eq!(seen["common"], json!({"audio": ["pcmu", "Opus"], "data": []}));
        assert_eq!(seen["nothing_in_common"], json!(["data"]));
    }
    let silent = stage.session("cy");
    silent.enter("lab");
    for client in [&ada, &bo] {
        let member = &client.expect("member_joined")["member"];
        assert_eq!((&member["common"], &member["nothing_in_common"]), (&json!(null), &json!(null)));
    }
    silent.send(json!({"type": "join", "room": "hall", "media": ["opus"]}));
    assert_eq!(silent.expect_error("bad_field")["field"], "media");
}
