//! Ada and Bo, who connect with each other in the room "lab".

use kopru_signal::{RelaySight, Settings};
use kopru_stun::credentials::Secret;
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, text};

pub(crate) struct Two {
    pub(crate) stage: Stage,
    pub(crate) ada: One,
    pub(crate) bo: One,
}

/// One of them.
pub(crate) struct One {
    pub(crate) client: Client,
    pub(crate) member: String,
    /// The id in the user name of its TURN credential.
    pub(crate) credential: String,
    /// When that expires.
    pub(crate) expires_unix: u64,
}

impl Two {
    /// With a relay over UDP and TCP.
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::who_can(change, [json!({}), json!({})])
    }

    /// With what they say at `join` about their media.
    pub(crate) fn who_can(change: impl FnOnce(&mut Settings), media: [Value; 2]) -> Self {
        let stage = Stage::with(|settings| {
            settings.ice.stun_urls = vec!["stun:turn.example.org:3478".into()];
            settings.ice.turn_urls = ["udp", "tcp"]
                .map(|transport| format!("turn:turn.example.org:3478?transport={transport}"))
                .into();
            settings.ice.secret = Some(Secret::new("s3cret"));
            change(settings);
        });
        let [of_ada, of_bo] = media;
        let ada = One::enter(&stage, ("ada", "Ada"), of_ada);
        let bo = One::enter(&stage, ("bo", "Bo"), of_bo);
        ada.client.expect("member_joined");
        Self { stage, ada, bo }
    }

    /// Ada offers, Bo answers.
    pub(crate) fn negotiate(&self) {
        describe(&self.ada, &self.bo, "offer");
        describe(&self.bo, &self.ada, "answer");
    }

    /// Both say that ICE has failed.
    pub(crate) fn fail(&self) {
        self.ada_reports(json!({"state": "failed"}));
        self.bo_reports(json!({"state": "failed"}));
    }

    pub(crate) fn ada_reports(&self, report: Value) {
        say_report(&self.ada, &self.bo, report);
    }

    pub(crate) fn bo_reports(&self, report: Value) {
        say_report(&self.bo, &self.ada, report);
    }

    pub(crate) fn ada_proposes(&self, candidate: &str) {
        propose(&self.ada, &self.bo, candidate);
    }

    pub(crate) fn bo_proposes(&self, candidate: &str) {
        propose(&self.bo, &self.ada, candidate);
    }

    pub(crate) fn ada_tells_of_her_nat(&self, mapping: &str) {
        tell_of_nat(&self.ada, &self.bo, mapping);
    }

    pub(crate) fn bo_tells_of_his_nat(&self, mapping: &str) {
        tell_of_nat(&self.bo, &self.ada, mapping);
    }

    /// TURN has seen this for Bo.
    pub(crate) fn turn_saw_bo(&self, sight: RelaySight) {
        self.stage.relay_saw(&self.bo.credential, sight);
    }

    /// The story as Ada hears it.
    pub(crate) fn told_to_ada(&self) -> Value {
        ask(&self.ada, &self.bo)
    }

    pub(crate) fn told_to_bo(&self) -> Value {
        ask(&self.bo, &self.ada)
    }

    /// Class, whose, and how sure, as Ada hears it. It has a cause and a cure.
    pub(crate) fn verdict(&self) -> (String, Option<String>, String) {
        let verdict = &self.told_to_ada()["verdict"];
        for words in ["cause", "cure"] {
            let words = verdict[words].as_str().expect("words");
            assert!(words.len() > 10 && !words.contains('{'), "{verdict}");
        }
        let whose = verdict["whose"].as_str().map(|whose| match whose {
            ada if ada == self.ada.member => "Ada".to_owned(),
            bo if bo == self.bo.member => "Bo".to_owned(),
            other => panic!("a stranger: {other}"),
        });
        (text(&verdict["class"]), whose, text(&verdict["sure"]))
    }

    /// The verdict is this.
    pub(crate) fn expect_verdict(&self, class: &str, whose: Option<&str>, sure: &str) {
        let expect = (class.to_owned(), whose.map(str::to_owned), sure.to_owned());
        assert_eq!(self.verdict(), expect, "{:#}", self.told_to_ada());
    }
}

impl One {
    fn enter(stage: &Stage, (identity, name): (&str, &str), media: Value) -> Self {
        let client = stage.client(claims(identity));
        let welcome = client.hello();
        let username = welcome["ice_servers"][1]["username"].as_str().unwrap_or("0:");
        let (expires, credential) = username.split_once(':').expect("a time-limited name");
        let join = json!({"type": "join", "room": "lab", "name": name, "media": media});
        client.send(join);
        let member = text(&client.expect("joined")["member"]);
        let expires_unix = expires.parse().expect("a number");
        Self { client, member, credential: credential.to_owned(), expires_unix }
    }
}

pub(crate) fn describe(from: &One, to: &One, kind: &str) {
    let id = from.client.send(json!({
        "type": "description", "room": "lab", "to": to.member, "connection": "main",
        "negotiation": 1, "description": {"type": kind, "sdp": "v=0\r\n"},
    }));
    from.client.expect_ok(&id);
    to.client.expect("description");
}

fn propose(from: &One, to: &One, candidate: &str) {
    let id = from.client.send(json!({
        "type": "candidate", "room": "lab", "to": to.member, "connection": "main",
        "candidate": {"candidate": format!("candidate:1 1 {candidate}"), "sdpMid": "0"},
    }));
    from.client.expect_ok(&id);
    to.client.expect("candidate");
}

fn say_report(from: &One, to: &One, mut report: Value) {
    report["type"] = json!("report");
    report["room"] = json!("lab");
    report["to"] = json!(to.member);
    report["connection"] = json!("main");
    let id = from.client.send(report);
    from.client.expect_ok(&id);
}

fn tell_of_nat(from: &One, to: &One, mapping: &str) {
    let nat = json!({"mapping": mapping});
    let id = from.client.send(json!({"type": "update", "room": "lab", "nat": nat}));
    // How the other is expected to be reached may come before.
    let (told, _) = from.client.drain();
    assert!(told.iter().any(|frame| frame["type"] == "ok" && frame["re"] == id), "{told:?}");
    to.client.expect("member_updated");
}

fn ask(who: &One, about: &One) -> Value {
    let id = who.client.send(json!({"type": "why", "room": "lab", "to": about.member}));
    let mut told = who.client.expect("story");
    assert_eq!(told["re"], id);
    told["story"].take()
}
