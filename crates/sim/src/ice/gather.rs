//! RFC 8445 §5.1: Full Implementation: gathering candidates, with one Allocate request for all.

use crate::ice::candidate::{Candidate, Kind};
use crate::reply::Expected;
use crate::request::{allocate, create_permission};
use crate::turn_client::TurnClient;

/// The candidates of a client: its own address, and what a TURN server adds if it answers.
#[track_caller]
pub(super) fn gather(client: &TurnClient) -> Vec<Candidate> {
    let host = Candidate { kind: Kind::Host, address: client.address() };
    // With a mismatch it has one already.
    let allocated = [Expected::Success, Expected::Error(437)];
    let reply = client.try_ask(allocate());
    if reply.is_none_or(|reply| !allocated.contains(&reply.outcome())) {
        return vec![host];
    }
    let reflexive = Candidate { kind: Kind::ServerReflexive, address: client.mapped() };
    let relayed = Candidate { kind: Kind::Relayed, address: client.relayed() };
    vec![host, reflexive, relayed]
}

/// RFC 8656 §9: lets the other agent's candidates send to the relayed transport address. A private
/// address gets a 403, and then there is no pair of the relay with it.
#[track_caller]
pub(super) fn permit(client: &TurnClient, remote: &Candidate) -> bool {
    let request = create_permission(&[&remote.address.to_string()]);
    client.try_ask(request).is_some_and(|reply| reply.outcome() == Expected::Success)
}
