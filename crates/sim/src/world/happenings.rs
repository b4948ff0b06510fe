//! What happens in the world, one thing after another.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kopru_stun::attribute::ConnectionId;
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, PeerAddr, RelayedAddr, Sender, Transport};
use kopru_turn::relay_sockets::ConnectRefusal;
use kopru_turn::{IcmpError, Server, Verdict};

use super::State;
use crate::checks::Counted;
use crate::network::{Datagram, Loss};

/// What becomes of timers while time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timers {
    Run,
    Wait,
}

impl State {
    /// Goes on to the next thing that happens, or else to the end: whether anything happened. What
    /// arrives in the instant of a timer comes first: nothing may rest on the timer's being early.
    pub(super) fn step(&mut self, end: Instant, timers: Timers) -> bool {
        let timeout = self.next_timeout().filter(|_| timers == Timers::Run);
        let next = [timeout, self.network.next()].into_iter().flatten().min();
        let next = next.filter(|due| *due <= end);
        let until = next.unwrap_or(end);
        self.pass(until.saturating_duration_since(self.now.instant));
        self.deliver();
        if timers == Timers::Run {
            self.run_timers();
        }
        next.is_some()
    }

    pub(crate) fn send(&mut self, datagram: Datagram) {
        self.network.send(self.now.instant, datagram);
    }

    /// Hands out what has arrived.
    pub(crate) fn deliver(&mut self) {
        while let Some(datagram) = self.network.arrived(self.now.instant) {
            self.take(datagram);
            self.check();
        }
    }

    /// A datagram has reached the open network or a host: whoever has its address gets it.
    pub(super) fn take(&mut self, datagram: Datagram) {
        let (now, to) = (self.now.instant, datagram.to);
        let worker = self.ports.worker(to);
        let is_client = self.inboxes.contains_key(&to);
        if worker.is_none() && !is_client && !self.listeners.contains(&to) {
            return self.network.lose(now, Loss::Unreachable, &datagram);
        }
        self.network.arrive(now, &datagram);
        match (worker, self.inboxes.get_mut(&to)) {
            (Some(worker), _) => {
                assert!(self.packet.copy_from(&datagram.bytes), "no datagram is that long");
                let from = Sender::Peer(PeerAddr(datagram.from));
                self.take_from_peer(worker, from, RelayedAddr(to));
            }
            (None, Some(inbox)) => inbox.push_back(datagram),
            (None, None) => {
                let (client, server) = (ClientAddr(datagram.from), to);
                let from = FiveTuple { transport: Transport::Udp, client, server };
                self.take_from_client(from, &datagram.bytes);
            }
        }
    }

    /// The worker that this client belongs to.
    pub(crate) fn worker_of(&self, from: &FiveTuple) -> usize {
        usize::from(from.client.0.port()) % self.workers.len()
    }

    pub(crate) fn take_from_client(&mut self, from: FiveTuple, bytes: &[u8]) {
        assert!(self.packet.copy_from(bytes), "no datagram is that long");
        let worker = self.worker_of(&from);
        let mut ports = self.ports.of_worker(worker);
        let server = &mut self.workers[worker];
        let counted = Counted::by(server);
        let verdict = server.handle_client(self.now, from, &mut self.packet, &mut ports);
        counted.check_one_more(server, verdict);
        let left = self.packet.bytes();
        self.checks.check_from_client(self.now.instant, &from, bytes, (verdict, left));
        self.follow(verdict);
    }

    /// A datagram in the packet, from a peer or from another allocation.
    pub(crate) fn take_from_peer(&mut self, worker: usize, from: Sender, at: RelayedAddr) {
        let bytes = self.packet.bytes().to_vec();
        let server = &mut self.workers[worker];
        let counted = Counted::by(server);
        let verdict = server.handle_peer(self.now, at, from, &mut self.packet);
        counted.check_one_more(server, verdict);
        let dropped = matches!(verdict, Verdict::Drop(_));
        assert!(dropped || self.ports.admits(at.0), "not before peers are admitted");
        let left = self.packet.bytes();
        let came = (at, from.address());
        self.checks.check_from_peer(self.now.instant, came, &bytes, (verdict, left));
        self.follow(verdict);
    }

