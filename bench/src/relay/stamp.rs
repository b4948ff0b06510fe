//! What the payload of a load says: to which run it belongs, and when it left.
//!
//! ```text
//!   ┌───────────┬───────────┬───────────────────────┬───────────────────────┐
//!   │ "kopr"    │ run       │ when it left, ns      │ zeros …               │
//!   └───────────┴───────────┴───────────────────────┴───────────────────────┘
//! ```

/// The first bytes of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// What is late from an earlier run does not count in this one.
    pub(crate) run: u32,
    /// Since the generator began.
    pub(crate) left_ns: u64,
}

impl Stamp {
    /// Length in bytes.
    pub(crate) const LEN: usize = 16;

    /// Writes it to the front of a payload, which is long enough.
    pub(crate) fn write(self, payload: &mut [u8]) {
        payload[..4].copy_from_slice(MARK);
        payload[4..8].copy_from_slice(&self.run.to_be_bytes());
        payload[8..Self::LEN].copy_from_slice(&self.left_ns.to_be_bytes());
    }

    /// `None` for what is no payload of a load.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (mark, payload) = payload.split_first_chunk::<4>()?;
        let (run, payload) = payload.split_first_chunk()?;
        let left_ns = payload.first_chunk()?;
        let (run, left_ns) = (u32::from_be_bytes(*run), u64::from_be_bytes(*left_ns));
        (mark == MARK).then_some(Self { run, left_ns })
    }
}

const MARK: &[u8; 4] = b"kopr";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let stamp = Stamp { run: 7, left_ns: 1 << 40 };
        let mut payload = [0; 20];
        stamp.write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[..Stamp::LEN - 1]), None);
        payload[0] = 0x40;
        assert_eq!(Stamp::read(&payload), None);
    }
}
