//! Quotas on every way out: however an allocation or a reservation ends, its user may have another
//! one then, and its port is free.

use std::time::Duration;

use kopru_sim::{
    Internet, QUOTA, Request, TurnClient, allocate, error, refresh, settings, success,
};
use kopru_stun::attribute::{
    AdditionalAddressFamily, EvenPort, RequestedAddressFamily, ReservationToken,
};
use kopru_turn::Settings;
use kopru_turn::limits::RESERVATION_LIFETIME;
use kopru_turn::relay_sockets::AddressFamily;

struct Scene {
    internet: Internet,
    clients: Vec<TurnClient>,
}

impl Scene {
    /// A user with as many allocations as there may be, on two workers.
    fn full() -> Self {
        let max_session = Duration::from_secs(1000);
        let internet = Internet::with_workers(Settings { max_session, ..settings() }, 2, 1);
        let clients = (0..QUOTA as u16).map(|port| internet.client(&format!("7.7.7.7:{port}")));
        let clients: Vec<_> = clients.collect();
        for client in &clients {
            client.allocate();
        }
        let scene = Self { internet, clients };
        scene.expect_full();
        scene
    }

    #[track_caller]
    fn expect_full(&self) {
        self.another().ask(allocate()).expect(error(486));
    }

    /// Another client of the same user.
    fn another(&self) -> TurnClient {
        self.internet.client("7.7.7.7:9999")
    }

    /// There is room for exactly `free` more, and nothing is left when all is over.
    #[track_caller]
    fn expect_free(&self, free: usize) {
        for number in 0..free {
            self.internet.client(&format!("7.7.7.8:{number}")).allocate();
        }
        self.expect_full();
        self.expect_end();
    }

    #[track_caller]
    fn expect_end(&self) {
        self.internet.advance_s(3600);
        let left = (self.internet.open_ports(), self.internet.reserved_ports());
        assert_eq!((left, self.internet.next_timeout()), ((0, 0), None));
    }
}

type WayOut = fn(&Scene);

#[test]
fn each_way_out_of_an_allocation_gives_its_place_back() {
    let ways: [(&str, usize, WayOut); 5] = [
        ("deleted", 1, |scene| drop(scene.clients[0].ask(refresh(0)).expect(success()))),
        ("disconnected", 1, |scene| scene.internet.disconnect(&scene.clients[1].five_tuple())),
        ("expired", QUOTA, |scene| scene.internet.advance_s(600)),
        ("expired, and the timers late", QUOTA, |scene| {
            scene.internet.advance_without_timers(Duration::from_secs(600));
            scene.internet.handle_timeout_once();
        }),
        ("at the end of the longest session", QUOTA, |scene| {
            scene.internet.advance_s(500);
            scene
                .clients
                .iter()
                .for_each(|client| drop(client.ask(refresh(600)).expect(success())));
            scene.internet.advance_s(500);
        }),
    ];
    for (way, free, take) in ways {
        let scene = Scene::full();
        take(&scene);
        assert_eq!(scene.internet.open_ports(), QUOTA - free, "{way}");
        scene.expect_free(free);
    }
}

#[test]
fn what_is_revoked_is_gone_and_nobody_else_s() {
    let scene = Scene::full();
    let bob = scene.internet.client("7.7.7.9:1").as_user("bob", "ross");
    bob.allocate();
    scene.internet.revoke("ada");
    assert_eq!(scene.internet.open_ports(), 1);
    scene.another().ask(allocate()).expect(error(403));
    bob.ask(refresh(600)).expect(success());
    scene.expect_end();
}

#[test]
fn a_server_that_stops_leaves_nothing() {
    let scene = Scene::full();
    scene.internet.shut_down();
    assert_eq!(scene.internet.open_ports(), 0);
    scene.expect_end();
}

/// One allocation and one reservation less than full, and the token.
fn reserve() -> (Scene, ReservationToken) {
    let scene = Scene::full();
    (0..2).for_each(|number| drop(scene.clients[number].ask(refresh(0)).expect(success())));
    let pair = allocate().with(EvenPort { reserve_next: true });
    let token = scene.another().ask(pair).expect(success()).reserved();
    scene.internet.client("7.7.7.7:9998").ask(allocate()).expect(error(486));
    (scene, token)
}

#[test]
fn a_reservation_that_nobody_wanted_gives_its_place_back() {
    let (scene, _) = reserve();
    scene.internet.advance(RESERVATION_LIFETIME);
    assert_eq!(scene.internet.reserved_ports(), 0);
    scene.internet.client("7.7.7.7:9998").allocate();
    scene.expect_end();
}

#[test]
fn a_reservation_that_was_claimed_gives_its_place_back_with_the_allocation() {
    let (scene, token) = reserve();
    let claimer = scene.internet.client("7.7.7.7:9998");
    claimer.ask(allocate().with(token)).expect(success());
    let late = scene.internet.client("7.7.7.7:9997");
    late.ask(allocate()).expect(error(486));
    claimer.ask(refresh(0)).expect(success());
    scene.internet.advance(RESERVATION_LIFETIME);
    late.allocate();
    scene.internet.client("7.7.7.7:9996").ask(allocate()).expect(error(486));
    scene.expect_end();
}

#[test]
fn a_reservation_outlives_its_allocation_and_not_its_time() {
    let (scene, token) = reserve();
    scene.another().ask(refresh(0)).expect(success());
    scene.internet.shut_down();
    assert_eq!((scene.internet.open_ports(), scene.internet.reserved_ports()), (0, 1));
    scene.internet.advance(RESERVATION_LIFETIME);
    let claimer = scene.internet.client("7.7.7.7:9998");
    claimer.ask(allocate().with(token)).expect(error(508));
    scene.expect_end();
}

fn both() -> Request {
    allocate().with(AdditionalAddressFamily(RequestedAddressFamily::IPV6))
}

#[test]
fn a_dual_allocation_counts_as_what_it_got() {
    for (families, counted) in [
        (&[AddressFamily::V4, AddressFamily::V6][..], 2),
        (&[AddressFamily::V4][..], 1),
        (&[AddressFamily::V6][..], 1),
    ] {
        let scene = Scene::full();
        (0..2).for_each(|number| drop(scene.clients[number].ask(refresh(0)).expect(success())));
        scene.internet.relay_only(families);
        scene.another().ask(both()).expect(success());
        assert_eq!(scene.internet.open_ports(), QUOTA - 2 + counted, "{families:?}");
        scene.internet.relay_only(&[AddressFamily::V4, AddressFamily::V6]);
        let other = scene.internet.client("7.7.7.7:9998");
        other.ask(allocate()).expect(if counted == 2 { error(486) } else { success() });
        scene.expect_end();
    }
}

#[test]
fn a_dual_allocation_that_is_half_too_much_takes_nothing() {
    let scene = Scene::full();
    scene.clients[0].ask(refresh(0)).expect(success());
    scene.another().ask(both()).expect(error(486));
    assert_eq!(scene.internet.open_ports(), QUOTA - 1);
    scene.expect_free(1);
}
