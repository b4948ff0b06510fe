//! RFC 6062 §6.2.1: CONNECTION-ID. "uniquely identifies a peer data connection", and tells the
//! worker that has it: a client's data connection may be accepted by any.
//!
//! ```text
//! id = a random number, moved to the next one with   id mod (number of workers) = worker
//! ```

use kopru_stun::attribute::ConnectionId;

use crate::entropy::Entropy;

/// One worker of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crew {
    pub(crate) worker: u16,
    /// How many there are, itself included.
    pub(crate) count: u16,
}

impl Crew {
    /// An id that tells this worker and nothing else.
    pub(crate) fn new_id(self, entropy: &mut Entropy) -> ConnectionId {
        let (worker, count) = (u32::from(self.worker), u32::from(self.count));
        let turns = u32::MAX / count;
        ConnectionId(entropy.below(turns) * count + worker)
    }

    /// The worker that an id tells.
    pub(crate) fn owner(self, ConnectionId(id): ConnectionId) -> u16 {
        (id % u32::from(self.count)) as u16
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_id_tells_the_worker_that_made_it() {
        let entropy = &mut Entropy::new();
        for count in [1, 2, 3, 64, 1000, 1024] {
            for worker in [0, count / 2, count - 1] {
                let crew = Crew { worker, count };
                let ids: HashSet<_> = (0..100).map(|_| crew.new_id(entropy)).collect();
                assert!(ids.iter().all(|id| crew.owner(*id) == worker), "{crew:?}");
                assert!(ids.len() > 95, "{crew:?}: they are random");
            }
        }
    }
}
