//! A datagram that is edited where it lies (RFC 8656 §11, §12: the payload is never changed).

/// Bytes kept free in front of a received datagram.
///
/// The largest thing ever put in front is a Data indication over IPv6: 20 (header) + 24
/// (XOR-PEER-ADDRESS) + 4 (DATA header) = 48.
pub const HEADROOM: usize = 64;

/// Room that stays behind the largest datagram, so that padding and a long reply to a short
/// request always fit.
const TAILROOM: usize = 1024;

const _: () = assert!(HEADROOM >= 48);

/// One datagram in a buffer with room in front of it.
///
/// ```text
///            ┌────────── HEADROOM ─────────────┬──────── datagram ────────┬─ tail ─┐
/// buffer     │                                 │▲ start               end▲│        │
///            └─────────────────────────────────┴──────────────────────────┴────────┘
/// client → peer   ChannelData / Send:   start moves right (strip 4, or up to DATA's value)
/// peer → client   ChannelData: start moves left 4;  Data indication: left 36 (v4) or 48 (v6)
/// request → reply the reply is written over the request
/// ```
///
/// The buffer is allocated once and reused; nothing here ever grows it.
pub struct PacketBuf {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl PacketBuf {
    /// A buffer that receives datagrams of up to `datagram_max` bytes.
    pub fn new(datagram_max: usize) -> Self {
        let bytes = vec![0; HEADROOM + datagram_max + TAILROOM].into_boxed_slice();
        Self { bytes, start: HEADROOM, end: HEADROOM }
    }

    /// Where the kernel writes a datagram: everything behind the headroom but the tail.
    /// Follow with [`set_received`](Self::set_received).
    pub fn receive_area(&mut self) -> &mut [u8] {
        let limit = self.bytes.len() - TAILROOM;
        &mut self.bytes[HEADROOM..limit]
    }

    /// Declares that `len` bytes were written to the [`receive_area`](Self::receive_area).
    ///
    /// # Panics
    /// When `len` is more than the receive area holds: the caller's bug, never the network's doing.
    pub fn set_received(&mut self, len: usize) {
        assert!(len <= self.bytes.len() - TAILROOM - HEADROOM, "received more than was offered");
        self.start = HEADROOM;
        self.end = HEADROOM + len;
    }

    /// Takes a copy of `datagram`. `false`, and nothing changed, when it does not fit.
    #[must_use]
    pub fn copy_from(&mut self, datagram: &[u8]) -> bool {
        let area = self.receive_area();
        let Some(area) = area.get_mut(..datagram.len()) else { return false };
        area.copy_from_slice(datagram);
        self.set_received(datagram.len());
        true
    }

    /// The datagram as it stands.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The datagram as it stands, to be edited.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Length of the datagram in bytes.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether the datagram has no bytes (legal in UDP).
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Keeps only the bytes `from..to` of the datagram: header surgery towards the peer.
    /// `false`, and nothing changed, when the range does not lie within the datagram.
    #[must_use]
    pub fn narrow(&mut self, from: usize, to: usize) -> bool {
        if from > to || to > self.len() {
            return false;
        }
        self.end = self.start + to;
        self.start += from;
        true
    }

    /// Moves the start left by `count` and gives back the new front to be filled in; `None`, and
    /// nothing changed, when the headroom is used up.
    #[must_use]
    pub fn prepend(&mut self, count: usize) -> Option<&mut [u8]> {
        self.start = self.start.checked_sub(count)?;
        Some(&mut self.bytes[self.start..self.start + count])
    }

    /// Appends `count` zero bytes (padding); `false`, and nothing changed, when there is no room.
    #[must_use]
    pub fn pad(&mut self, count: usize) -> bool {
        let Some(tail) = self.bytes.get_mut(self.end..self.end + count) else { return false };
        tail.fill(0);
        self.end += count;
        true
    }

    /// Writes a reply over the request: `write` fills a front part of the given buffer and says how
    /// long it is. What the buffer held before may still be in it, so `write` must set every byte
    /// that it claims.
    pub fn overwrite(&mut self, write: impl FnOnce(&mut [u8]) -> usize) {
        let area = &mut self.bytes[HEADROOM..];
        let len = write(area).min(area.len());
        self.start = HEADROOM;
        self.end = HEADROOM + len;
    }
}

impl std::fmt::Debug for PacketBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PacketBuf({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strip_and_prepend_never_move_the_payload() {
        let mut packet = PacketBuf::new(1500);
        assert!(packet.copy_from(b"\x40\x00\x00\x05hello\0\0\0"));
        let payload = packet.bytes()[4..].as_ptr();
        assert!(packet.narrow(4, 9));
        assert_eq!((packet.bytes(), packet.bytes().as_ptr()), (&b"hello"[..], payload));
        packet.prepend(48).expect("headroom for a Data indication").fill(7);
        assert_eq!((packet.len(), packet.bytes()[48..].as_ptr()), (53, payload));
    }

    #[test]
    fn limits_are_refused_and_change_nothing() {
        let mut packet = PacketBuf::new(8);
        assert!(packet.copy_from(b"12345678"));
        assert!(!packet.copy_from(b"123456789"));
        assert!(!packet.narrow(3, 2) && !packet.narrow(0, 9));
        assert!(packet.prepend(HEADROOM + 1).is_none());
        assert!(!packet.pad(TAILROOM + 1));
        assert_eq!(packet.bytes(), b"12345678");
    }

    #[test]
    fn a_reply_is_written_over_the_request() {
        let mut packet = PacketBuf::new(8);
        assert!(packet.copy_from(b"request") && packet.narrow(4, 7));
        packet.overwrite(|area| {
            area[..12].copy_from_slice(b"longer reply");
            12
        });
        assert_eq!(packet.bytes(), b"longer reply");
    }
}
