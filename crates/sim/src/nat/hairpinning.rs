//! RFC 4787 §6: Hairpinning Behavior

use std::net::SocketAddr;
use std::time::Instant;

use super::{Hairpinning, Nat};
use crate::network::Loss;
use crate::random::Random;

impl Nat {
    /// A datagram from inside is for an address of this NAT: its source and destination on its way
    /// back in.
    pub(crate) fn hairpin(
        &mut self,
        now: Instant,
        random: &mut Random,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<(SocketAddr, SocketAddr), Loss> {
        if self.behavior.hairpinning == Hairpinning::Unsupported {
            return Err(Loss::NoHairpinning);
        }
        let external = self.outbound(now, random, from, to)?;
        let internal = self.inbound(now, external, to)?;
        let presented = match self.behavior.hairpinning {
            Hairpinning::InternalSource => from,
            Hairpinning::ExternalSource | Hairpinning::Unsupported => external,
        };
        Ok((presented, internal))
    }
}
