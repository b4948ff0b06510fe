//! RFC 6455, the client's half, as far as a load generator needs it: the handshake, whole text
//! frames out, frames without a mask in.

use std::net::SocketAddr;

/// The request of the opening handshake (RFC 6455 §4.1).
pub(crate) fn request(server: SocketAddr, target: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// Where the answer to the handshake ends, once all of it is there, and whether it is a yes.
pub(crate) fn answer(bytes: &[u8]) -> Option<(usize, bool)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    Some((end, bytes.starts_with(b"HTTP/1.1 101 ")))
}

/// One frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    /// With its code, if it has one.
    Close(Option<u16>),
    /// A pong, or what no signaling server sends.
    Other,
}

/// Reads the first frame of `bytes` and says how long it is; `None` while it is not whole.
pub(crate) fn read(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (len, rest) = match second & 0x7f {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*len)).ok()?, rest)
        }
        short => (usize::from(short), rest),
    };
    let payload = rest.get(..len)?;
    let frame = match first & 0x0f {
        TEXT => Frame::Text(payload),
        PING => Frame::Ping(payload),
        CLOSE => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        _ => Frame::Other,
    };
    Some((frame, bytes.len() - rest.len() + len))
}

/// Appends a text frame whose payload `write` appends.
pub(crate) fn text(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    frame(out, TEXT, write);
}

/// Appends the answer to a ping.
pub(crate) fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    frame(out, PONG, |out| out.extend_from_slice(payload));
}

/// Appends a goodbye (RFC 6455 §7.4.1: 1000, a normal closure).
pub(crate) fn goodbye(out: &mut Vec<u8>) {
    frame(out, CLOSE, |out| out.extend_from_slice(&1000_u16.to_be_bytes()));
}

fn frame(out: &mut Vec<u8>, opcode: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LONG_HEADER]);
    write(out);
    let payload = start + LONG_HEADER;
    for four in out[payload..].chunks_mut(MASK.len()) {
        for (byte, mask) in four.iter_mut().zip(MASK) {
            *byte ^= mask;
        }
    }
    let len = out.len() - payload;
    let mut header = Vec::with_capacity(LONG_HEADER);
    header.push(FIN | opcode);
    match u8::try_from(len) {
        Ok(len) if len < 126 => header.push(MASKED | len),
        _ => {
            let len = u16::try_from(len).expect("no frame of a load is longer than 64 KiB");
            header.push(MASKED | 126);
            header.extend_from_slice(&len.to_be_bytes());
        }
    }
    header.extend_from_slice(&MASK);
    out.splice(start..payload, header);
}

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Opcode, length, 16 bits more of it, mask.
const LONG_HEADER: usize = 8;
/// Not zeros: some servers spare themselves the work then, which real clients don't let them.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_that_of_the_rfc() {
        // RFC 6455 §5.7: "Hello", masked.
        let mut out = Vec::new();
        text(&mut out, |out| out.extend_from_slice(b"Hello"));
        let expect = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(out, expect);
        text(&mut out, |out| out.resize(out.len() + 126, 0));
        assert_eq!(out[11..15], [0x81, 0xfe, 0, 126]);
        assert_eq!(out.len(), 11 + LONG_HEADER + 126);
    }

    #[test]
    fn frames_are_read_when_they_are_whole() {
        let mut bytes = vec![0x81, 126, 1, 0];
        bytes.resize(4 + 256, b'x');
        bytes.extend_from_slice(&[0x88, 2, 0x03, 0xe9]);
        assert_eq!(read(&bytes[..259]), None);
        assert_eq!(read(&bytes), Some((Frame::Text(&[b'x'; 256]), 260)));
        assert_eq!(read(&bytes[260..]), Some((Frame::Close(Some(1001)), 4)));
        assert_eq!(read(&[0x89, 0]), Some((Frame::Ping(b""), 2)));
    }

    #[test]
    fn the_answer_to_the_handshake_is_a_yes_or_a_no() {
        assert_eq!(answer(b"HTTP/1.1 101 Switching Protocols\r\n"), None);
        assert_eq!(answer(b"HTTP/1.1 101 X\r\n\r\n\x81"), Some((18, true)));
        assert_eq!(answer(b"HTTP/1.1 503 X\r\n\r\n"), Some((18, false)));
    }
}
