//! Devices whose lines break: what they are promised holds all the same.

use std::time::Duration;

use kopru_signal::{Claims, Relay, RoomPattern, Settings, Subject};
use kopru_sim::{Cut, Device, Exchange, Receipt, Transport, Weather};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);
/// `hello` arrives, its answer does not.
const UNANSWERED: Cut =
    Cut { to_hub: 1, to_device: 0, hub_notices: None, device_notices: Duration::from_secs(5) };

/// Two devices in one room, and their member ids.
fn pair(exchange: &Exchange) -> ([Device; 2], [String; 2]) {
    let devices = [exchange.device("ada"), exchange.device("bo")];
    devices.iter().for_each(|device| device.join("lab"));
    exchange.settle();
    let ids = devices.clone().map(|device| own(&device, "lab"));
    (devices, ids)
}

fn own(device: &Device, room: &str) -> String {
    device.sees(room).expect("it is in the room").0
}

fn claims(identity: &str) -> Claims {
    Claims { subject: Subject::new(identity), ..Claims::open() }
}

#[test]
fn what_is_sent_while_lines_break_arrives_once() {
    let exchange = Exchange::seed(1);
    let ([ada, bo], [ada_id, bo_id]) = pair(&exchange);
    for round in 0..20 {
        for _ in 0..10 {
            ada.message("lab", Some(&bo_id), Receipt::Wanted);
            bo.message("lab", Some(&ada_id), Receipt::Wanted);
            bo.message("lab", None, Receipt::No);
        }
        exchange.advance(Duration::from_millis(25));
        let cut = Cut { to_hub: round, to_device: 20 - round, ..Cut::clean() };
        if round % 2 == 0 {
            ada.cut(cut)
        } else {
            bo.cut(cut)
        }
        exchange.advance(SECOND);
    }
    exchange.settle();
    assert_eq!((ada.sessions(), bo.sessions()), (1, 1));
    assert!(exchange.stats().resumed > 10);
}

#[test]
fn a_session_comes_back_however_often_its_welcome_is_lost() {
    let exchange = Exchange::seed(2);
    let ([ada, bo], [_, bo_id]) = pair(&exchange);
    for _ in 0..5 {
        bo.cut(Cut::clean());
        exchange.advance(Duration::from_millis(1));
        bo.connect();
        bo.cut(UNANSWERED);
        ada.message("lab", Some(&bo_id), Receipt::Wanted);
        exchange.advance(SECOND);
    }
    exchange.settle();
    assert_eq!((bo.sessions(), own(&bo, "lab")), (1, bo_id));
    assert_eq!(bo.welcomes(), 2);
}

#[test]
fn a_device_that_changes_networks_takes_its_session_along() {
    let exchange = Exchange::seed(3);
    let ([ada, bo], [ada_id, _]) = pair(&exchange);
    for _ in 0..30 {
        bo.message("lab", Some(&ada_id), Receipt::Wanted);
        ada.message("lab", None, Receipt::No);
        exchange.advance(Duration::from_millis(30));
        // The former connection still works, and what is under way there may arrive late.
        bo.connect();
        bo.message("lab", Some(&ada_id), Receipt::No);
        exchange.advance(Duration::from_millis(90));
    }
    exchange.settle();
    assert_eq!((bo.sessions(), bo.welcomes()), (1, 31));
}

#[test]
fn a_resume_token_that_was_used_up_opens_nothing() {
    let exchange = Exchange::seed(4);
    let ([ada, bo], [_, bo_id]) = pair(&exchange);
    for _ in 0..4 {
        bo.cut(Cut::clean());
        exchange.settle();
    }
    for nth in 0..3 {
        assert_eq!(bo.steal(nth, claims("bo"))["resumed"], false, "{nth}");
    }
    for nth in 0..5 {
        // The newest ones are good, but for nobody else.
        let welcome = bo.steal(nth, claims("eve"));
        assert_eq!((&welcome["resumed"], &welcome["identity"]), (&json!(false), &json!("eve")));
    }
    exchange.settle();
    assert_eq!(ada.sees("lab").expect("there").1, [bo_id]);
}

#[test]
fn a_restart_does_not_make_old_resume_tokens_good_again() {
    let exchange = Exchange::seed(5);
    let ([_, bo], [_, bo_id]) = pair(&exchange);
    for _ in 0..4 {
        bo.cut(Cut::clean());
        exchange.settle();
    }
    exchange.restart();
    exchange.settle();
    assert_eq!((bo.sessions(), own(&bo, "lab")), (2, bo_id.clone()));
    for nth in 0..4 {
        assert_eq!(bo.steal(nth, claims("bo"))["resumed"], false, "{nth}");
    }
    exchange.settle();
    assert_eq!(own(&bo, "lab"), bo_id);
}

#[test]
fn a_welcome_lost_after_a_restart_costs_no_member_its_id() {
    for rounds in 1..4 {
        let exchange = Exchange::seed(6);
        let ([_, bo], [_, bo_id]) = pair(&exchange);
        for _ in 1..rounds {
            bo.cut(Cut::clean());
            exchange.settle();
        }
        exchange.restart();
        exchange.advance(Duration::ZERO);
        for _ in 0..3 {
            bo.connect();
            bo.cut(UNANSWERED);
            exchange.advance(SECOND);
        }
        exchange.settle();
        assert_eq!(own(&bo, "lab"), bo_id, "after {rounds} welcomes");
    }
}

