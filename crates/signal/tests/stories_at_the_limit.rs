//! How many stories are kept, and for how long.

use kopru_signal::Asker;
use kopru_signal::limits::{CONNECTIONS_PER_PAIR_MAX, LISTED_STORIES_MAX};
use serde_json::{Value, json};

use crate::stage::{secs, text};
use crate::two::{Two, describe};

/// Ada offers in a connection of this name.
fn offer(two: &Two, connection: &str) {
    let id = two.ada.client.send(json!({
        "type": "description", "room": "lab", "to": two.bo.member, "connection": connection,
        "negotiation": 1, "description": {"type": "offer", "sdp": ""},
    }));
    two.ada.client.expect_ok(&id);
}

#[test]
fn a_story_is_forgotten_a_while_after_its_end() {
    let two = Two::with(|settings| settings.limits.story_age_max = secs(60));
    two.negotiate();
    let id = text(&two.told_to_ada()["id"]);
    two.stage.advance(secs(70));
    assert_eq!(two.stage.stats().stories, 1);
    two.ada.client.leave("lab");
    two.stage.advance(secs(59));
    assert!(two.stage.story(Asker::Operator, &id).is_some());
    two.stage.advance(secs(1));
    assert_eq!(two.stage.story(Asker::Operator, &id), None);
    let stats = two.stage.stats();
    assert_eq!((stats.stories, stats.stories_displaced), (0, 0));
}

#[test]
fn of_the_connections_of_two_the_last_ones_go_on() {
    let two = Two::new();
    for number in 0..=CONNECTIONS_PER_PAIR_MAX {
        offer(&two, &number.to_string());
    }
    let records = two.stage.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].class.as_str(), "unknown");
    assert_eq!(two.stage.stats().stories, CONNECTIONS_PER_PAIR_MAX + 1);
}

#[test]
fn where_there_are_too_many_those_that_are_over_go_first_then_the_oldest() {
    let two = Two::with(|settings| settings.limits.stories_max = 3);
    describe(&two.ada, &two.bo, "offer");
    let kept = text(&two.told_to_ada()["id"]);
    offer(&two, "over");
    let over = text(&two.told_to_ada()["id"]);
    two.ada.client.send(json!({
        "type": "report", "room": "lab", "to": two.bo.member, "connection": "over",
        "state": "closed",
    }));
    two.ada.client.expect("ok");
    offer(&two, "third");
    offer(&two, "fourth");
    assert!(two.stage.story(Asker::Operator, &kept).is_some());
    assert_eq!(two.stage.story(Asker::Operator, &over), None);
    offer(&two, "fifth");
    assert_eq!(two.stage.story(Asker::Operator, &kept), None);
    let stats = two.stage.stats();
    assert_eq!((stats.stories, stats.stories_displaced), (3, 2));
    // The connection itself goes on, untold until it is offered anew.
    two.bo.client.drain();
    two.ada_proposes("udp 1 192.0.2.1 5000 typ host");
}

#[test]
fn an_identity_has_so_many() {
    let two = Two::with(|settings| settings.limits.stories_per_identity_max = 2);
    offer(&two, "first");
    let first = text(&two.told_to_ada()["id"]);
    offer(&two, "second");
    offer(&two, "third");
    assert_eq!(two.stage.story(Asker::Operator, &first), None);
    assert_eq!(two.stage.stats().stories, 2);
}

#[test]
fn a_server_may_keep_none() {
    let two = Two::with(|settings| settings.limits.stories_max = 0);
    two.negotiate();
    two.ada_reports(json!({"state": "connected"}));
    assert_eq!(two.stage.stats().stories, 0);
    two.expect_verdict("connecting", None, "certain");
}

#[test]
fn the_list_has_pages_newest_first() {
    let two = Two::with(|settings| settings.limits.descriptions.burst = 1000);
    for number in 0..=LISTED_STORIES_MAX {
        offer(&two, &number.to_string());
    }
    let connections = |page: &Value| -> Vec<String> {
        let calls = page["calls"].as_array().expect("a list");
        assert!(calls.iter().all(|call| call.get("timeline").is_none()));
        calls.iter().map(|call| text(&call["connection"])).collect()
    };
    let page = two.stage.list_stories(None);
    let newest_first: Vec<String> =
        (1..=LISTED_STORIES_MAX).rev().map(|number| number.to_string()).collect();
    assert_eq!(connections(&page), newest_first);
    let next = text(&page["next"]).parse().expect("a number");
    let page = two.stage.list_stories(Some(next));
    assert_eq!(connections(&page), ["0"]);
    assert_eq!(page.get("next"), None);
}
