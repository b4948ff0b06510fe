//! RFC 8656 §8.1, §10, §12: what a client does all the time to keep what it has.

use crate::peer::Peer;
use crate::reply::success;
use crate::request::{binding, refresh};
use crate::turn_client::TurnClient;

impl TurnClient {
    /// Lets a call go on: keeps the mapping of its NAT alive, and refreshes its allocation and one
    /// channel, whose permission comes with it, in good time.
    #[track_caller]
    pub fn stay_in_call_s(&self, seconds: u64, channel: u16, peer: &Peer) {
        let end = self.world().now().unix + seconds;
        let mut refreshed_at = 0;
        while self.world().now().unix < end {
            let now = self.world().now().unix;
            if now >= refreshed_at + REFRESH_S {
                self.ask(refresh(600)).expect(success());
                self.bind(channel, peer);
                refreshed_at = now;
            }
            self.send(&binding().as_indication());
            self.world().advance_s(KEEP_ALIVE_S.min(end - now));
        }
    }
}

/// RFC 8445 §11: "Agents SHOULD use a Tr value of 15 seconds."
const KEEP_ALIVE_S: u64 = 15;
/// A minute before a permission expires, which lives shortest.
const REFRESH_S: u64 = 240;
