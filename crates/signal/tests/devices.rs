//! Devices that call each other: clients in one room, `lab`.

use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, text};

/// A client in `lab`.
pub(crate) struct Device {
    pub(crate) client: Client,
    pub(crate) member: String,
    /// The secret to come back with.
    pub(crate) resume: Value,
}

/// One device of each identity, all in `lab`, where nobody has anything left to read.
pub(crate) fn in_the_lab<const N: usize>(stage: &Stage, identities: [&str; N]) -> [Device; N] {
    let devices = identities.map(|identity| Device::enter(stage, identity));
    devices.iter().for_each(|device| drop(device.client.drain()));
    devices
}

impl Device {
    pub(crate) fn enter(stage: &Stage, identity: &str) -> Self {
        let client = stage.client(claims(identity));
        let resume = client.hello()["resume"].take();
        let member = client.enter("lab");
        Self { client, member, resume }
    }

    /// Calls somebody, as `fields` say, and returns the call's id.
    pub(crate) fn calls(&self, fields: Value) -> String {
        let id = self.asks_to_call(fields);
        let answer = self.hears("call");
        assert_eq!(answer["re"], id, "{answer}");
        text(&answer["call"])
    }

    pub(crate) fn calls_member(&self, other: &Self) -> String {
        self.calls(json!({"to": other.member}))
    }

    /// The same, whatever comes of it; returns the message's id.
    pub(crate) fn asks_to_call(&self, mut fields: Value) -> String {
        fields["type"] = json!("call");
        fields["room"] = json!("lab");
        self.client.send(fields)
    }

    /// Does something about a call, and returns the message's id.
    pub(crate) fn says(&self, kind: &str, call: &str) -> String {
        self.client.send(json!({"type": kind, "call": call}))
    }

    /// The same, with a `reason`.
    pub(crate) fn says_because(&self, kind: &str, call: &str, reason: &str) -> String {
        self.client.send(json!({"type": kind, "call": call, "reason": reason}))
    }

    pub(crate) fn reports(&self, call: &str, state: &str) -> String {
        self.client.send(json!({"type": "call_state", "call": call, "state": state}))
    }

    /// The next frame is a call in this state.
    pub(crate) fn sees(&self, state: &str) -> Value {
        let frame = self.hears("call");
        assert_eq!(frame["state"], state, "{frame}");
        frame
    }

    /// The next frame is of this type, after any `ok`s.
    pub(crate) fn hears(&self, kind: &str) -> Value {
        loop {
            let text = self.client.expect_text();
            let frame: Value = serde_json::from_str(&text).expect("a JSON frame");
            if frame["type"] == kind {
                return frame;
            }
            assert_eq!(frame["type"], "ok", "{text}");
        }
    }

    pub(crate) fn is_refused(&self, code: &str) -> Value {
        let frame = self.hears("error");
        assert_eq!(frame["code"], code, "{frame}");
        frame
    }

    /// The next frame is a call that is over, for this reason.
    pub(crate) fn sees_end(&self, reason: &str) -> Value {
        let frame = self.sees("ended");
        assert_eq!(frame["reason"], reason, "{frame}");
        frame
    }

    /// The next frame is a call that goes on in this state, but not for this device.
    pub(crate) fn is_out(&self, state: &str, reason: &str) {
        let frame = self.sees(state);
        assert_eq!(self.part_in(&frame), ("ended".into(), reason.into()), "{frame}");
    }

    /// This device's own state in a call, and the reason beside it.
    pub(crate) fn part_in(&self, frame: &Value) -> (String, String) {
        let members = frame["members"].as_array().expect("members");
        let own = members.iter().find(|member| member["member"] == self.member);
        let own = own.expect("is in the call");
        (text(&own["state"]), own["reason"].as_str().unwrap_or_default().into())
    }

    /// Comes back on another connection, having read everything up to `ack`.
    pub(crate) fn comes_back(&mut self, stage: &Stage, identity: &str, ack: u64) -> Value {
        self.client = stage.client(claims(identity));
        let mut welcome = self.client.hello_with(json!({"resume": self.resume, "ack": ack}));
        self.resume = welcome["resume"].take();
        welcome
    }
}

/// All of them see the call in this state.
pub(crate) fn all_see(devices: &[&Device], state: &str) {
    devices.iter().for_each(|device| drop(device.sees(state)));
}

/// Nobody has anything left to read but `ok`s.
pub(crate) fn nobody_hears(devices: &[&Device]) {
    for device in devices {
        let (frames, closed) = device.client.drain();
        assert!(frames.iter().all(|frame| frame["type"] == "ok"), "{frames:?}");
        assert_eq!(closed, None);
    }
}

/// Two who have accepted a call, and have nothing left to read.
pub(crate) fn in_a_call(from: &Device, to: &Device) -> String {
    let call = from.calls_member(to);
    to.says("accept", &call);
    from.client.drain();
    to.client.drain();
    call
}
