//! What has become of every datagram.

/// Why a datagram did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The line lost it.
    Line,
    /// A firewall lets no UDP pass.
    Blocked,
    /// No mapping of the NAT has this endpoint (RFC 4787 §4.1).
    NoMapping,
    /// The NAT's filter did not let it in (RFC 4787 §5).
    Filtered,
    /// The NAT does not send back in (RFC 4787 §6).
    NoHairpinning,
    /// Every port of the NAT is in use (RFC 4787 §4.2).
    NoPort,
    /// Nobody has this address.
    Unreachable,
}

impl Loss {
    /// Every reason, in the order of declaration: `ALL[loss as usize] == loss`.
    const ALL: [Self; 7] = [
        Self::Line,
        Self::Blocked,
        Self::NoMapping,
        Self::Filtered,
        Self::NoHairpinning,
        Self::NoPort,
        Self::Unreachable,
    ];
}

/// The datagrams so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sent by hosts.
    pub sent: u64,
    /// Arrived at hosts.
    pub arrived: u64,
    /// Second copies.
    pub doubled: u64,
    lost: [u64; Loss::ALL.len()],
}

impl Tally {
    /// How many were lost for this reason.
    pub fn lost(&self, loss: Loss) -> u64 {
        self.lost[loss as usize]
    }

    pub(crate) fn lose(&mut self, loss: Loss) {
        self.lost[loss as usize] += 1;
    }

    /// Each datagram and each copy has arrived, is lost for one reason, or is under way.
    pub(crate) fn check(&self, under_way: u64) {
        let lost: u64 = Loss::ALL.iter().map(|loss| self.lost(*loss)).sum();
        assert_eq!(self.sent + self.doubled, self.arrived + lost + under_way, "{self:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_has_its_place() {
        for (index, loss) in Loss::ALL.into_iter().enumerate() {
            assert_eq!(loss as usize, index);
        }
    }

    #[test]
    #[should_panic = "sent: 2"]
    fn what_vanishes_without_a_reason_is_noticed() {
        let mut tally = Tally { sent: 2, ..Tally::default() };
        tally.lose(Loss::Line);
        tally.check(0);
    }
}
