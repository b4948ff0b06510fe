//! Trains: datagrams of one sender that a server takes in one packet, and what a shell does with
//! them. Everything is held against the same checks as if each had come by itself.

use std::net::SocketAddr;

use kopru_stun::packet::PacketBuf;
use kopru_stun::run::Run;
use kopru_turn::five_tuple::{FiveTuple, PeerAddr, RelayedAddr, Sender};
use kopru_turn::{RunVerdict, Verdict};

use crate::checks::Counted;
use crate::network::Datagram;
use crate::world::{State, World};

impl World {
    /// A client's datagrams reach the server as one train: `bytes`, cut every `segment` bytes.
    pub(crate) fn train_to_server(&self, from: FiveTuple, bytes: &[u8], segment: usize) {
        let mut state = self.state();
        let mut train = PacketBuf::new(65_535);
        assert!(train.copy_from(bytes), "no train is that long");
        state.take_client_train(from, &mut train, Run::train(bytes.len(), segment));
        state.deliver();
    }

    /// A peer's datagrams reach a relayed transport address as one train.
    pub(crate) fn train_to_relayed(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        segment: usize,
    ) {
        let mut state = self.state();
        let Some(worker) = state.ports.worker(to) else { return };
        let mut train = PacketBuf::new(65_535);
        assert!(train.copy_from(bytes), "no train is that long");
        let run = Run::train(bytes.len(), segment);
        let from = Sender::Peer(PeerAddr(from));
        state.take_peer_run(worker, (from, RelayedAddr(to)), &mut train, run);
        state.deliver();
    }
}

impl State {
    fn take_client_train(&mut self, from: FiveTuple, train: &mut PacketBuf, mut rest: Run) {
        let sent = train.bytes().to_vec();
        while !rest.is_empty() {
            let worker = self.worker_of(&from);
            let left = rest;
            let ports = self.ports.of_worker(worker);
            let server = &mut self.workers[worker];
            let counted = Counted::by(server);
            let passed = server.handle_client_run(self.now, &from, (&*train, &mut rest), &ports);
            let Some(passed) = passed else {
                let alone = rest.split_front(1).datagram(0);
                self.take_from_client(from, &sent[alone]);
                continue;
            };
            let taken = left.count() - rest.count();
            counted.check_more(server, passed.verdict, taken);
            for (piece, datagram) in passed.run.datagrams().zip(left.datagrams()) {
                let seen = (passed.verdict, &train.bytes()[piece]);
                self.checks.check_from_client(self.now.instant, &from, &sent[datagram], seen);
            }
            self.follow_run(&passed, train);
        }
        self.check();
    }

    fn take_peer_run(
        &mut self,
        worker: usize,
        (from, at): (Sender, RelayedAddr),
        packet: &mut PacketBuf,
        run: Run,
    ) {
        let sent = packet.bytes().to_vec();
        let server = &mut self.workers[worker];
        let counted = Counted::by(server);
        let passed = server.handle_peer_run(self.now, at, from, (packet, run));
        let Some(passed) = passed else {
            for datagram in run.datagrams() {
                assert!(self.packet.copy_from(&sent[datagram]), "no datagram is that long");
                self.take_from_peer(worker, from, at);
            }
            return;
        };
        counted.check_more(server, passed.verdict, run.count());
        let dropped = matches!(passed.verdict, Verdict::Drop(_));
        assert!(dropped || self.ports.admits(at.0), "not before peers are admitted");
        for (index, datagram) in run.datagrams().enumerate().take(passed.run.count()) {
            let (left, came) = (whole(&passed, index, packet), (at, from.address()));
            let seen = (passed.verdict, &*left);
            self.checks.check_from_peer(self.now.instant, came, &sent[datagram], seen);
        }
        self.follow_run(&passed, packet);
        self.check();
    }

    /// Does with a run what the shell around a server does with it.
    fn follow_run(&mut self, passed: &RunVerdict, packet: &mut PacketBuf) {
        let (from, to, dont_fragment) = match passed.verdict {
            Verdict::Drop(_) | Verdict::Later => return,
            Verdict::ToClient(five_tuple) => (five_tuple.server, five_tuple.client.0, false),
            Verdict::ToPeer { via, to, dont_fragment } => (via.0, to.0, dont_fragment),
            Verdict::ToRelayed { via, to } => {
                let worker = self.ports.worker(to.0).expect("the server knows that it is live");
                return self.take_peer_run(worker, (Sender::Relayed(via), to), packet, passed.run);
            }
        };
        for index in 0..passed.run.count() {
            let bytes = whole(passed, index, packet);
            self.send(Datagram { from, to, bytes, dont_fragment });
        }
    }
}

/// The datagram at `index` with the header that it still needs.
fn whole(passed: &RunVerdict, index: usize, packet: &PacketBuf) -> Vec<u8> {
    let header = passed.header(index).map(|header| header.to_bytes());
    let header = header.as_ref().map_or(&[][..], |header| header);
    [header, &packet.bytes()[passed.run.datagram(index)]].concat()
}
