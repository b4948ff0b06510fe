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
    window: VecDeque<(Box<str>, Done)>,
    share: Share,
}

impl Answered {
    /// None yet; what they will take is counted in `share`.
    pub(crate) fn new(share: Share) -> Self {
        Self { window: VecDeque::new(), share }
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Done> {
        // From the newest on: a repetition mostly follows closely.
        self.window.iter().rev().find(|(known, _)| **known == *id).map(|(_, done)| done)
    }

    pub(crate) fn remember(&mut self, id: &str, done: Done) {
        if self.window.len() == ANSWERED_IDS_MAX
            && let Some((forgotten, _)) = self.window.pop_front()
        {
            self.share.take(size_of::<(Box<str>, Done)>() + forgotten.len());
        }
        self.share.add(size_of::<(Box<str>, Done)>() + id.len());
        self.window.push_back((id.into(), done));
    }
}