#[test]
fn whoever_comes_back_at_the_last_moment_is_there_or_has_left() {
    let mut sessions = [0; 3];
    for lateness in 0..60_u64 {
        let exchange = Exchange::seed(lateness);
        let ([ada, bo], _) = pair(&exchange);
        bo.cut(Cut { device_notices: 200 * SECOND, ..Cut::clean() });
        exchange.advance(Duration::from_millis(29_900 + 5 * lateness));
        bo.connect();
        exchange.settle();
        assert_eq!(ada.sees("lab").expect("there").1, [own(&bo, "lab")]);
        sessions[bo.sessions() as usize] += 1;
    }
    assert!(sessions[1] > 5 && sessions[2] > 5, "{sessions:?}");
}

#[test]
fn a_storm_of_reconnects_loses_nobody() {
    let exchange = Exchange::seed(7);
    let devices: Vec<Device> =
        (0..500).map(|number| exchange.device(&format!("device {number}"))).collect();
    let room = |number: usize| format!("room {}", number / 10);
    for (number, device) in devices.iter().enumerate() {
        device.join(&room(number));
    }
    exchange.settle();
    for round in 0..2 {
        let hub_notices = (round > 0).then_some(SECOND);
        devices.iter().for_each(|device| device.cut(Cut { hub_notices, ..Cut::clean() }));
        devices.iter().step_by(7).for_each(|device| device.rename("room 1"));
        exchange.settle();
    }
    let stats = exchange.stats();
    assert_eq!((stats.sessions, stats.rooms, stats.members), (500, 50, 500));
    assert!(devices.iter().all(|device| device.sessions() == 1));

    exchange.restart();
    exchange.settle();
    let stats = exchange.stats();
    assert_eq!((stats.sessions, stats.rooms, stats.members), (500, 50, 500));
    devices.iter().for_each(Device::say_goodbye);
    exchange.settle();
    assert_eq!((exchange.stats().sessions, exchange.stats().rooms), (0, 0));
}

#[test]
fn who_is_away_too_long_for_the_replay_is_told_how_things_are() {
    let mut settings = Settings::default();
    settings.limits.replay_frames_max = 8;
    let exchange = Exchange::with(settings, 8);
    let ([ada, bo], [_, bo_id]) = pair(&exchange);
    let cy = exchange.device("cy");
    cy.join("lab");
    exchange.settle();
    for _ in 0..5 {
        bo.cut(Cut { device_notices: 6 * SECOND, ..Cut::clean() });
        for _ in 0..12 {
            ada.message("lab", Some(&bo_id), Receipt::Wanted);
            cy.leave("lab");
            cy.join("lab");
            exchange.advance(Duration::from_millis(400));
        }
        exchange.settle();
    }
    assert_eq!((bo.sessions(), exchange.stats().resumed_with_loss), (1, 5));
}

#[test]
fn a_call_rings_through_broken_lines() {
    let exchange = Exchange::seed(10);
    let ([ada, bo], [_, bo_id]) = pair(&exchange);
    ada.say(json!({"type": "call", "room": "lab", "to": bo_id}));
    exchange.advance(Duration::from_millis(30));
    bo.cut(Cut::clean());
    ada.cut(Cut::clean());
    exchange.settle();
    let [call] = <[String; 1]>::try_from(bo.calls()).expect("it rings");
    for step in ["ringing", "accept"] {
        bo.say(json!({"type": step, "call": call}));
        exchange.advance(Duration::from_millis(30));
        bo.cut(Cut::clean());
        exchange.settle();
    }
    for device in [&ada, &bo] {
        device.say(json!({"type": "call_state", "call": call, "state": "connected"}));
    }
    exchange.settle();
    assert_eq!((ada.calls(), bo.calls()), (vec![call.clone()], vec![call]));
    // Nobody comes back: that is the end of the call, too.
    bo.cut(Cut { device_notices: 40 * SECOND, ..Cut::clean() });
    exchange.advance(35 * SECOND);
    exchange.settle();
    assert_eq!((ada.calls(), bo.sessions()), (Vec::new(), 2));
}

#[test]
fn requests_that_are_repeated_and_overtake_each_other_do_everything_once() {
    let exchange = Exchange::seed(11);
    exchange.set_weather(Weather { copies: 60, ..Weather::default() });
    let ada = exchange.device_by("ada", Transport::ParallelRequests, Claims::open());
    let bo = exchange.device_by("bo", Transport::Requests, Claims::open());
    ada.join("lab");
    bo.join("lab");
    exchange.settle();
    let (ada_id, bo_id) = (own(&ada, "lab"), own(&bo, "lab"));
    for round in 0..30 {
        ada.message("lab", Some(&bo_id), Receipt::Wanted);
        bo.offer("lab", &ada_id, "main");
        bo.candidate("lab", &ada_id, "main", Receipt::Wanted);
        ada.rename("lab");
        exchange.advance(Duration::from_millis(50));
        if round % 10 == 9 {
            ada.cut(Cut { to_hub: 2, ..Cut::clean() });
        }
    }
    exchange.settle();
    assert_eq!((ada.sessions(), bo.sessions()), (1, 1));
}

#[test]
fn where_only_relays_are_passed_on_nothing_is_lost_either() {
    let relay_only = vec![RoomPattern::new("lab").expect("a pattern")];
    let exchange = Exchange::with(Settings { relay_only, ..Settings::default() }, 12);
    let only = Claims { relay: Relay::Only, ..Claims::open() };
    let ada = exchange.device_by("ada", Transport::Socket, only);
    let bo = exchange.device("bo");
    for room in ["lab", "hall"] {
        ada.join(room);
        bo.join(room);
    }
    exchange.settle();
    for room in ["lab", "hall"] {
        let bo_id = own(&bo, room);
        for _ in 0..10 {
            ada.offer(room, &bo_id, "main");
            ada.candidate(room, &bo_id, "main", Receipt::Wanted);
            exchange.advance(Duration::from_millis(40));
            bo.cut(Cut { to_device: 1, ..Cut::clean() });
        }
        exchange.settle();
    }
}
