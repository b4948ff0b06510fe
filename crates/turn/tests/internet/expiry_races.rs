//! Expiry with a packet in flight: a microsecond before it, at that very instant, a microsecond
//! after; with the timers in time, and with a server too busy to look at them.

use std::time::{Duration, Instant};

use kopru_sim::{
    Internet, Peer, QUOTA, TurnClient, allocate, channel_bind, create_permission, error, refresh,
    success,
};
use kopru_stun::attribute::{EvenPort, Lifetime};
use kopru_turn::limits::{CHANNEL_LIFETIME, PERMISSION_LIFETIME, RESERVATION_LIFETIME};
use kopru_turn::{DropReason, RequestMethod};

/// When the packet arrives, in microseconds after the expiry, and whether timers run.
const RACES: [(i64, bool); 6] =
    [(-1, true), (0, true), (1, true), (-1, false), (0, false), (1, false)];

const LIFETIME: Duration = Duration::from_secs(600);
/// Of the line of [`Scene`].
const LATENCY: Duration = Duration::from_millis(10);

struct Scene {
    internet: Internet,
    ada: TurnClient,
    bob: Peer,
}

impl Scene {
    fn start() -> Self {
        let internet = Internet::seed(1);
        let home = internet.open();
        let (ada, bob) = (internet.client_behind(&home), internet.peer("8.8.8.8:2000"));
        Self { internet, ada, bob }
    }

    /// When the server granted what has just been answered.
    fn granted_at(&self) -> Instant {
        self.internet.now().instant - LATENCY
    }

    /// Lets time pass until what is sent now arrives so many microseconds after `expiry`.
    fn race(&self, expiry: Instant, micros: i64, timers: bool) {
        let sent_at = expiry - LATENCY - Duration::from_micros(10);
        let sent_at = sent_at + Duration::from_micros(10_u64.saturating_add_signed(micros));
        let wait = sent_at - self.internet.now().instant;
        match timers {
            true => self.internet.advance(wait),
            false => self.internet.advance_without_timers(wait),
        }
    }

    /// Lets what is in flight arrive.
    fn arrive(&self, timers: bool) {
        match timers {
            true => self.internet.advance(LATENCY),
            false => self.internet.advance_without_timers(LATENCY),
        }
    }
}

#[test]
fn a_permission_and_what_it_permits() {
    for (micros, timers) in RACES {
        let scene = Scene::start();
        let Scene { internet, ada, bob } = &scene;
        let relayed = ada.allocate();
        ada.ask(create_permission(&["8.8.8.8"])).expect(success());
        scene.race(scene.granted_at() + PERMISSION_LIFETIME, micros, timers);
        ada.send_to(bob, b"to bob");
        scene.arrive(timers);
        bob.send(relayed, b"to ada");
        scene.arrive(timers);
        assert_eq!((bob.take_any(), ada.arrived().is_some()), (micros < 0, micros < 0));
        let expected = if micros < 0 { 0 } else { 2 };
        assert_eq!(internet.dropped(DropReason::NoPermission), expected, "{micros} {timers}");
    }
}

#[test]
fn a_channel_and_its_data() {
    for (micros, timers) in RACES {
        let scene = Scene::start();
        let Scene { internet, ada, bob } = &scene;
        ada.ask(allocate().with(Lifetime { seconds: 3600 })).expect(success());
        ada.ask(channel_bind(0x4000, "8.8.8.8:2000")).expect(success());
        scene.race(scene.granted_at() + CHANNEL_LIFETIME, micros, timers);
        ada.send_on(0x4000, b"to bob");
        scene.arrive(timers);
        assert_eq!(bob.take_any(), micros < 0, "{micros} {timers}");
        let expected = u64::from(micros >= 0);
        assert_eq!(internet.dropped(DropReason::NoChannel), expected, "{micros} {timers}");
    }
}

#[test]
fn an_allocation_and_its_refresh() {
    for (micros, timers) in RACES {
        let scene = Scene::start();
        let Scene { internet, ada, .. } = &scene;
        ada.allocate();
        scene.race(scene.granted_at() + LIFETIME, micros, timers);
        let bytes = ada.write(&refresh(600));
        ada.send_bytes(&bytes);
        scene.arrive(timers);
        let code = if micros < 0 { 0 } else { 437 };
        assert_eq!(internet.replied(RequestMethod::Refresh, code), 1, "{micros} {timers}");
        assert_eq!(internet.open_ports(), usize::from(micros < 0), "{micros} {timers}");
    }
}