    pub(super) fn take_icmp(&mut self, at: SocketAddr, error: IcmpError) {
        let Some(worker) = self.ports.worker(at) else { return };
        let server = &mut self.workers[worker];
        let verdict = server.handle_icmp(self.now, RelayedAddr(at), error, &mut self.packet);
        self.follow(verdict);
        self.deliver();
    }

    /// Does what the shell around a server does with its verdict.
    pub(super) fn follow(&mut self, verdict: Verdict) {
        let (from, to, dont_fragment) = match verdict {
            Verdict::Drop(_) | Verdict::Later => return,
            Verdict::ToClient(five_tuple) => (five_tuple.server, five_tuple.client.0, false),
            Verdict::ToPeer { via, to, dont_fragment } => (via.0, to.0, dont_fragment),
            Verdict::ToRelayed { via, to } => {
                let worker = self.ports.worker(to.0).expect("the server knows that it is live");
                return self.take_from_peer(worker, Sender::Relayed(via), to);
            }
        };
        let bytes = self.packet.bytes().to_vec();
        let datagram = Datagram { from, to, bytes, dont_fragment };
        match verdict {
            Verdict::ToClient(client) if client.transport != Transport::Udp => {
                self.inboxes.entry(to).or_default().push_back(datagram);
            }
            _ => self.send(datagram),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.workers.iter().filter_map(Server::poll_timeout).min()
    }

    pub(super) fn pass(&mut self, by: Duration) {
        self.now.instant += by;
        let elapsed = self.now.instant - self.started.instant;
        self.now.unix = self.started.unix + elapsed.as_secs();
    }

    pub(super) fn run_timers(&mut self) {
        let now = self.now;
        for (worker, server) in self.workers.iter_mut().enumerate() {
            while server.poll_timeout().is_some_and(|due| due <= now.instant) {
                server.handle_timeout(now, &mut self.ports.of_worker(worker));
            }
        }
        self.check();
        self.checks.check_lifetimes(now.instant);
    }

    /// A peer has connected.
    pub(crate) fn knock(&mut self, at: RelayedAddr, from: PeerAddr) {
        let Some(worker) = self.ports.worker(at.0) else { return };
        self.ports.wires.knock(at.0, from.0);
        let (server, mut ports) = (&mut self.workers[worker], self.ports.of_worker(worker));
        server.handle_accepted(self.now.instant, at, from, &mut ports);
        self.ports.wires.shut_door();
        self.check();
    }

    /// A connection that was to be made is there, or failed.
    pub(crate) fn connected(
        &mut self,
        relayed: SocketAddr,
        id: ConnectionId,
        outcome: Result<(), ConnectRefusal>,
    ) {
        let now = self.now.instant;
        self.owner(relayed).handle_connected(now, id, outcome);
        self.check();
    }

    /// The worker that has this address open.
    pub(crate) fn owner(&mut self, relayed: SocketAddr) -> &mut Server {
        let worker = self.ports.worker(relayed).expect("it is open");
        &mut self.workers[worker]
    }

    pub(crate) fn check(&mut self) {
        for worker in &mut self.workers {
            while let Some(FiveTuple { client, server, .. }) = worker.poll_message(&mut self.packet)
            {
                let Some(inbox) = self.inboxes.get_mut(&client.0) else { continue };
                let bytes = self.packet.bytes().to_vec();
                let (from, to, dont_fragment) = (server, client.0, false);
                inbox.push_back(Datagram { from, to, bytes, dont_fragment });
            }
            while let Some(event) = worker.poll_event() {
                self.checks.note(self.now.instant, &event);
                self.events.push_back(event);
            }
        }
        self.checks.check(&self.workers, &self.ports);
        self.network.check();
    }
}
