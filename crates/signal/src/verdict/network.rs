//! RFC 8445: what a network lets through, inferred from what came through.

use super::{Case, Verdict, VerdictClass, Words};
use crate::evidence::{Evidence, Mapping, Ways};
use crate::nat::Sure;

/// A network lets too little out, or two of them too little in.
pub(super) fn too_little(case: &Case<'_>) -> Option<Verdict> {
    closed(case).or_else(|| symmetric(case))
}

fn closed(case: &Case<'_>) -> Option<Verdict> {
    let (side, (verdict, words)) = case.find(|side| of(side, case.offered))?;
    Some(case.about(side, verdict, words))
}

fn of(side: &Evidence, offered: Ways) -> Option<((VerdictClass, Sure), Words<'static>)> {
    let unanswered = side.unanswered;
    if side.got_through_by_tcp_alone() {
        let is_only_443 = unanswered.tcp;
        let class = if is_only_443 { VerdictClass::Only443 } else { VerdictClass::UdpBlocked };
        let words = if is_only_443 { ONLY_443 } else { NO_UDP };
        let sure = if unanswered.udp { Sure::Certain } else { Sure::Likely };
        return offered.udp.then_some(((class, sure), words));
    }
    if side.got_through() {
        return None;
    }
    // Nothing came through, though something was tried.
    match [unanswered.udp, unanswered.tcp, unanswered.tcp_443] {
        [_, _, true] => None,
        [_, true, false] => Some(((VerdictClass::Only443, Sure::Likely), ONLY_443)),
        [true, false, false] => silent(offered, Sure::Likely),
        [false, false, false] => side.ice.and_then(|_| silent(offered, Sure::Guess)),
    }
}

/// Nothing came through, and the client does not say of TCP that it tried: what was there to try?
/// Of a connection that a firewall swallows, browsers say nothing for a long time.
fn silent(offered: Ways, sure: Sure) -> Option<((VerdictClass, Sure), Words<'static>)> {
    match offered {
        Ways { udp: true, tcp: true, tcp_443: false } => {
            Some(((VerdictClass::Only443, sure), ONLY_443))
        }
        Ways { udp: true, tcp: false, tcp_443: false } => {
            Some(((VerdictClass::UdpBlocked, sure), NO_UDP))
        }
        _ => None,
    }
}

/// Both NATs give each destination another port, and no relay helps.
fn symmetric(case: &Case<'_>) -> Option<Verdict> {
    let [low, high] = case.sides;
    if low.has_relay() || high.has_relay() {
        return None;
    }
    let sure = match [low, high].map(Evidence::mapping) {
        [Some(Mapping::Dependent), Some(Mapping::Dependent)] => Sure::Certain,
        [Some(Mapping::Dependent), None] | [None, Some(Mapping::Dependent)] => Sure::Guess,
        _ => return None,
    };
    let may_relay = low.may_relay || high.may_relay;
    let cause = match sure {
        Sure::Certain => {
            "Both are behind NATs that give each destination another port, and no \
                          relay was used."
        }
        _ => {
            "One is behind a NAT that gives each destination another port, the other perhaps too, \
              and no relay was used."
        }
    };
    let cure = if may_relay {
        "Hand `ice_servers` to both RTCPeerConnections, with its TURN URLs: only a relay connects \
         these two."
    } else {
        "Let them relay: set turn.listen and turn.auth.secrets, and `relay` in their tokens to \
         \"yes\"."
    };
    let class = VerdictClass::SymmetricWithoutRelay;
    Some(Verdict::of(class, sure, cause.to_owned(), cure))
}

const NO_UDP: Words<'_> = Words {
    cause: "No UDP comes through between {who} and this server.",
    cure: "Let UDP out to the TURN port there, or offer more ways: TCP in turn.listen, and TLS on \
           port 443 by [https].",
};
const ONLY_443: Words<'_> = Words {
    cause: "Nothing but port 443 comes through between {who} and this server.",
    cure: "Offer TURN over TLS on port 443: [https] with listen = \"0.0.0.0:443\" and a \
           certificate.",
};
