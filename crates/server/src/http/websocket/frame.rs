//! RFC 6455 §5.2: Base Framing Protocol.
//!
//! ```text
//!    FIN│RSV│opcode │ MASK│length             │ masking key    │ payload
//!     1 │ 3 │   4   │   1 │  7, +16 or +64    │ 0 or 32        │
//! ```

/// What stands in front of a client's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    /// Whether the message ends with this frame.
    pub(super) is_final: bool,
    pub(super) mask: [u8; 4],
    /// Bytes in front of the payload.
    pub(super) len: usize,
    pub(super) payload_len: usize,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    /// More of a message.
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// Why nothing more can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// This is not what a client may send.
    Rules,
    /// A message is longer than any may be.
    TooLarge,
}

impl Header {
    /// Reads the header that `bytes` begin with; `None` while it is not whole.
    ///
    /// # Errors
    /// [`Broken`], also where the payload would have more than `payload_max` bytes.
    pub(super) fn read(bytes: &[u8], payload_max: usize) -> Result<Option<Self>, Broken> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let opcode = Opcode::of(first & 0x0f).ok_or(Broken::Rules)?;
        let is_final = first & FIN != 0;
        let is_control = matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
        let short = second & 0x7f;
        // §5.1: a client masks; §5.5: a control frame is short and whole.
        if first & RSV != 0 || second & MASK == 0 || is_control && (!is_final || short > 125) {
            return Err(Broken::Rules);
        }
        let length_bytes = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((length, rest)) = rest.split_at_checked(length_bytes) else { return Ok(None) };
        let extended = length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let payload_len = if length_bytes == 0 { short.into() } else { extended };
        let payload_len = usize::try_from(payload_len).unwrap_or(usize::MAX);
        if payload_len > payload_max {
            return Err(Broken::TooLarge);
        }
        let Some((&mask, _)) = rest.split_first_chunk() else { return Ok(None) };
        let len = 2 + length_bytes + mask.len();
        Ok(Some(Self { opcode, is_final, mask, len, payload_len }))
    }
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }
}

/// §5.3: takes the mask off, or puts it on.
pub(super) fn mask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Appends a frame that is a message, as a server sends it: without a mask.
pub(super) fn write(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.push(FIN | opcode.bits());
    if let Ok(short @ ..126) = u8::try_from(payload.len()) {
        out.push(short);
    } else if let Ok(medium) = u16::try_from(payload.len()) {
        out.push(126);
        out.extend_from_slice(&medium.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    out.extend_from_slice(payload);
}

const FIN: u8 = 0x80;
const RSV: u8 = 0x70;
const MASK: u8 = 0x80;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// A frame as a client sends it, its first byte as given.
    pub(in super::super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        write(&mut frame, Opcode::Text, payload);
        let payload_at = frame.len() - payload.len();
        mask(&mut frame[payload_at..], KEY);
        frame.splice(payload_at..payload_at, KEY);
        frame[0] = first;
        frame[1] |= MASK;
        frame
    }

    #[test]
    fn each_length_has_its_header() {
        for (len, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let (mut out, payload) = (Vec::new(), vec![b'x'; len]);
            write(&mut out, Opcode::Text, &payload);
            assert_eq!((&out[..header.len()], out.len()), (header, header.len() + len));
            let frame = masked(0x81, &payload);
            let read = Header::read(&frame, len).unwrap().unwrap();
            assert_eq!((read.len, read.payload_len), (header.len() + 4, len));
            assert!((0..read.len).all(|part| Header::read(&frame[..part], len) == Ok(None)));
            let too_large = len.checked_sub(1).map(|max| Header::read(&frame, max));
            assert!(too_large.is_none_or(|read| read == Err(Broken::TooLarge)));
        }
    }

    #[test]
    fn the_masked_hello_is_that_of_the_rfc() {
        // §5.7
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(masked(0x81, b"Hello"), hello);
        let mut long: Vec<u8> = (0..100).collect();
        mask(&mut long, KEY);
        assert!((0..100).all(|at| long[usize::from(at)] == at ^ KEY[usize::from(at) % 4]));
    }

    #[test]
    fn what_a_client_may_not_send() {
        let broken = [
            [0x81, 0x00], // no mask
            [0xc1, 0x80], // a reserved bit
            [0x83, 0x80], // a reserved opcode
            [0x09, 0x80], // half a ping
            [0x89, 0xfe], // a long ping
        ];
        assert!(broken.iter().all(|it| Header::read(it, 1000) == Err(Broken::Rules)));
    }
}
