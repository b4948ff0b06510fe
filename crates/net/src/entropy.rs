//! RFC 6056: a relayed transport address is hard to guess when its port is.

use crate::sys::process::fill_random;

/// Randomness of the kernel, fetched a few dozen numbers at a time.
pub(crate) struct Entropy {
    bytes: [u8; STOCK],
    used: usize,
}

impl Entropy {
    /// An empty stock.
    pub(crate) fn new() -> Self {
        Self { bytes: [0; STOCK], used: STOCK }
    }

    /// A number below `limit`, which is not zero; as good as evenly distributed for the small
    /// limits it is used with.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        let [a, b, c, d, e, f, g, h] = self.take();
        let wide = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        (wide % u64::from(limit)) as u32
    }

    /// A fresh secret.
    pub(crate) fn seed() -> [u8; 32] {
        let mut seed = [0; 32];
        fill_random(&mut seed).expect(KERNEL_HAS_RANDOMNESS);
        seed
    }

    /// Eight bytes that nobody can guess.
    pub(crate) fn take(&mut self) -> [u8; 8] {
        if self.used + 8 > STOCK {
            fill_random(&mut self.bytes).expect(KERNEL_HAS_RANDOMNESS);
            self.used = 0;
        }
        let mut number = [0; 8];
        number.copy_from_slice(&self.bytes[self.used..self.used + 8]);
        self.bytes[self.used..self.used + 8].fill(0);
        self.used += 8;
        number
    }
}

const STOCK: usize = 256;
const KERNEL_HAS_RANDOMNESS: &str = "getrandom(2) exists since Linux 3.17 and fails never";
