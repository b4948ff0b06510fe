//! Long random lives of devices whose lines break. `SIM_SEEDS` says how many; the seed of one that
//! fails is printed.

use std::time::Duration;

use kopru_signal::{Claims, Settings};
use kopru_sim::{Cut, Device, Exchange, Random, Receipt, Transport, Weather};
use serde_json::json;

const SEEDS: u64 = 24;
const STEPS: usize = 300;
const DEVICES: usize = 9;
const ROOMS: [&str; 3] = ["lab", "kitchen", "hall"];
const CONNECTIONS: u64 = 10;

#[test]
fn whatever_lines_do_the_promises_hold() {
    let seeds = std::env::var_os("SIM_SEEDS");
    let seeds = seeds.and_then(|text| text.to_str()?.parse().ok()).unwrap_or(SEEDS);
    let (mut resumed, mut with_loss, mut calls, mut moves) = (0, 0, 0, 0);
    for seed in 0..seeds {
        let life = Life::new(seed);
        let exchange = life.exchange.clone();
        let stats = life.live();
        moves += exchange.moves();
        resumed += stats.resumed;
        with_loss += stats.resumed_with_loss;
        calls += stats.calls_ended.values().sum::<u64>();
    }
    assert!(moves > 5 * usize::try_from(seeds).unwrap_or(0), "{moves}");
    let happened = (resumed, with_loss, calls);
    assert!(resumed > 10 * seeds && with_loss > seeds / 5 && calls > seeds, "{happened:?}");
}

#[test]
fn the_same_seed_takes_the_same_steps_and_another_one_others() {
    let digest = |seed| {
        let life = Life::new(seed);
        let exchange = life.exchange.clone();
        life.live();
        exchange.digest()
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

struct Life {
    exchange: Exchange,
    random: Random,
    devices: Vec<Device>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut settings = Settings::default();
        settings.limits.members_per_room_max = 6;
        settings.limits.rooms_per_session_max = 2;
        settings.limits.sessions_per_identity_max = 4;
        // Some of those who come back late have missed something.
        settings.limits.replay_frames_max = 20;
        settings.limits.calls_per_room_max = 3;
        let exchange = Exchange::with(settings, seed);
        let copies = if seed.is_multiple_of(2) { 30 } else { 0 };
        exchange.set_weather(Weather { copies, ..Weather::default() });
        let devices = (0..DEVICES).map(|number| {
            // Two devices of some identities.
            let identity = format!("identity {}", number / 2);
            let transport = match number % 4 {
                0 | 1 => Transport::Socket,
                2 => Transport::Requests,
                _ => Transport::ParallelRequests,
            };
            exchange.device_by(&identity, transport, Claims::open())
        });
        let devices = devices.collect();
        Self { exchange, random: Random::new(!seed), devices }
    }

    fn live(mut self) -> kopru_signal::Stats {
        for step in 1..=STEPS {
            self.step();
            let pause = self.random.below(60);
            self.exchange.advance(Duration::from_millis(pause));
            if step % 100 == 0 {
                self.exchange.settle();
            }
        }
        let stats = self.exchange.stats();
        self.devices.iter().for_each(Device::say_goodbye);
        self.exchange.settle();
        let left = self.exchange.stats();
        assert_eq!((left.sessions, left.identities, left.rooms, left.members), (0, 0, 0, 0));
        stats
    }

    fn step(&mut self) {
        let device = self.random.one_of(&self.devices).clone();
        let room = *self.random.one_of(&ROOMS);
        match self.random.below(100) {
            0..20 => device.join(room),
            20..24 => device.leave(room),
            24..29 => device.rename(room),
            29..74 => self.write(&device, room),
            74..82 => self.call(&device, room),
            82..93 => device.cut(Cut::any(&mut self.random)),
            93..96 => device.connect(),
            96 => self.exchange.advance(Duration::from_secs(self.random.below(40))),
            97 => {
                device.say_goodbye();
                self.exchange.advance(Duration::from_millis(self.random.below(100)));
                device.connect();
            }
            98 if self.random.percent(30) => self.exchange.restart(),
            _ => device.cut(Cut {
                device_notices: Duration::from_secs(self.random.below(60)),
                ..Cut::clean()
            }),
        }
    }

    /// Something to somebody in the room, or several things.
    fn write(&mut self, device: &Device, room: &str) {
        let Some((_, others)) = device.sees(room).filter(|(_, others)| !others.is_empty()) else {
            return;
        };
        let to = self.random.one_of(&others);
        let connection = format!("connection {}", self.random.below(CONNECTIONS));
        let receipt = if self.random.percent(50) { Receipt::Wanted } else { Receipt::No };
        for _ in 0..=self.random.below(8) {
            match self.random.below(6) {
                0 => device.message(room, None, Receipt::No),
                1 | 2 => device.message(room, Some(to), receipt),
                3 => device.offer(room, to, &connection),
                _ => device.candidate(room, to, &connection, receipt),
            }
        }
    }

    fn call(&mut self, device: &Device, room: &str) {
        let calls = device.calls();
        let Some(call) = calls.last() else {
            return device.say(json!({"type": "call", "room": room, "timeout_s": 20}));
        };
        let step = *self.random.one_of(&["ringing", "accept", "accept", "reject", "hang_up"]);
        device.say(json!({"type": step, "call": call}));
        device.say(json!({"type": "call_state", "call": call, "state": "connected"}));
    }
}
