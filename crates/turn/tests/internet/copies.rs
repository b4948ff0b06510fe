//! Duplicate and reordered requests: nothing is done twice that must be done once, and what comes
//! late is judged by what is there by then.

use std::time::Duration;

use kopru_sim::{
    Fate, Internet, NatBehavior, Peer, Site, TurnClient, allocate, channel_bind, create_permission,
    error, refresh, success,
};
use kopru_turn::{DropReason, EndReason, Event, RequestMethod};

struct Scene {
    internet: Internet,
    home: Site,
    ada: TurnClient,
    bob: Peer,
}

impl Scene {
    /// A client behind a NAT, that knows its nonce.
    fn start() -> Self {
        let internet = Internet::seed(1);
        let home = internet.nat(NatBehavior::symmetric());
        let (ada, bob) = (internet.client_behind(&home), internet.peer("8.8.8.8:2000"));
        ada.ask(allocate().without_credentials()).expect(error(401));
        Self { internet, home, ada, bob }
    }

    /// Why allocations ended so far.
    fn ends(&self) -> Vec<EndReason> {
        let events = std::iter::from_fn(|| self.internet.event());
        let reason = |event| match event {
            Event::Ended(ended) => Some(ended.reason),
            Event::Created { .. } | Event::Refreshed { .. } | Event::Refused(_) => None,
        };
        events.filter_map(reason).collect()
    }
}

const LATER: Fate = Fate::Twice(Duration::from_millis(50));
const LATE: Fate = Fate::Late(Duration::from_millis(50));

#[test]
fn a_doubled_request_is_answered_twice_and_done_once() {
    let Scene { internet, home, ada, bob } = Scene::start();
    let requests = [
        (RequestMethod::Allocate, allocate()),
        (RequestMethod::CreatePermission, create_permission(&["8.8.8.8"])),
        (RequestMethod::ChannelBind, channel_bind(0x4000, "8.8.8.8:2000")),
        (RequestMethod::Refresh, refresh(600)),
    ];
    for (method, request) in requests {
        home.outbound(LATER);
        ada.ask(request).expect(success());
        internet.advance_s(1);
        assert_eq!(internet.replied(method, 0), 2, "{method:?}");
    }
    assert_eq!(internet.open_ports(), 1);
    bob.send(ada.relayed(), b"once");
    internet.advance_s(1);
    ada.expect_channel_data(0x4000, b"once");
    ada.expect_nothing();
}

#[test]
fn a_doubled_deletion_deletes_once() {
    let scene = Scene::start();
    scene.ada.allocate();
    scene.home.outbound(LATER);
    scene.ada.ask(refresh(0)).expect(success());
    scene.internet.advance_s(1);
    assert_eq!(scene.internet.replied(RequestMethod::Refresh, 437), 1);
    assert_eq!(scene.ends(), [EndReason::Deleted]);
    assert_eq!((scene.internet.open_ports(), scene.internet.next_timeout()), (0, None));
}

#[test]
fn a_doubled_deletion_does_not_spare_the_next_allocation() {
    // Nothing in a Refresh request says which allocation it is about. The client learns it from
    // the 437 that answers its next request, and nothing is left behind.
    let scene = Scene::start();
    scene.ada.allocate();
    scene.home.outbound(LATER);
    scene.ada.ask(refresh(0)).expect(success());
    scene.ada.allocate();
    scene.internet.advance_s(1);
    scene.ada.ask(refresh(600)).expect(error(437));
    assert_eq!(scene.ends(), [EndReason::Deleted, EndReason::Deleted]);
    scene.ada.allocate();
    assert_eq!(scene.internet.open_ports(), 1);
}

#[test]
fn a_late_refresh_does_not_bring_back_what_was_deleted() {
    let scene = Scene::start();
    scene.ada.allocate();
    scene.home.outbound(LATE);
    scene.ada.send(&refresh(600));
    scene.ada.ask(refresh(0)).expect(success());
    scene.internet.advance_s(1);
    assert_eq!(scene.internet.replied(RequestMethod::Refresh, 437), 1);
    assert_eq!((scene.internet.open_ports(), scene.ends()), (0, vec![EndReason::Deleted]));
}

