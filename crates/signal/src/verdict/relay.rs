//! RFC 8656: what the relay itself has said, or had to refuse.

use super::{Case, Verdict, VerdictClass, Words};
use crate::evidence::Skew;
use crate::leave::LeaveReason;
use crate::nat::Sure;
use crate::relay_sight::RefusedWhy;

/// Somebody was refused, which no network explains.
pub(super) fn refused(case: &Case<'_>) -> Option<Verdict> {
    revoked(case).or_else(|| by_turn(case)).or_else(|| by_report(case))
}

fn revoked(case: &Case<'_>) -> Option<Verdict> {
    let is_revoked = |left| matches!(left, Some(LeaveReason::NotAllowed | LeaveReason::Revoked));
    let (side, ()) = case.find(|side| (side.barred || is_revoked(side.left)).then_some(()))?;
    let words = Words {
        cause: "The token or the credential of {who} was taken back.",
        cure: "Nothing, if it was meant. Otherwise give that member a token that allows the room, \
               and let it join again.",
    };
    Some(case.about(side, (VerdictClass::Revoked, Sure::Certain), words))
}

fn by_turn(case: &Case<'_>) -> Option<Verdict> {
    let (side, refusal) = case.find(|side| side.refused.filter(|one| side.needs(*one)))?;
    let ((class, sure), words) = match (refusal.why, refusal.skew) {
        // Nobody has proved to be who was refused: whoever has seen a user name can guess.
        (RefusedWhy::WrongPassword, _) => ((VerdictClass::CredentialWrong, Sure::Likely), WRONG),
        (RefusedWhy::Expired { .. }, Some(Skew::Early)) => {
            ((VerdictClass::ClockSkew, Sure::Certain), SKEW)
        }
        (RefusedWhy::Expired { .. }, Some(Skew::Foreign)) => {
            ((VerdictClass::ClockSkew, Sure::Likely), FOREIGN)
        }
        (RefusedWhy::Expired { .. }, None) => {
            ((VerdictClass::CredentialExpired, Sure::Certain), EXPIRED)
        }
        (RefusedWhy::Quota, _) => ((VerdictClass::Quota, Sure::Certain), QUOTA),
        (RefusedWhy::Capacity, _) => ((VerdictClass::Quota, Sure::Certain), CAPACITY),
        // Told as `revoked`; or of no meaning that is known.
        (RefusedWhy::Barred | RefusedWhy::Other, _) => return None,
    };
    Some(case.about(side, (class, sure), words))
}

/// What a client says that a server answered: this one, or another provider's.
fn by_report(case: &Case<'_>) -> Option<Verdict> {
    let (side, (class, words)) = case.find(|side| match side.error_code? {
        _ if side.allocated.is_some() => None,
        401 => Some((VerdictClass::CredentialWrong, WRONG)),
        486 => Some((VerdictClass::Quota, QUOTA)),
        508 => Some((VerdictClass::Quota, CAPACITY)),
        _ => None,
    })?;
    Some(case.about(side, (class, Sure::Likely), words))
}

/// There is a relay, and it is of no use.
pub(super) fn out_of_reach(case: &Case<'_>) -> Option<Verdict> {
    private(case).or_else(|| forbidden(case))
}

fn private(case: &Case<'_>) -> Option<Verdict> {
    let (side, ()) = case.find(|side| side.announces_private_relay().then_some(()))?;
    if case.sides[1 - side].is_all_private() {
        return None;
    }
    let words = Words {
        cause: "The relay announces a private address to {who}, which {partner} can't reach unless \
                it is in the same network.",
        cure: "Set turn.relay_addresses to the public address, as \"public=private\" behind a 1:1 \
               NAT.",
    };
    Some(case.about(side, (VerdictClass::RelayAddressPrivate, Sure::Likely), words))
}

fn forbidden(case: &Case<'_>) -> Option<Verdict> {
    let [low, high] = case.sides;
    let refused = [low.refused_peer(high), high.refused_peer(low)];
    if let Some(side) = refused.iter().position(Option::is_some) {
        return Some(case.about(side, (VerdictClass::PeerForbidden, Sure::Certain), FORBIDDEN));
    }
    // That private addresses are refused is nothing special, as long as there are others.
    let (side, ()) = case.find(|side| side.has_refused_peers().then_some(()))?;
    let partner = case.sides[1 - side];
    let has_others = partner.got_through();
    let is_only = !has_others && case.sides[side].has_relay();
    is_only.then(|| case.about(side, (VerdictClass::PeerForbidden, Sure::Likely), FORBIDDEN))
}

const WRONG: Words<'_> = Words {
    cause: "TURN refused the user name and password of {who} (401).",
    cure: "Hand `ice_servers` to RTCPeerConnection as they came. If another back end makes them, \
           its secret has to be one of turn.auth.secrets.",
};
const EXPIRED: Words<'_> = Words {
    cause: "The TURN credential of {who} had expired when it was used (401).",
    cure: "Use the newest `ice_servers` for each new connection and before each ICE restart; the \
           server sends them in time.",
};
const SKEW: Words<'_> = Words {
    cause: "TURN took the credential of {who} for expired while its time was not over: a clock was \
            set, or those of two servers differ.",
    cure: "Synchronise the clocks of all servers (NTP), then let that member fetch new ICE \
           servers.",
};
const FOREIGN: Words<'_> = Words {
    cause: "The TURN credential of {who} was over before that member came (401): who made it has a \
            clock that is behind, or it was kept from an earlier session.",
    cure: "Synchronise the clocks of whatever makes credentials with a secret of turn.auth.secrets \
           (NTP), and use the newest `ice_servers` for each new connection.",
};
const QUOTA: Words<'_> = Words {
    cause: "TURN had no allocation left for {who}: as many are made as the user, its network or \
            all together may have (486).",
    cure: "Close connections that are not used any more, or raise what is reached of \
           allocations_per_user, allocations_per_prefix and allocations_total in turn.limits.",
};
const CAPACITY: Words<'_> = Words {
    cause: "The relay has no place left for {who} (508).",
    cure: "Widen turn.relay_ports, or raise turn.limits.",
};
const FORBIDDEN: Words<'_> = Words {
    cause: "The relay of {who} may not send to the addresses of {partner} (403).",
    cure: "Let both sides relay here: relayed addresses are always permitted. Or open that network \
           in turn.peers.allow.",
};
