//! Each datagram that a server takes is counted once: as dropped for one reason, as a reply, or as
//! relayed one way.

use kopru_turn::{Counters, Server, Verdict};

/// What a server had counted before it took a datagram.
pub(crate) struct Counted {
    before: Counters,
}

impl Counted {
    pub(crate) fn by(server: &Server) -> Self {
        Self { before: server.counters().clone() }
    }

    /// It has taken one datagram since, with this verdict.
    pub(crate) fn check_one_more(&self, server: &Server, verdict: Verdict) {
        // A Connect request is counted when it is answered.
        let taken = usize::from(verdict != Verdict::Later);
        self.check_more(server, verdict, taken);
    }

    /// It has taken so many since, with this verdict for those that pass.
    pub(crate) fn check_more(&self, server: &Server, verdict: Verdict, taken: usize) {
        let (before, after) = (&self.before, server.counters());
        let counted = taken as u64;
        assert_eq!(sum(after), sum(before) + counted, "one in, one counted: {verdict:?}");
        let grown = match verdict {
            Verdict::Later => true,
            Verdict::Drop(reason) => after.dropped(reason) > before.dropped(reason),
            Verdict::ToPeer { .. } | Verdict::ToRelayed { .. } => {
                after.to_peers.packets > before.to_peers.packets
            }
            Verdict::ToClient(_) => {
                let relayed = after.to_clients.packets > before.to_clients.packets;
                relayed || replies(after) > replies(before)
            }
        };
        assert!(grown, "counted as something else than {verdict:?}");
    }
}

fn sum(counters: &Counters) -> u64 {
    let dropped: u64 = counters.drops().map(|(_, count)| count).sum();
    let relayed = counters.to_peers.packets + counters.to_clients.packets;
    dropped + relayed + replies(counters)
}

fn replies(counters: &Counters) -> u64 {
    counters.replies().map(|(_, _, count)| count).sum()
}
