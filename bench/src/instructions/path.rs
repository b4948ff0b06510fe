//! The hot functions: what a server does once for each datagram, once for each allocation, or once
//! for each message of signaling.

use std::net::SocketAddr;

use clap::ValueEnum;
use kopru_stun::Method;
use kopru_turn::{RunVerdict, Verdict};

use super::stage::{PEER, Stage, channel_data, send_indication, unproven};
use super::talk::{Talk, Word};

/// One of them: from the datagram in its buffer to the verdict, or from the text of a message to
/// the frames that it causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HotPath {
    /// ChannelData of a client, to its peer
    ClientToPeer,
    /// A datagram of a peer that has a channel, to the client
    PeerToClient,
    /// ChannelData of a client that came as a train, to its peer
    ClientTrain,
    /// Datagrams of a peer that came as a train, to the client
    PeerTrain,
    /// A Send indication of a client, to its peer
    Send,
    /// A datagram of a peer that has none, to the client in a Data indication
    Data,
    /// A Binding request, answered
    Binding,
    /// An Allocate request that proves nothing, challenged
    Challenge,
    /// A Refresh request, checked and answered
    Refresh,
    /// A Refresh request that ends an allocation and an Allocate request, both checked and answered
    Allocate,
    /// A description with an offer of 1 kB, to another member
    SignalOffer,
    /// A description with a short answer, to another member
    SignalAnswer,
    /// A candidate, to another member
    SignalCandidate,
    /// A ping, answered
    SignalPing,
}

impl HotPath {
    /// Its name on the command line and in files.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Walks it so many times. Each datagram is copied into its buffer first, and the text of each
    /// message is written, which counts too.
    pub(crate) fn walk(self, times: usize) {
        let other_port = SocketAddr::new(PEER.ip(), PEER.port() + 1);
        let mut stage = Stage::with_allocation();
        let datagrams = match self {
            Self::ClientToPeer => vec![channel_data(&PAYLOAD)],
            Self::Send => vec![send_indication(PEER, &PAYLOAD)],
            Self::Binding => vec![unproven(Method::BINDING)],
            Self::Challenge => vec![unproven(Method::ALLOCATE)],
            Self::Refresh => vec![stage.refresh(600)],
            Self::Allocate => vec![stage.refresh(0), stage.allocate()],
            Self::PeerToClient => return from_peer(stage, PEER, times),
            Self::ClientTrain => {
                let (train, len) = (channel_data(&PAYLOAD).repeat(TRAIN), PAYLOAD.len() + 4);
                return (0..times).for_each(|_| passes(stage.client_sends_train(&train, len)));
            }
            Self::PeerTrain => {
                let (train, len) = (PAYLOAD.repeat(TRAIN), PAYLOAD.len());
                return (0..times).for_each(|_| passes(stage.peer_sends_train(&train, len)));
            }
            Self::Data => return from_peer(stage, other_port, times),
            Self::SignalOffer => return talk(Word::Offer, times),
            Self::SignalAnswer => return talk(Word::Answer, times),
            Self::SignalCandidate => return talk(Word::Candidate, times),
            Self::SignalPing => return talk(Word::Ping, times),
        };
        for datagram in std::iter::repeat_n(&datagrams, times).flatten() {
            let verdict = stage.client_sends(datagram);
            assert!(!matches!(verdict, Verdict::Drop(_)), "{self:?}: {verdict:?}");
        }
    }
}

fn from_peer(mut stage: Stage, peer: SocketAddr, times: usize) {
    for _ in 0..times {
        let verdict = stage.peer_sends(peer, &PAYLOAD);
        assert!(matches!(verdict, Verdict::ToClient(_)), "{peer}: {verdict:?}");
    }
}

fn talk(word: Word, times: usize) {
    let mut talk = Talk::of(word);
    (0..times).for_each(|_| talk.walk());
}

fn passes(verdict: RunVerdict) {
    assert_eq!(verdict.run.count(), TRAIN, "{verdict:?}");
}

/// Datagrams in a train.
const TRAIN: usize = 16;
const PAYLOAD: [u8; 200] = [0x5a; 200];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_can_be_walked_for_long() {
        for path in HotPath::value_variants() {
            path.walk(10_000);
        }
    }
}
