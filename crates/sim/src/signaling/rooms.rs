//! What a device knows of its rooms and calls, by what it was told.

use std::collections::BTreeMap;

use serde_json::Value;

/// Rooms by name, and the calls in them.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<String, Room>,
    /// The calls that are not over for it, as they were told last, without those who are out.
    pub(super) calls: BTreeMap<String, Value>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) own: String,
    /// The number of the frame that said it is in.
    pub(super) since: u64,
    /// Member id to whether it is reconnecting.
    pub(super) others: BTreeMap<String, bool>,
    pub(super) version: u64,
}

impl Rooms {
    pub(super) fn contains(&self, room: &str) -> bool {
        self.rooms.contains_key(room)
    }

    pub(super) fn get(&self, room: &str) -> Option<&Room> {
        self.rooms.get(room)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Room)> {
        self.rooms.iter()
    }

    /// The answer to a `join`, or a room as it is now.
    pub(super) fn joined(&mut self, joined: &Value) {
        let members = joined["members"].as_array().expect("members");
        let others = members.iter().map(|member| (text(&member["member"]), is_away(member)));
        let before = self.rooms.get(&text(&joined["room"])).map(|room| room.since);
        let room = Room {
            own: text(&joined["member"]),
            since: before.or(joined["seq"].as_u64()).expect("a number"),
            others: others.collect(),
            version: version(joined),
        };
        assert!(!room.others.contains_key(&room.own), "{joined}");
        self.rooms.insert(text(&joined["room"]), room);
        for call in joined["calls"].as_array().into_iter().flatten().filter(|_| before.is_none()) {
            self.call(call);
        }
    }

    /// A change of a room or of a call.
    pub(super) fn learn(&mut self, frame: &Value) {
        if frame["type"] == "call" {
            return self.call(frame);
        }
        let room = self.rooms.get_mut(&text(&frame["room"]));
        let room = room.unwrap_or_else(|| panic!("of a room it is not in: {frame}"));
        let member = &frame["member"];
        let id = text(&member["member"]);
        let before = match frame["type"].as_str() {
            Some("member_left") => room.others.remove(&id),
            _ => room.others.insert(id, is_away(member)),
        };
        let was_there = frame["type"] != "member_joined";
        assert_eq!(before.is_some(), was_there, "told in order: {frame}");
        // To be lost, or back, is no change of the room.
        let is_of_line = frame["type"] == "member_updated" && before != Some(is_away(member));
        room.version += u64::from(!is_of_line);
        assert_eq!(version(frame), room.version, "every change is told: {frame}");
    }

    /// It has left by itself.
    pub(super) fn left(&mut self, room: &str) {
        // A former answer may have been lost with other news.
        self.rooms.remove(room);
        self.calls.retain(|_, call| call["room"] != room);
    }

    /// It was put out.
    pub(super) fn put_out(&mut self, left: &Value) {
        let room = self.rooms.remove(&text(&left["room"])).expect("put out of a room it is in");
        assert_eq!(room.own, text(&left["member"]));
        self.calls.retain(|_, call| call["room"] != left["room"]);
    }

    /// Its own update was done.
    pub(super) fn updated(&mut self, room: &str, ok: &Value) {
        let Some(room) = self.rooms.get_mut(room) else { return };
        // Not when it is answered again, after others have changed something.
        if version(ok) > room.version {
            room.version += 1;
            assert_eq!(version(ok), room.version, "every change is told: {ok}");
        }
    }

    fn call(&mut self, frame: &Value) {
        let id = text(&frame["call"]);
        let room = self.rooms.get(&text(&frame["room"]));
        let own = &room.unwrap_or_else(|| panic!("of a room it is not in: {frame}")).own;
        let members = frame["members"].as_array().expect("members");
        let part = members.iter().find(|one| one["member"] == **own).expect("it is in the call");
        let is_over = part["state"] == "ended";
        assert!(!is_over || self.calls.contains_key(&id), "its end is told once: {frame}");
        if is_over {
            self.calls.remove(&id);
            return;
        }
        let mut call = frame.clone();
        let live = members.iter().filter(|one| one["state"] != "ended");
        call["members"] = live.cloned().collect();
        for aside in ["type", "seq", "re", "data"] {
            call.as_object_mut().expect("an object").remove(aside);
        }
        self.calls.insert(id, call);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn version(frame: &Value) -> u64 {
    frame["version"].as_u64().expect("a version")
}

fn is_away(member: &Value) -> bool {
    member["reconnecting"].as_bool().unwrap_or_default()
}
