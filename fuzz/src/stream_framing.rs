//! RFC 8489 §6.2.2, RFC 8656 §12.5: messages in a stream, in whatever pieces it is read.

use kopru_net::{FRAME_MAX, Frame, Incoming, NotFramed};

/// What a stream had.
#[derive(Debug, PartialEq, Eq)]
struct Cut<'a> {
    messages: Vec<&'a [u8]>,
    /// What it ends in: a part of a message, or nonsense.
    ends_in: Result<(), NotFramed>,
}

/// The first byte says how many bytes follow that are sizes of reads, taken in turn; the rest is
/// the stream. Read at once or in these pieces, it has the same messages and the same end, and
/// never is more held than the longest message.
pub fn stream_framing(input: &[u8]) {
    let Some((&count, rest)) = input.split_first() else { return };
    let (sizes, stream) = rest.split_at(rest.len().min(count.into()));
    assert_eq!(in_pieces(stream, sizes), at_once(stream));
}

fn at_once(mut stream: &[u8]) -> Cut<'_> {
    let mut messages = Vec::new();
    loop {
        match Frame::at_front(stream) {
            Ok(Frame::Whole { len, on_wire }) => {
                assert!(len <= on_wire && on_wire - len < 4 && on_wire.is_multiple_of(4));
                messages.push(&stream[..len]);
                stream = &stream[on_wire..];
            }
            Ok(Frame::Partial { wanted }) => {
                assert!((stream.len() + 1..=FRAME_MAX).contains(&wanted), "{wanted}");
                return Cut { messages, ends_in: Ok(()) };
            }
            Err(not_framed) => return Cut { messages, ends_in: Err(not_framed) },
        }
    }
}

fn in_pieces<'a>(stream: &'a [u8], sizes: &[u8]) -> Cut<'a> {
    let mut sizes = sizes.iter().map(|size| 1 + usize::from(*size).pow(2)).cycle();
    let (mut incoming, mut messages) = (Incoming::default(), Vec::new());
    let (mut read, mut taken) = (0, 0);
    loop {
        match incoming.frame() {
            Ok(Frame::Whole { len, on_wire }) => {
                assert_eq!(incoming.bytes()[..len], stream[taken..][..len]);
                messages.push(&stream[taken..][..len]);
                incoming.take(on_wire);
                taken += on_wire;
            }
            Ok(Frame::Partial { .. }) if read == stream.len() => {
                return Cut { messages, ends_in: Ok(()) };
            }
            Ok(Frame::Partial { wanted }) => {
                let held = incoming.bytes().len();
                let space = incoming.space(wanted);
                assert!(held + space.len() <= FRAME_MAX, "{held} and {}", space.len());
                let size = sizes.next().unwrap_or(usize::MAX);
                let count = size.min(space.len()).min(stream.len() - read);
                space[..count].copy_from_slice(&stream[read..][..count]);
                incoming.filled(count);
                read += count;
            }
            Err(not_framed) => return Cut { messages, ends_in: Err(not_framed) },
        }
    }
}
