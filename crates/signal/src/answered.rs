//! The last messages that were done, so that a repeated one is answered and not done again.

use std::collections::VecDeque;

use crate::ids::{CallId, MemberId};
use crate::limits::ANSWERED_IDS_MAX;
use crate::memory::Share;
use crate::names::RoomName;

/// What a message came to. Kept instead of the answer's text, which may be long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// What it answers: a room's version after an update.
    Ok {
        version: Option<u64>,
    },
    /// Put in line for somebody, who is reconnecting or not.
    Sent {
        held: bool,
    },
    /// Another token holds, for so long.
    Refreshed {
        token_ttl_s: Option<u64>,
    },
    Joined {
        room: RoomName,
        member: MemberId,
    },
    Calling {
        call: CallId,
        member: MemberId,
    },
}

/// The ids of one session's last [`ANSWERED_IDS_MAX`] messages, oldest first.
#[derive(Debug)]
pub(crate) struct Answered {
    window: VecDeque<Known>,
    share: Share,
}

#[derive(Debug)]
struct Known {
    /// Nearly every message is a new one, and is told from all these by its print alone.
    print: u64,
    id: Box<str>,
    done: Done,
}

impl Answered {
    /// None yet; what they will take is counted in `share`.
    pub(crate) fn new(share: Share) -> Self {
        Self { window: VecDeque::new(), share }
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Done> {
        let print = print(id);
        // From the newest on: a repetition mostly follows closely.
        let known = self.window.iter().rev().find(|known| known.print == print && *known.id == *id);
        known.map(|known| &known.done)
    }

    pub(crate) fn remember(&mut self, id: &str, done: Done) {
        let mut bytes = self.share.bytes() + size_of::<Known>() + id.len();
        if self.window.len() == ANSWERED_IDS_MAX
            && let Some(forgotten) = self.window.pop_front()
        {
            bytes -= size_of::<Known>() + forgotten.id.len();
        }
        self.share.set(bytes);
        if self.window.is_empty() {
            // Many only join, and need no room for four.
            self.window.reserve_exact(1);
        }
        self.window.push_back(Known { print: print(id), id: id.into(), done });
    }
}

/// FNV-1a. A client that makes its own ids collide makes its own messages slower, by 64 looks.
fn print(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |print, byte| {
        (print ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
