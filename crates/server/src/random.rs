//! Randomness from the kernel: secrets, seeds, names that nobody can guess.

use kopru_stun::credentials::Secret;

/// `N` random bytes.
///
/// # Panics
/// When the kernel has no randomness: nothing that this program promises would hold then.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

/// A name of 128 bits that nobody can guess.
pub(crate) fn name() -> String {
    format!("{:032x}", u128::from_ne_bytes(bytes()))
}

/// A shared secret of 256 bits that lives as long as this process.
pub(crate) fn secret() -> Secret {
    Secret::new(name() + &name())
}
