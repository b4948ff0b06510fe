//! RFC 8656 §7.2: "the reservation is a server-wide reservation". Ports that are held for whoever
//! shows the token, shared by all workers.
//!
//! ```text
//!  worker 1                    shared                              worker 2
//!  open, R bit ──hold──▶ token ──▶ port and quota ──claim──▶ Allocate with the token
//!      Hold ─────── dropped: what nobody claimed is given back
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kopru_stun::attribute::ReservationToken;

use crate::ports::PortLease;
use crate::quota::QuotaLease;

/// What is held in reserve. It ends as the [`Hold`] of the worker that made it does, be that
/// because its time is over or because the worker fell; so no port is ever leaked.
#[derive(Default)]
pub(crate) struct Reservations {
    held: Mutex<HashMap<ReservationToken, Reserved>>,
}

/// A port, and whose quota it is counted for while nobody has it open.
pub(crate) struct Reserved {
    pub(crate) port: PortLease,
    pub(crate) _quota: QuotaLease,
}

impl Reservations {
    /// Holds `reserved` for whoever shows `token`, until the [`Hold`] is dropped.
    pub(crate) fn hold(self: &Arc<Self>, token: ReservationToken, reserved: Reserved) -> Hold {
        self.held().insert(token, reserved);
        Hold { reservations: Arc::clone(self), token }
    }

    /// Takes what is held; a token is good for one claim.
    pub(crate) fn claim(&self, token: ReservationToken) -> Option<Reserved> {
        self.held().remove(&token)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ReservationToken, Reserved>> {
        // Nothing between lock and unlock can panic half-way, so a poisoned lock is still right.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reservation, as the worker that made it has it.
pub(crate) struct Hold {
    reservations: Arc<Reservations>,
    pub(crate) token: ReservationToken,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.reservations.claim(self.token);
    }
}
