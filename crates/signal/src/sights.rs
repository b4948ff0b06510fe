//! What TURN saw of a credential, put where it explains something.

use kopru_stun::credentials::id_and_limit;
use kopru_stun::time::Now;

use crate::hub::Hub;
use crate::relay_sight::RelaySight;

impl Hub {
    /// The TURN server has seen something of the credential with this id: what stands behind the
    /// expiry in user names, with or without a limit. One that no session here has is ignored.
    pub fn relay_saw(&mut self, now: Now, credential: &str, sight: RelaySight) {
        let (credential, _) = id_and_limit(credential);
        self.watches.keep(now.instant, credential, sight);
    }
}