#[test]
fn a_late_copy_of_an_allocate_request_makes_an_allocation_that_is_counted_and_expires() {
    // The server does not remember what it has ended. RFC 8656 §7.4 knows of the mismatch that the
    // client sees then.
    let scene = Scene::start();
    scene.home.outbound(LATER);
    scene.ada.allocate();
    scene.ada.ask(refresh(0)).expect(success());
    assert_eq!(scene.internet.open_ports(), 0);
    scene.internet.advance_s(1);
    assert_eq!(scene.internet.open_ports(), 1);
    scene.ada.ask(allocate()).expect(error(437));
    scene.ada.ask(refresh(0)).expect(success());
    assert_eq!(scene.ends(), [EndReason::Deleted, EndReason::Deleted]);
    scene.ada.allocate();
}

#[test]
fn an_old_allocate_request_does_not_disturb_the_next_allocation() {
    let scene = Scene::start();
    scene.home.outbound(LATER);
    scene.ada.allocate();
    scene.ada.ask(refresh(0)).expect(success());
    let relayed = scene.ada.allocate();
    scene.ada.bind(0x4000, &scene.bob);
    scene.internet.advance_s(1);
    assert_eq!(scene.internet.replied(RequestMethod::Allocate, 437), 1, "another transaction");
    scene.ada.send_on(0x4000, b"undisturbed");
    scene.internet.advance_s(1);
    scene.bob.expect(relayed, b"undisturbed");
}

#[test]
fn old_permissions_and_channels_are_granted_to_the_same_user_alone() {
    let scene = Scene::start();
    scene.ada.allocate();
    let bind = scene.ada.write(&channel_bind(0x4000, "8.8.8.8:2000"));
    scene.ada.ask_bytes(&bind).expect(success());
    scene.ada.ask(refresh(0)).expect(success());

    scene.ada.ask_bytes(&bind).expect(error(437));
    scene.ada.become_user("bob", "ross");
    scene.ada.allocate();
    scene.ada.send_bytes(&bind);
    scene.internet.advance_s(1);
    scene.ada.forget_arrived();
    assert_eq!(scene.internet.replied(RequestMethod::ChannelBind, 441), 1);
    scene.bob.send(scene.ada.relayed(), b"nobody asked for");
    scene.internet.advance_s(1);
    scene.ada.expect_nothing();
}

#[test]
fn data_that_overtakes_its_channel_or_its_permission_is_lost_alone() {
    let Scene { internet, home, ada, bob } = Scene::start();
    let relayed = ada.allocate();
    home.outbound(LATE);
    ada.send(&channel_bind(0x4000, &bob.text()));
    ada.send_on(0x4000, b"first on the channel");
    ada.send_to(&bob, b"first with permission");
    internet.advance_s(1);
    bob.expect_nothing();
    assert_eq!(internet.dropped(DropReason::NoChannel), 1);
    assert_eq!(internet.dropped(DropReason::NoPermission), 1);
    ada.send_on(0x4000, b"second on the channel");
    ada.send_to(&bob, b"second with permission");
    internet.advance_s(1);
    bob.expect(relayed, b"second on the channel");
    bob.expect(relayed, b"second with permission");
}

#[test]
fn two_binds_that_change_places_are_one_channel() {
    // RFC 8656 §12.2: "The channel number is not currently bound to a different transport address"
    let Scene { internet, home, ada, bob } = Scene::start();
    let (relayed, bea) = (ada.allocate(), internet.peer("8.8.8.9:2000"));
    home.outbound(LATE);
    ada.send(&channel_bind(0x4000, &bob.text()));
    ada.send(&channel_bind(0x4000, &bea.text()));
    internet.advance_s(1);
    assert_eq!(internet.replied(RequestMethod::ChannelBind, 0), 1);
    assert_eq!(internet.replied(RequestMethod::ChannelBind, 400), 1);
    ada.send_on(0x4000, b"whose came first");
    internet.advance_s(1);
    bea.expect(relayed, b"whose came first");
    bob.expect_nothing();
}

#[test]
fn doubled_data_is_relayed_twice() {
    // It is the application that knows what it has had: UDP.
    let Scene { internet, home, ada, bob } = Scene::start();
    let relayed = ada.allocate();
    ada.bind(0x4000, &bob);
    home.outbound(LATER);
    ada.send_on(0x4000, b"x");
    internet.advance_s(1);
    bob.expect(relayed, b"x");
    bob.expect(relayed, b"x");
    bob.expect_nothing();
}
