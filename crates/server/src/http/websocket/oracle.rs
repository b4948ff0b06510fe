//! RFC 6455 §5: the same frames, as tungstenite writes and reads them.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::frame::{self, Opcode};
use super::incoming::{Incoming, Said};

const MESSAGE_BYTES_MAX: usize = 2000;

/// SplitMix64: the same numbers for each seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn text(&mut self) -> String {
        let long = if self.below(4) == 0 { MESSAGE_BYTES_MAX / 2 } else { 140 };
        let chars = self.below(long);
        (0..chars).map(|_| ['a', '"', 'ö'][self.below(3)]).collect()
    }
}

/// Texts, whole or in parts with pings between them, as a client of tungstenite sends them; and
/// what is to be heard of them.
fn conversation(numbers: &mut Numbers) -> (Vec<u8>, Vec<String>) {
    let mut client = WebSocket::from_raw_socket(Cursor::new(Vec::new()), Role::Client, None);
    let mut heard = Vec::new();
    for _ in 0..numbers.below(40) {
        let text = numbers.text();
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let parts = if ends.is_empty() { 1 } else { 1 + numbers.below(3) };
        let mut left = text.as_bytes();
        for part in 1..parts {
            // Also in the middle of a character.
            let (now, later) = left.split_at(numbers.below(left.len() + 1));
            let kind = if part == 1 { Data::Text } else { Data::Continue };
            let frame = Frame::message(Bytes::copy_from_slice(now), OpCode::Data(kind), false);
            client.write(Message::Frame(frame)).unwrap();
            client.write(Message::Ping(Bytes::from_static(b"?"))).unwrap();
            heard.push("ping".to_owned());
            left = later;
        }
        let kind = if parts == 1 { Data::Text } else { Data::Continue };
        let frame = Frame::message(Bytes::copy_from_slice(left), OpCode::Data(kind), true);
        client.write(Message::Frame(frame)).unwrap();
        heard.push(text);
    }
    client.flush().unwrap();
    (client.get_ref().get_ref().clone(), heard)
}

fn hear(said: Said, heard: &mut Vec<String>) {
    match said {
        Said::Texts(texts) => heard.extend(texts.iter().map(str::to_owned)),
        Said::Ping(payload) => {
            assert_eq!(payload, b"?");
            heard.push("ping".to_owned());
        }
        other => panic!("nobody said that: {other:?}"),
    }
}

#[test]
fn what_tungstenite_says_is_heard_however_it_is_cut() {
    for seed in 0..300 {
        let mut numbers = Numbers(seed);
        let (mut bytes, expect) = conversation(&mut numbers);
        let (mut incoming, mut heard) = (Incoming::new(MESSAGE_BYTES_MAX), Vec::new());
        let mut left = &mut bytes[..];
        while !left.is_empty() {
            let most = [1, 7, 200, 20_000][numbers.below(4)];
            let (read, later) = left.split_at_mut(left.len().min(1 + numbers.below(most)));
            let mut said = incoming.next_with(read);
            while let Some(it) = said.unwrap() {
                hear(it, &mut heard);
                said = incoming.next();
            }
            left = later;
        }
        assert_eq!(heard, expect, "seed {seed}");
        assert_eq!(incoming.bytes(), 0, "seed {seed}");
    }
}

#[test]
fn what_is_broken_is_told_and_nothing_grows() {
    let mut told = 0;
    for seed in 0..2000 {
        let mut numbers = Numbers(seed);
        let (mut bytes, _) = conversation(&mut numbers);
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(bytes.len() + 1);
            bytes.insert(at, u8::try_from(numbers.below(256)).unwrap());
        }
        let mut incoming = Incoming::new(MESSAGE_BYTES_MAX);
        for read in bytes.chunks_mut(50) {
            let mut said = incoming.next_with(read);
            while let Ok(Some(_)) = said {
                said = incoming.next();
            }
            // One message that is begun, and one frame of another.
            assert!(incoming.bytes() <= 2 * (MESSAGE_BYTES_MAX + 14) + 50, "seed {seed}");
            if said.is_err() {
                told += 1;
                break;
            }
        }
    }
    assert!(told > 1000, "{told}");
}

#[test]
fn what_is_written_is_what_tungstenite_reads() {
    let mut numbers = Numbers(7);
    let texts: Vec<String> = (0..200).map(|_| numbers.text()).chain(["x".repeat(70_000)]).collect();
    let mut bytes = Vec::new();
    for text in &texts {
        frame::write(&mut bytes, Opcode::Text, text.as_bytes());
        frame::write(&mut bytes, Opcode::Pong, b"!");
    }
    let mut client = WebSocket::from_raw_socket(Cursor::new(bytes), Role::Client, None);
    for text in &texts {
        assert_eq!(client.read().unwrap(), Message::text(text));
        assert_eq!(client.read().unwrap(), Message::Pong(Bytes::from_static(b"!")));
    }
}
