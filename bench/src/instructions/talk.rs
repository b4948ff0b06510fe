//! A hub without sockets, and two members of a room who negotiate: what the hot functions of
//! signaling are called on.
//!
//! ```text
//!   Ada                 hub                 Bo      one walk is one message and what comes of it;
//!    │ offer, ack ───────▶│                  │      they speak in turns, so that each message
//!    │◀────────────── ok ─│─ offer ─────────▶│      acknowledges the two frames before it
//!    │                    │◀───── offer, ack │
//!    │◀─────────── offer ─│─ ok ────────────▶│
//! ```

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_signal::protocol::token_of;
use kopru_signal::{
    Claims, ConnId, Handled, Hub, Limits, Outbox, Outgoing, Rate, ResumeKey, Settings, Subject,
};
use kopru_stun::time::Now;
use serde_json::Value;

use crate::dialect::{ANSWER_SDP, SLOTS, offer_sdp};

/// A hub of which two members talk, and others are silent.
pub(crate) struct Talk {
    hub: Hub,
    out: Outbox,
    now: Now,
    word: Word,
    speakers: [Speaker; 2],
    said: usize,
    /// The text of a message, written in the same place each time.
    text: String,
}

/// One of the two who talk.
struct Speaker {
    conn: ConnId,
    /// The last `seq` that came.
    seq: u64,
    /// The last frame that came.
    heard: Option<Arc<str>>,
    /// What its messages end with, which is always the same.
    rest: String,
}

/// What they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// To the other one.
    Offer,
    Answer,
    Candidate,
    /// To the server alone.
    Ping,
}

impl Talk {
    /// Everybody has joined a room, and two are ready to say this.
    pub(crate) fn of(word: Word) -> Self {
        let conns = [ConnId(0), ConnId(1)];
        let mut talk = Self {
            hub: Hub::new(settings(), [7; 32], &ResumeKey::random([9; 32])),
            out: Outbox::new(),
            now: Now { instant: Instant::now(), unix: 1_800_000_000 },
            word,
            speakers: conns.map(|conn| Speaker { conn, seq: 0, heard: None, rest: String::new() }),
            said: 0,
            text: String::new(),
        };
        (0..CLIENTS).for_each(|client| talk.join(ConnId(client)));
        for speaker in &mut talk.speakers {
            speaker.rest = word.rest(&speaker.partner());
        }
        talk
    }

    /// One of the two says it, and what comes of it arrives.
    pub(crate) fn walk(&mut self) {
        let Self { word, speakers, said, text, .. } = self;
        *said += 1;
        let Speaker { conn, seq, rest, .. } = &speakers[*said % 2];
        text.clear();
        word.begin(text, *said, *seq);
        text.push_str(rest);
        assert_eq!(token_of(text), None);
        self.now.instant += Duration::from_micros(10);
        let handled = self.hub.handle(self.now, *conn, text, &mut self.out);
        assert_eq!(handled, Handled::Done);
        self.deliver();
    }

    /// Two at a time are in one room.
    fn join(&mut self, conn: ConnId) {
        let subject = Subject::new(&format!("client-{}", conn.0));
        self.hub.connect(self.now, conn, &mut self.out);
        self.hub.admit(conn, Ok(Claims { subject, ..Claims::open() }));
        let join = format!(r#"{{"type":"join","id":"0","room":"room-0-{}"}}"#, conn.0 / 2);
        for text in [HELLO, &join] {
            let handled = self.hub.handle(self.now, conn, text, &mut self.out);
            assert_eq!(handled, Handled::Done);
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        while let Some(outgoing) = self.out.pop() {
            let Outgoing::Frame(to, frame) = outgoing else { panic!("{outgoing:?}") };
            assert!(!frame.starts_with(r#"{"type":"error""#), "{frame}");
            if let Some(speaker) = self.speakers.iter_mut().find(|one| one.conn == to) {
                speaker.seq += 1;
                speaker.heard = Some(frame);
            }
        }
    }
}

impl Speaker {
    /// The member of whom it was told last: as it joined, or as the other one did.
    fn partner(&self) -> String {
        let frame: Value = serde_json::from_str(self.heard.as_deref().unwrap_or_default())
            .expect("it has heard of the other");
        let told = frame["members"][0]["member"].as_str().or(frame["member"]["member"].as_str());
        told.expect("it has heard of the other").to_owned()
    }
}

impl Word {
    /// What differs from message to message.
    fn begin(self, text: &mut String, said: usize, seq: u64) {
        let (kind, slot) = (self.kind(), said / 2 % SLOTS);
        let written = match self {
            Self::Ping => write!(text, r#"{{"type":"{kind}","id":"{said}","ack":{seq}"#),
            _ => write!(
                text,
                r#"{{"type":"{kind}","id":"{said}","ack":{seq},"connection":"k{slot}""#
            ),
        };
        written.expect("a string takes everything");
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Offer | Self::Answer => "description",
            Self::Candidate => "candidate",
            Self::Ping => "ping",
        }
    }

    /// What is the same in all messages to this member.
    fn rest(self, to: &str) -> String {
        let payload = match self {
            Self::Offer => description("offer", &offer_sdp()),
            Self::Answer => description("answer", ANSWER_SDP),
            Self::Candidate => format!(r#""candidate":{CANDIDATE}"#),
            Self::Ping => return "}".to_owned(),
        };
        format!(r#","room":"room-0-0","to":"{to}","negotiation":1,{payload}}}"#)
    }
}

fn description(kind: &str, sdp: &str) -> String {
    format!(r#""description":{{"type":"{kind}","sdp":"{sdp}"}}"#)
}

/// As under load: nobody is refused for talking much.
fn settings() -> Settings {
    let without = Rate { per_second: 0, burst: 0 };
    let limits = Limits {
        descriptions: without,
        candidates: without,
        messages: without,
        requests: without,
        ..Limits::default()
    };
    Settings { limits, ..Settings::default() }
}

/// As many as `kopru-bench signal relay` has: the two first ones talk.
const CLIENTS: u64 = 100;
const HELLO: &str = r#"{"type":"hello","v":1,"capabilities":{"rollback":true,"ice_restart":true}}"#;
const CANDIDATE: &str = concat!(
    r#"{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx "#,
    r#"raddr 0.0.0.0 rport 0 generation 0 ufrag Ab3d network-cost 999","#,
    r#""sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"Ab3d"}"#
);
