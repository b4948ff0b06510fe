//! RFC 8489 §14.7: FINGERPRINT.

/// Length of the value in bytes.
pub(crate) const VALUE_LEN: usize = 4;

/// The fingerprint of the message whose bytes in front of FINGERPRINT are `covered`, its header
/// already with the length of the whole message.
pub(crate) fn fingerprint(covered: &[u8]) -> [u8; VALUE_LEN] {
    (crc32fast::hash(covered) ^ XOR).to_be_bytes()
}

/// "STUN": so that a CRC of an application protocol is not taken for a fingerprint.
const XOR: u32 = 0x5354_554E;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_crc_xored() {
        assert_eq!(fingerprint(b"123456789"), (0xCBF4_3926_u32 ^ 0x5354_554E).to_be_bytes());
    }
}