#[test]
fn an_allocation_and_its_data() {
    for (micros, timers) in RACES {
        let scene = Scene::start();
        let Scene { internet, ada, bob } = &scene;
        let relayed = ada.allocate();
        let expiry = scene.granted_at() + LIFETIME;
        internet.advance_s(500);
        ada.bind(0x4000, bob);
        scene.race(expiry, micros, timers);
        ada.send_on(0x4000, b"to bob");
        scene.arrive(timers);
        bob.send(relayed, b"to ada");
        scene.arrive(timers);
        assert_eq!((bob.take_any(), ada.arrived().is_some()), (micros < 0, micros < 0));
    }
}

#[test]
fn an_allocation_and_the_next_on_its_five_tuple() {
    for (micros, timers) in RACES {
        let scene = Scene::start();
        let Scene { internet, ada, .. } = &scene;
        ada.allocate();
        scene.race(scene.granted_at() + LIFETIME, micros, timers);
        ada.send(&allocate());
        scene.arrive(timers);
        let again = internet.replied(RequestMethod::Allocate, 0) - 1;
        let mismatches = internet.replied(RequestMethod::Allocate, 437);
        let expected = if micros < 0 { (0, 1) } else { (1, 0) };
        assert_eq!((again, mismatches), expected, "{micros} {timers}");
        internet.advance_s(1);
        assert_eq!(internet.open_ports(), usize::from(micros >= 0), "{micros} {timers}");
    }
}

#[test]
fn an_allocation_and_whoever_waits_for_its_place() {
    // Its port, and its place in the quota, are free in the instant of its expiry.
    for (micros, timers) in RACES {
        for limit in [Limit::Ports, Limit::Quota] {
            let scene = Scene::start();
            let internet = &scene.internet;
            scene.ada.allocate();
            let expiry = scene.granted_at() + LIFETIME;
            let user = limit.fill(internet);
            let bea = internet.client("7.7.7.7:1").as_user(user.0, user.1);
            bea.ask(allocate()).expect(error(limit.code()));
            scene.race(expiry + LATENCY, micros, timers);
            bea.ask(allocate()).expect(if micros < 0 { error(limit.code()) } else { success() });
        }
    }
}

/// What there is too little of.
#[derive(Clone, Copy)]
enum Limit {
    Ports,
    Quota,
}

impl Limit {
    /// Takes all but one; the user who comes too late.
    fn fill(self, internet: &Internet) -> (&'static str, &'static str) {
        match self {
            Self::Ports => {
                internet.limit_ports(1);
                ("bob", "ross")
            }
            Self::Quota => {
                for number in 1..QUOTA {
                    let longer = allocate().with(Lifetime { seconds: 3600 });
                    let other = internet.client(&format!("7.7.7.8:{number}"));
                    other.ask(longer).expect(success());
                }
                ("ada", "lovelace")
            }
        }
    }

    fn code(self) -> u16 {
        match self {
            Self::Ports => 508,
            Self::Quota => 486,
        }
    }
}

#[test]
fn a_reservation_and_its_token() {
    for (micros, timers) in RACES {
        let scene = Scene::start();
        let Scene { internet, ada, .. } = &scene;
        let pair = allocate().with(EvenPort { reserve_next: true });
        let token = ada.ask(pair).expect(success()).reserved();
        let bea = internet.client("7.7.7.7:1");
        scene.race(scene.granted_at() + RESERVATION_LIFETIME + LATENCY, micros, timers);
        let claimed = bea.ask(allocate().with(token));
        claimed.expect(if micros < 0 { success() } else { error(508) });
        internet.advance_s(31);
        assert_eq!(internet.reserved_ports(), 0, "{micros} {timers}");
    }
}

#[test]
fn a_nonce_and_the_request_that_echoes_it() {
    // It counts whole seconds: this one is given when one begins.
    for (micros, timers) in RACES {
        let scene = Scene::start();
        let Scene { internet, ada, .. } = &scene;
        internet.advance(Duration::from_secs(1) - LATENCY);
        let given_at = internet.now().instant + LATENCY;
        ada.ask(allocate().with(Lifetime { seconds: 3600 })).expect(success());
        scene.race(given_at + Duration::from_secs(1800), micros, timers);
        ada.send(&refresh(600));
        scene.arrive(timers);
        let code = if micros < 0 { 0 } else { 438 };
        assert_eq!(internet.replied(RequestMethod::Refresh, code), 1, "{micros} {timers}");
        // The allocation does not suffer, and the client goes on with the next nonce.
        internet.advance_s(1);
        ada.take_in();
        ada.ask(refresh(600)).expect(success());
    }
}
