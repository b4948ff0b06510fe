//! RFC 5128 §3.3: UDP Hole Punching: whether two members will reach each other without a relay,
//! from what both tell of their NATs.
//!
//! What leaves a NAT whose mapping depends on the endpoint comes from a port that nobody was told.
//! The other NAT lets it in where its filter looks at the address at most. It is answered to where
//! it came from; where the answer comes from yet another port too, no check is ever answered from
//! where it went.
//!
//! ```text
//!   mapping of one    mapping of the other   direct
//!   independent       independent            always
//!   independent       dependent              unless the one filters by address and port
//!   by address        dependent              unless either filters by address and port
//!   by address, port  by address, port       never
//! ```
//!
//! The table is checked against ICE between simulated NATs by `tests/prediction.rs`.

use std::slice;

use schemars::JsonSchema;
use serde::Serialize;

use crate::nat::Behavior::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
use crate::nat::{Behavior, Nat, Sure};

/// How two members are expected to be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Prediction {
    pub(crate) path: Path,
    pub(crate) sure: Sure,
}

/// The way of the packets between two members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PredictedPath")]
pub(crate) enum Path {
    Direct,
    Relay,
    Unknown,
}

impl Prediction {
    /// The same for both, whichever comes first.
    pub(crate) fn between(one: &Nat, other: &Nat) -> Self {
        let both = [one, other];
        if both.iter().any(|nat| !nat.udp) {
            // Two in one network may find each other all the same.
            return Self { path: Path::Relay, sure: Sure::Likely };
        }
        if one.address.is_some() && one.address == other.address {
            // In one network the NAT does not matter. Behind one NAT of their provider it has to
            // support hairpinning (RFC 4787 §6), which nobody has tested.
            return Self { path: Path::Direct, sure: Sure::Guess };
        }
        if both.iter().all(|nat| nat.mapping == Behavior::Unknown) {
            return Self { path: Path::Unknown, sure: Sure::Guess };
        }
        let path = path(assumed(one), assumed(other));
        let are_apart = both.iter().all(|nat| nat.address.is_some());
        let sure = if follows(path, [(one, tested(one)), (other, tested(other))]) {
            // As above: two of whom it is not known that they are in different networks.
            if path == Path::Direct || are_apart { Sure::Certain } else { Sure::Likely }
        } else if follows(path, both.map(|nat| (nat, possible(&nat.mapping)))) {
            Sure::Likely
        } else {
            Sure::Guess
        };
        Self { path, sure }
    }
}

/// The mapping and the filtering of a NAT.
type Known = (Behavior, Behavior);

fn path(one: Known, other: Known) -> Path {
    let is_stopped = |(mapping, _): Known, (_, filtering): Known| {
        mapping != EndpointIndependent && filtering == AddressAndPortDependent
    };
    let is_never_answered = [one, other].iter().all(|it| it.0 == AddressAndPortDependent);
    if is_never_answered || is_stopped(one, other) || is_stopped(other, one) {
        return Path::Relay;
    }
    Path::Direct
}

/// Whether it is this path with each of these mappings, and whatever filtering was not told.
fn follows(expected: Path, [one, other]: [(&Nat, &[Behavior]); 2]) -> bool {
    let all = |(nat, mappings): (&Nat, &[Behavior])| -> Vec<Known> {
        let filterings = possible(&nat.filtering);
        let with = |mapping| filterings.iter().map(move |filtering| (mapping, *filtering));
        mappings.iter().copied().flat_map(with).collect()
    };
    let others = all(other);
    all(one).into_iter().all(|one| others.iter().all(|other| path(one, *other) == expected))
}

/// The mappings that are left after the tests that were made.
fn tested(nat: &Nat) -> &[Behavior] {
    if nat.sure == Some(Sure::Certain) { possible(&nat.mapping) } else { &ALL }
}

fn possible(told: &Behavior) -> &[Behavior] {
    if *told == Behavior::Unknown { &ALL } else { slice::from_ref(told) }
}

/// What was not told is as in most homes: the mapping as RFC 4787 REQ-1 wants it, the filter that
/// of a router that lets in nothing but answers.
fn assumed(nat: &Nat) -> Known {
    let or = |told, usual| if told == Behavior::Unknown { usual } else { told };
    (or(nat.mapping, EndpointIndependent), or(nat.filtering, AddressAndPortDependent))
}

const ALL: [Behavior; 3] = [EndpointIndependent, AddressDependent, AddressAndPortDependent];

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that can be told, with one of three addresses or none.
    fn everything() -> Vec<Nat> {
        let behaviors = [&[Behavior::Unknown][..], &ALL].concat();
        let sures = [None, Some(Sure::Certain)];
        let addresses = [None, Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into())];
        let mut all = vec![Nat { udp: false, ..Nat::default() }];
        for &mapping in &behaviors {
            for &filtering in &behaviors {
                for (sure, address) in sures.iter().flat_map(|it| addresses.map(|at| (*it, at))) {
                    all.push(Nat { mapping, filtering, sure, udp: true, address });
                }
            }
        }
        all
    }

    #[test]
    fn both_are_told_the_same() {
        for one in &everything() {
            for other in &everything() {
                let [told, asked] = [(one, other), (other, one)]
                    .map(|(one, other)| Prediction::between(one, other));
                assert_eq!(told, asked, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_is_certain_no_further_test_overturns() {
        for one in &everything() {
            for other in &everything() {
                let told = Prediction::between(one, other);
                if told.sure != Sure::Certain {
                    continue;
                }
                for filtering in possible(&one.filtering) {
                    let more = Nat { filtering: *filtering, ..*one };
                    let more = Prediction::between(&more, other);
                    assert_eq!(more, told, "{filtering:?} of {one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn how_sure_it_is() {
        let at = |last, mapping, sure| {
            let address = Some([192, 0, 2, last].into());
            Nat { mapping, sure, address, ..Nat::default() }
        };
        let (certain, likely) = (Some(Sure::Certain), Some(Sure::Likely));
        let home = at(1, EndpointIndependent, likely);
        let open = Nat { filtering: EndpointIndependent, ..home };
        let company = at(2, AddressAndPortDependent, certain);
        let blocked = Nat { udp: false, ..Nat::default() };
        for (one, other, path, sure) in [
            (home, at(2, EndpointIndependent, likely), Path::Direct, Sure::Likely),
            (
                at(1, EndpointIndependent, certain),
                at(2, EndpointIndependent, certain),
                Path::Direct,
                Sure::Certain,
            ),
            // What decides is the filter of the home.
            (home, company, Path::Relay, Sure::Guess),
            (open, company, Path::Direct, Sure::Likely),
            (company, at(3, AddressAndPortDependent, certain), Path::Relay, Sure::Certain),
            // It may be the same network.
            (company, Nat { address: None, ..company }, Path::Relay, Sure::Likely),
            (company, company, Path::Direct, Sure::Guess),
            (home, Nat::default(), Path::Direct, Sure::Guess),
            (company, Nat::default(), Path::Relay, Sure::Guess),
            (Nat::default(), Nat::default(), Path::Unknown, Sure::Guess),
            (home, blocked, Path::Relay, Sure::Likely),
        ] {
            let expected = Prediction { path, sure };
            assert_eq!(Prediction::between(&one, &other), expected, "{one:?} {other:?}");
        }
    }
}
