//! Many clients that do anything in any order: whoever is in a room knows what the others know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, text};

const ROOMS: [&str; 3] = ["lab", "kitchen", "hall"];
const SEEDS: u64 = 24;
const STEPS: usize = 400;
const CLIENTS: usize = 8;

#[test]
#[expect(clippy::print_stdout, reason = "shown when it fails: the seed that broke it")]
fn everybody_in_a_room_knows_the_same() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        Storm::new(seed).blow();
    }
}

struct Storm {
    stage: Stage,
    chance: Chance,
    actors: Vec<Actor>,
}

/// A client, and what it can know from the frames it was sent.
struct Actor {
    client: Client,
    /// Room name to what is known of it.
    rooms: BTreeMap<String, Known>,
    /// What was asked of which room, by id, until it is answered.
    asked: BTreeMap<String, (&'static str, String)>,
    is_gone: bool,
}

struct Known {
    own: String,
    others: BTreeSet<String>,
    version: u64,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let stage = Stage::with(|settings| {
            settings.limits.members_per_room_max = 5;
            settings.limits.rooms_per_session_max = 2;
        });
        let actors = (0..CLIENTS).map(|n| Actor::new(&stage, n)).collect();
        Self { stage, chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), actors }
    }

    fn blow(mut self) {
        for _ in 0..STEPS {
            self.step();
            for (n, actor) in self.actors.iter_mut().enumerate() {
                actor.read();
                if actor.is_gone {
                    *actor = Actor::new(&self.stage, n);
                }
            }
            self.check();
        }
        for actor in &mut self.actors {
            actor.client.drop_connection();
        }
        let stats = self.stage.stats();
        assert_eq!((stats.connections, stats.sessions, stats.identities), (0, 0, 0));
        assert_eq!((stats.rooms, stats.members), (0, 0));
        assert!(!self.stage.has_deadline());
    }

    fn step(&mut self) {
        let n = self.chance.below(CLIENTS);
        let room = ROOMS[self.chance.below(ROOMS.len())];
        let target = self.anybody(n, room);
        let what = self.chance.below(100);
        let actor = &mut self.actors[n];
        match what {
            0..30 => drop(actor.client.join(room)),
            30..45 => actor.ask("leave", room),
            45..60 => drop(actor.client.send(json!({"type": "message", "room": room, "data": 1}))),
            60..75 => drop(actor.client.send(json!({"type": "candidate", "room": room,
                "to": target, "connection": "c", "candidate": null}))),
            75..86 => actor.ask("update", room),
            86..89 => actor.client.say("{"),
            89..93 => {
                actor.client.drop_connection();
                actor.is_gone = true;
            }
            93..98 => self.stage.advance(Duration::from_secs(self.chance.below(30) as u64)),
            _ => self.silence(),
        }
    }

    /// So long that those are gone who say nothing.
    fn silence(&mut self) {
        self.stage.advance(Duration::from_secs(50));
        for actor in &self.actors {
            if self.chance.below(2) == 0 {
                actor.client.send(json!({"type": "ping"}));
            }
        }
        self.stage.advance(Duration::from_secs(30));
    }

    /// A member id that `n` knows of, or nobody's.
    fn anybody(&mut self, n: usize, room: &str) -> String {
        let others = self.actors[n].rooms.get(room).map(|known| &known.others);
        let first = others.and_then(|others| others.first());
        first.cloned().unwrap_or_else(|| "m_nobody".into())
    }

    /// Who is in a room sees everybody else who is, and the same version.
    fn check(&self) {
        let mut members = 0;
        for room in ROOMS {
            let knowing: Vec<&Known> =
                self.actors.iter().filter_map(|actor| actor.rooms.get(room)).collect();
            let everybody: BTreeSet<String> =
                knowing.iter().map(|known| known.own.clone()).collect();
            members += everybody.len();
            for known in &knowing {
                let mut seen = known.others.clone();
                seen.insert(known.own.clone());
                assert_eq!(seen, everybody, "{room}");
                assert_eq!(known.version, knowing[0].version, "{room}");
            }
        }
        let stats = self.stage.stats();
        assert_eq!(stats.members, members);
        assert_eq!(stats.connections, CLIENTS);
        assert_eq!(stats.sessions, CLIENTS);
    }
}

impl Actor {
    fn new(stage: &Stage, n: usize) -> Self {
        // Two devices of each identity.
        let client = stage.client(claims(&format!("identity {}", n / 2)));
        client.hello();
        Self { client, rooms: BTreeMap::new(), asked: BTreeMap::new(), is_gone: false }
    }

    fn ask(&mut self, what: &'static str, room: &str) {
        let id = self.client.send(json!({"type": what, "room": room, "name": "n"}));
        self.asked.insert(id, (what, room.into()));
    }

    fn read(&mut self) {
        let (frames, closed) = self.client.drain();
        for frame in frames {
            self.learn(&frame);
        }
        self.is_gone |= closed.is_some();
    }

    fn learn(&mut self, frame: &Value) {
        let room = frame["room"].as_str().unwrap_or_default();
        match frame["type"].as_str().expect("a type") {
            "joined" => {
                let members = frame["members"].as_array().expect("members");
                let known = Known {
                    own: text(&frame["member"]),
                    others: members.iter().map(|member| text(&member["member"])).collect(),
                    version: frame["version"].as_u64().expect("a version"),
                };
                assert!(self.rooms.insert(room.into(), known).is_none(), "joined twice");
            }
            "member_joined" => assert!(self.change(frame, room, BTreeSet::insert)),
            "member_left" => assert!(self.change(frame, room, |set, id| set.remove(&id))),
            "member_updated" => assert!(self.change(frame, room, |set, id| set.contains(&id))),
            "message" | "candidate" => {
                let known = &self.rooms[room];
                assert!(known.others.contains(&text(&frame["from"])), "from a stranger");
            }
            "ok" => self.done(frame),
            "error" => assert_ne!(frame["code"], "missing_field"),
            "ice_servers" | "pong" => {}
            other => panic!("unexpected {other}"),
        }
    }

    fn change(
        &mut self,
        frame: &Value,
        room: &str,
        apply: impl FnOnce(&mut BTreeSet<String>, String) -> bool,
    ) -> bool {
        let known = self.rooms.get_mut(room).expect("told of a room it is in");
        known.version += 1;
        assert_eq!(frame["version"], known.version);
        apply(&mut known.others, text(&frame["member"]["member"]))
    }

    fn done(&mut self, frame: &Value) {
        let Some((what, room)) = self.asked.remove(&text(&frame["re"])) else { return };
        if what == "leave" {
            assert!(self.rooms.remove(&room).is_some(), "left a room it was in");
            return;
        }
        let known = self.rooms.get_mut(&room).expect("updated itself in a room it is in");
        known.version += 1;
        assert_eq!(frame["version"], known.version);
    }
}

/// xorshift64*: the same seed, the same storm.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}
