//! RFC 8445, simplified: two clients find a way to each other. Enough of it to decide what two NATs
//! leave possible, and no more: candidates are told at once, checks carry no credentials, and
//! nobody nominates.
//!
//! ```text
//!  gather.rs    host, server-reflexive and relayed candidates; permissions for those of the other
//!  agent.rs     pairs in the order of priority, one check every 50 ms, each sent up to 7 times;
//!               what is asked is answered, and asked back (7.3.1.4: triggered checks)
//!  candidate.rs who is at which address, and which comes first
//! ```
//!
//! A pair works both ways when the agent's own check was answered from where it went, and the other
//! agent's check came that way. Pairs without a relay have five seconds to work; after that, a pair
//! over the relay is taken if it works.

use std::time::Duration;

use crate::internet::Internet;
use crate::turn_client::TurnClient;

mod agent;
mod candidate;
mod gather;

use agent::Agent;

/// How two clients reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Without a relay.
    Direct,
    /// Over the relay of at least one of the two.
    Relayed,
}

impl Internet {
    /// Has the two find a way to each other, and data go both ways on it; `None`: there is none.
    #[track_caller]
    pub fn connect(&self, ada: &TurnClient, bob: &TurnClient) -> Option<Route> {
        let (mut ada, mut bob) = (Agent::gather(self, ada), Agent::gather(self, bob));
        ada.meet(&bob);
        bob.meet(&ada);
        let mut waited = Duration::ZERO;
        while waited < PATIENCE * 2 {
            ada.turn();
            bob.turn();
            self.advance(PACE);
            waited += PACE;
            let route = [Route::Direct, Route::Relayed].into_iter().find(|route| {
                let patient = *route == Route::Direct || waited > PATIENCE;
                patient && ada.works(*route) && bob.works(*route)
            });
            if let Some(route) = route {
                ada.talk(&bob, route);
                bob.talk(&ada, route);
                return Some(route);
            }
        }
        None
    }
}

/// RFC 8445 §14.2: one check every so often ("Ta … 50 ms").
const PACE: Duration = Duration::from_millis(50);
/// How long a relay is worse than nothing.
const PATIENCE: Duration = Duration::from_secs(5);
