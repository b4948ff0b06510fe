//! Lives of devices on a server with one hub or several, over lines that break: whatever they do in
//! whatever order, nobody misses a leave, nothing that was answered is lost untold, and nothing
//! arrives twice.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use kopru_signal::{Claims, SameIdentity, Settings};
use kopru_sim::{Cut, Device, Exchange, Receipt, Transport};
use serde_json::json;

/// One step. Where it names a member, that is one whom the device sees in the room.
#[derive(Arbitrary, Debug)]
enum Op {
    Wait { millis: u16 },
    Join { device: u8, room: u8 },
    Leave { device: u8, room: u8 },
    Rename { device: u8, room: u8 },
    Message { device: u8, room: u8, to: u8, to_all: bool, receipt: bool },
    Offer { device: u8, room: u8, to: u8, connection: u8 },
    Candidate { device: u8, room: u8, to: u8, connection: u8 },
    Call { device: u8, room: u8 },
    CallStep { device: u8, step: u8 },
    Cut { device: u8, arrive: u8, hub_notices: u8, device_notices: u8 },
    MoveToAnotherLine { device: u8 },
    EndAndBegin { device: u8, pause: u8 },
    Restart,
}

struct Stage {
    exchange: Exchange,
    devices: Vec<Device>,
}

/// Plays the operations that the input spells; its first byte says how many hubs there are, and
/// what becomes of two sessions of one identity.
pub fn signal_ops(input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else { return };
    let mut input = Unstructured::new(input);
    let stage = Stage::new(kind);
    for _ in 0..OPS_MAX {
        if input.is_empty() {
            break;
        }
        let Ok(op) = Op::arbitrary(&mut input) else { break };
        stage.play(op);
    }
    stage.exchange.settle();
    stage.devices.iter().for_each(Device::say_goodbye);
    stage.exchange.settle();
    let left = stage.exchange.stats();
    assert_eq!((left.sessions, left.identities, left.rooms, left.members), (0, 0, 0, 0));
}

impl Stage {
    fn new(kind: u8) -> Self {
        let mut settings = Settings {
            same_identity: match kind / 4 % 3 {
                0 => SameIdentity::Several,
                1 => SameIdentity::Replace,
                _ => SameIdentity::Reject,
            },
            ..Settings::default()
        };
        // Each of them is reached with a few devices.
        settings.limits.members_per_room_max = 3;
        settings.limits.rooms_per_session_max = 2;
        settings.limits.replay_frames_max = 20;
        let exchange = Exchange::with(settings, kind.into());
        let device = |number: usize| {
            let transport = match number % 3 {
                0 => Transport::Socket,
                1 => Transport::Requests,
                _ => Transport::ParallelRequests,
            };
            exchange.device_by(IDENTITIES[number], transport, Claims::open())
        };
        let devices = (0..IDENTITIES.len()).map(device).collect();
        Self { exchange, devices }
    }

    fn play(&self, op: Op) {
        match op {
            Op::Wait { millis } => {
                self.exchange.advance(Duration::from_millis(u64::from(millis) % 40_000));
            }
            Op::Join { device, room } => self.device(device).join(name(room)),
            Op::Leave { device, room } => self.device(device).leave(name(room)),
            Op::Rename { device, room } => self.device(device).rename(name(room)),
            Op::Message { device, room, to_all: true, .. } => {
                self.device(device).message(name(room), None, Receipt::No);
            }
            Op::Call { device, room } => {
                let call = json!({"type": "call", "room": name(room), "timeout_s": 20});
                self.device(device).say(call);
            }
            Op::CallStep { device, step } => self.step_of_call(self.device(device), step),
            Op::Cut { device, arrive, hub_notices, device_notices } => {
                let after = |tenths: u8| Duration::from_millis(u64::from(tenths) * 100);
                self.device(device).cut(Cut {
                    to_hub: usize::from(arrive % 4),
                    to_device: usize::from(arrive / 4 % 4),
                    hub_notices: (hub_notices < 200).then(|| after(hub_notices)),
                    // At most as long as a session waits, and longer.
                    device_notices: after(device_notices) * 2,
                });
            }
            Op::MoveToAnotherLine { device } => self.device(device).connect(),
            Op::EndAndBegin { device, pause } => {
                self.device(device).say_goodbye();
                self.exchange.advance(Duration::from_millis(pause.into()));
                self.device(device).connect();
            }
            Op::Restart => self.exchange.restart(),
            to_somebody => self.write(&to_somebody),
        }
    }

    /// Something to one other member, if there is any.
    fn write(&self, op: &Op) {
        let &(Op::Message { device, room, to, .. }
        | Op::Offer { device, room, to, .. }
        | Op::Candidate { device, room, to, .. }) = op
        else {
            return;
        };
        let (device, room) = (self.device(device), name(room));
        let Some((_, others)) = device.sees(room).filter(|(_, others)| !others.is_empty()) else {
            return;
        };
        let to = &others[usize::from(to) % others.len()];
        let wanted = |wanted: bool| if wanted { Receipt::Wanted } else { Receipt::No };
        match *op {
            Op::Message { receipt, .. } => device.message(room, Some(to), wanted(receipt)),
            Op::Offer { connection, .. } => device.offer(room, to, &line(connection)),
            Op::Candidate { connection, .. } => {
                device.candidate(room, to, &line(connection), wanted(connection % 2 == 0));
            }
            _ => {}
        }
    }

    fn step_of_call(&self, device: &Device, step: u8) {
        let calls = device.calls();
        let Some(call) = calls.last() else { return };
        let step = STEPS[usize::from(step) % STEPS.len()];
        device.say(json!({"type": step, "call": call, "state": "connected"}));
    }

    fn device(&self, number: u8) -> &Device {
        &self.devices[usize::from(number) % self.devices.len()]
    }
}

fn name(room: u8) -> &'static str {
    ROOMS[usize::from(room) % ROOMS.len()]
}

fn line(connection: u8) -> String {
    format!("connection {}", connection % 10)
}

/// Two devices of one of them.
const IDENTITIES: [&str; 5] = ["ada", "bo", "cy", "ada", "di"];
const ROOMS: [&str; 3] = ["lab", "kitchen", "hall"];
const STEPS: [&str; 5] = ["ringing", "accept", "reject", "hang_up", "call_state"];
const OPS_MAX: usize = 100;
