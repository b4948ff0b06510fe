//! Frames of two sessions that share a hub.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kopru_signal::{Claims, ConnId, Hub, Outbox, Outgoing, Settings, Subject};
use kopru_stun::time::Now;
use serde_json::Value;

/// Each line of the input is a frame, of the one session and the other by turns; a line that is
/// only a number lets so many seconds pass.
pub fn signal_frames(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let mut stage = Stage::new();
    for (number, line) in text.lines().take(LINES_MAX).enumerate() {
        match line.parse::<u16>() {
            Ok(seconds) => stage.pass(Duration::from_secs(seconds.into())),
            Err(_) => stage.say(ConnId(1 + number as u64 % 2), line),
        }
    }
    for conn in [1, 2].map(ConnId) {
        stage.hub.disconnect(conn, &mut stage.out);
        stage.deliver();
    }
    let stats = stage.hub.stats();
    assert_eq!((stats.connections, stats.sessions, stats.rooms, stats.members), (0, 0, 0, 0));
}

struct Stage {
    hub: Hub,
    now: Now,
    out: Outbox,
    seqs: HashMap<ConnId, u64>,
}

impl Stage {
    fn new() -> Self {
        let now = Now { instant: Instant::now(), unix: 1_795_000_000 };
        let hub = Hub::new(Settings::default(), [7; 32]);
        let mut stage = Self { hub, now, out: Outbox::new(), seqs: HashMap::new() };
        for (conn, name) in [(ConnId(1), "ada"), (ConnId(2), "bo")] {
            stage.hub.connect(now, conn, &mut stage.out);
            let claims = Claims { subject: Subject::new(name), ..Claims::open() };
            stage.hub.admit(conn, Ok(claims));
            stage.say(conn, r#"{"type":"hello","v":1}"#);
        }
        stage
    }

    fn say(&mut self, conn: ConnId, frame: &str) {
        self.hub.handle(self.now, conn, frame, &mut self.out);
        self.deliver();
    }

    fn pass(&mut self, by: Duration) {
        self.now.instant += by;
        self.now.unix += by.as_secs();
        while self.hub.poll_timeout().is_some_and(|due| due <= self.now.instant) {
            self.hub.handle_timeout(self.now, &mut self.out);
            self.deliver();
        }
    }

    /// What is sent is JSON with a type, and numbered without a gap.
    fn deliver(&mut self) {
        while let Some(outgoing) = self.out.pop() {
            let Outgoing::Frame(conn, text) = outgoing else { continue };
            let frame: Value = serde_json::from_str(&text).expect("a hub sends JSON");
            assert!(frame["type"].is_string(), "{text}");
            if let Some(seq) = frame["seq"].as_u64() {
                let last = self.seqs.entry(conn).or_default();
                assert_eq!(seq, *last + 1, "{text}");
                *last = seq;
            }
        }
    }
}

const LINES_MAX: usize = 300;
