//! What the relay's workers saw of credentials, on its way to signaling, which knows whose they
//! are. It never waits: what finds the queue of the hub full is counted and forgotten.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use kopru_signal::{AllocationEnd, RefusedWhy, RelaySight, TurnTransport, is_private};
use kopru_stun::credentials::{expiry_and_name, id_and_limit};
use kopru_turn::five_tuple::Transport;
use kopru_turn::{EndReason, Ended, Event, RefusalReason, Refused};
use tokio::sync::mpsc::error::TrySendError;

use crate::hub;

/// The way to the hub.
#[derive(Debug, Default)]
pub(crate) struct RelaySights {
    hub: OnceLock<hub::Desks>,
    lost: AtomicU64,
}

impl RelaySights {
    /// From now on these desks are told. Before there is one, nobody has a credential.
    pub(crate) fn lead_to(&self, hub: hub::Desks) {
        // Fails for a second hub, and there is one.
        let _ = self.hub.set(hub);
    }

    /// Tells what happened, if it says something about a credential.
    pub(crate) fn tell(&self, event: &Event) {
        let Some((hub, (credential, sight))) = self.hub.get().zip(sight(event)) else { return };
        let credential = credential.to_owned();
        // A hub that is gone misses nothing.
        if let Err(TrySendError::Full(_)) = hub.try_send(hub::Event::RelaySaw { credential, sight })
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many the hub had no room for.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The id in a time-limited user name; `None` where there is none.
pub(crate) fn credential_id(username: &str) -> Option<&str> {
    let (_, name) = expiry_and_name(username)?;
    Some(id_and_limit(name).0).filter(|id| !id.is_empty())
}

/// What an event says, and about which credential.
fn sight(event: &Event) -> Option<(&str, RelaySight)> {
    let (username, sight) = match event {
        Event::Created { five_tuple, relayed, username, .. } => {
            let transport = transport(five_tuple.transport);
            let relayed_private = is_private(relayed.0.ip());
            (username, RelaySight::Allocated { transport, relayed_private })
        }
        Event::Refreshed { .. } => return None,
        Event::Ended(ended) => (&ended.username, ended_sight(ended)),
        Event::Refused(refused) => (&refused.username, refused_sight(refused)),
    };
    Some((credential_id(username)?, sight))
}

fn ended_sight(ended: &Ended) -> RelaySight {
    let reason = match ended.reason {
        EndReason::Deleted => AllocationEnd::Deleted,
        EndReason::Expired => AllocationEnd::Expired,
        EndReason::MaxSession => AllocationEnd::MaxSession,
        EndReason::Disconnected => AllocationEnd::Disconnected,
        EndReason::Revoked => AllocationEnd::Revoked,
        EndReason::Left => AllocationEnd::Left,
        EndReason::Shutdown => AllocationEnd::Shutdown,
    };
    RelaySight::Ended {
        reason,
        transport: transport(ended.five_tuple.transport),
        to_peers_bytes: ended.to_peers.bytes,
        to_client_bytes: ended.to_client.bytes,
    }
}

fn refused_sight(refused: &Refused) -> RelaySight {
    let code = refused.reason.code();
    let why = match refused.reason {
        RefusalReason::WrongPassword => RefusedWhy::WrongPassword,
        RefusalReason::Expired { .. } => {
            let expired_unix = expiry_and_name(&refused.username).map_or(0, |(expiry, _)| expiry);
            RefusedWhy::Expired { expired_unix }
        }
        RefusalReason::Barred => RefusedWhy::Barred,
        RefusalReason::PeerForbidden(peer) => {
            return RelaySight::PeerRefused { peer: peer.0.ip(), code };
        }
        RefusalReason::WrongCredentials => RefusedWhy::Other,
        RefusalReason::Quota => RefusedWhy::Quota,
        RefusalReason::Capacity => RefusedWhy::Capacity,
    };
    RelaySight::Refused { code, why }
}

fn transport(transport: Transport) -> TurnTransport {
    match transport {
        Transport::Udp => TurnTransport::Udp,
        Transport::Tcp => TurnTransport::Tcp,
        Transport::Tls => TurnTransport::Tls,
    }
}

#[cfg(test)]
mod tests;
