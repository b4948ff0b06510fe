//! What TURN saw of a credential, put where it explains something.

use std::time::{Duration, Instant};

use kopru_stun::credentials::id_and_limit;
use kopru_stun::time::Now;

use crate::evidence::Minted;
use crate::hub::Hub;
use crate::limits::EARLY_SIGHT_AGE_MAX;
use crate::relay_sight::RelaySight;
use crate::session::SessionKey;
use crate::story::Story;
use crate::verdict::StoryState;

impl Hub {
    /// The TURN server has seen something of the credential with this id: what stands behind the
    /// expiry in user names, with or without a limit. One that no session here has, or had a moment
    /// ago, is ignored.
    ///
    /// One identity has one credential, so it is told of all its connections that are being made,
    /// and of the end of an allocation all that are or just were.
    pub fn relay_saw(&mut self, now: Now, credential: &str, sight: RelaySight) {
        self.stories.tick(now);
        let (credential, _) = id_and_limit(credential);
        let minted = self.whole.watches().minted(credential);
        let stories = self.whole.stories().of_credential(credential);
        for story in stories {
            story.with(|story| story.learn(now.instant, credential, (sight, minted)));
        }
        // What ended belongs to no connection that begins.
        if !matches!(sight, RelaySight::Ended { .. }) {
            self.whole.watches().keep(now.instant, credential, sight);
        }
    }

    /// A session is about to be sent fresh credentials.
    pub(crate) fn note_minted(&mut self, now: Now, key: SessionKey) {
        let Some(session) = self.sessions.get(key) else { return };
        let Some(ttl_s) = self.ice_for(session.claims.relay).ttl_s() else { return };
        let good_until = now.instant + Duration::from_secs(ttl_s);
        let minted = Minted { first_unix: now.unix, good_until, expires_unix: now.unix + ttl_s };
        self.whole.watches().mint(&session.credential_id, minted);
    }
}

impl Story {
    /// TURN has seen this of a credential, which both sides may have.
    fn learn(&mut self, now: Instant, credential: &str, seen: (RelaySight, Option<Minted>)) {
        let is_wanted = match seen.0 {
            RelaySight::Ended { .. } => !self.is_long_over(now),
            _ => self.is_in_the_making(),
        };
        for side in 0..self.sides.len() {
            if is_wanted && *self.sides[side].credential == *credential {
                self.see(now, side, seen);
            }
        }
        self.weigh();
    }

    /// Whether the two are not connected, and may be.
    fn is_in_the_making(&self) -> bool {
        !matches!(self.state(), StoryState::Connected | StoryState::Ended)
    }

    fn is_long_over(&self, now: Instant) -> bool {
        let over_for = self.ended_at.map(|at| now.saturating_duration_since(at));
        over_for.is_some_and(|age| age > EARLY_SIGHT_AGE_MAX)
    }
}
