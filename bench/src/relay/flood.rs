//! Sources that prove nothing: a million of them, each heard of once, and what a server keeps.
//!
//! The sources are addresses of 127.0.0.0/8, which are all this host's, at some ports: one socket
//! for each port, and the address in each datagram's control message.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use kopru_stun::attribute::RequestedTransport;
use kopru_stun::{Class, MessageBuilder, MessageType, Method};
use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};

use super::inbox::Inbox;
use super::line::{Transport, datagram_socket};
use super::request::TransactionIds;
use super::servers::Server;
use crate::error::BenchError;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flooded {
    pub(crate) sources: u32,
    asked: u32,
    answered: u32,
    /// Of the server.
    cpu: Duration,
    /// Its resident memory.
    pub(crate) before_kib: u64,
    pub(crate) after_kib: u64,
}

impl Flooded {
    /// Of those who wanted an answer.
    pub(crate) fn answered_share(&self) -> f64 {
        f64::from(self.answered) / f64::from(self.asked.max(1))
    }

    /// Microseconds of the server's core for each source.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / f64::from(self.sources)
    }
}

/// Weighs the server before and after so many sources; some others were there before.
///
/// # Errors
/// The server ended.
pub(crate) fn measure(server: &Server, sources: u32) -> Result<Flooded, BenchError> {
    let mut flood = Flood::new(server.target.address(Transport::Udp))?;
    flood.send(0..WARM_UP)?;
    let (before_kib, cpu_ns) = (server.process.resident_kib()?, server.process.cpu_ns()?);
    (flood.asked, flood.answered) = (0, 0);
    flood.send(WARM_UP..WARM_UP + sources)?;
    let cpu = Duration::from_nanos(server.process.cpu_ns()? - cpu_ns);
    let after_kib = server.process.resident_kib()?;
    let Flood { asked, answered, .. } = flood;
    Ok(Flooded { sources, asked, answered, cpu, before_kib, after_kib })
}

struct Flood {
    server: SockaddrIn,
    sockets: Vec<UdpSocket>,
    requests: [Vec<u8>; 4],
    inbox: Inbox,
    asked: u32,
    answered: u32,
}

impl Flood {
    fn new(server: SocketAddrV4) -> Result<Self, BenchError> {
        let sockets: Result<Vec<_>, _> =
            (0..PORTS).map(|_| datagram_socket(Ipv4Addr::UNSPECIFIED)).collect();
        Ok(Self {
            server: server.into(),
            sockets: sockets.map_err(BenchError::io("sockets for sources"))?,
            requests: requests(),
            inbox: Inbox::new(),
            asked: 0,
            answered: 0,
        })
    }

    /// One datagram from each of these sources, no more ahead of the server than it has room for.
    fn send(&mut self, sources: Range<u32>) -> Result<(), BenchError> {
        for source in sources {
            let (socket, address) = place_of(source);
            let which = source as usize % self.requests.len();
            self.send_one(socket, address, which).map_err(BenchError::io("a source"))?;
            if source % BATCH == BATCH - 1 {
                self.hear(socket).map_err(BenchError::io("a source"))?;
            }
        }
        Ok(())
    }

    fn send_one(&mut self, socket: usize, address: Ipv4Addr, which: usize) -> io::Result<()> {
        let address = in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
        let source = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: address };
        let request = [IoSlice::new(&self.requests[which])];
        let control = [ControlMessage::Ipv4PacketInfo(&source)];
        let socket = self.sockets[socket].as_raw_fd();
        sendmsg(socket, &request, &control, MsgFlags::empty(), Some(&self.server))?;
        self.asked += u32::from(which < ANSWERED);
        Ok(())
    }

    /// Waits for the answers of a batch; who has none after a while gets none.
    fn hear(&mut self, socket: usize) -> io::Result<()> {
        let socket = self.sockets[socket].as_raw_fd();
        let deadline = Instant::now() + ANSWERED_WITHIN;
        let wanted = self.answered + BATCH / self.requests.len() as u32 * ANSWERED as u32;
        while self.answered < wanted && Instant::now() < deadline {
            let answers = self.inbox.receive(socket)?.count();
            self.answered += u32::try_from(answers).unwrap_or_default();
        }
        Ok(())
    }
}

/// Which socket, and which address: all addresses of a batch are at one port.
fn place_of(source: u32) -> (usize, Ipv4Addr) {
    let (batch, number) = (source / BATCH, source % BATCH);
    let (socket, round) = (batch % PORTS, batch / PORTS);
    (socket as usize, Ipv4Addr::from_bits(FIRST_ADDRESS + round * BATCH + number))
}

/// Of these the first [`ANSWERED`] want an answer.
fn requests() -> [Vec<u8>; 4] {
    let id = TransactionIds::default().next();
    let request = |method| {
        let mut bytes = vec![0; 28];
        let kind = MessageType::new(method, Class::Request);
        let mut builder = MessageBuilder::new(&mut bytes, kind, id);
        if method == Method::ALLOCATE {
            builder.add(&RequestedTransport::UDP);
        }
        let len = builder.finish();
        bytes.truncate(len);
        bytes
    };
    let channel_data = vec![0x40, 0, 0, 4, 1, 2, 3, 4];
    [request(Method::BINDING), request(Method::ALLOCATE), channel_data, b"anything".to_vec()]
}

const ANSWERED: usize = 2;
const PORTS: u32 = 16;
const BATCH: u32 = 64;
/// Far from those that anything else here has.
const FIRST_ADDRESS: u32 = Ipv4Addr::new(127, 16, 0, 0).to_bits();
const WARM_UP: u32 = 20_480;
const ANSWERED_WITHIN: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_million_sources_are_a_million() {
        let places: HashSet<_> = (0..WARM_UP + 1_000_000).map(place_of).collect();
        assert_eq!(places.len(), WARM_UP as usize + 1_000_000);
        assert!(places.iter().all(|(_, address)| address.is_loopback()));
    }

    #[test]
    fn requests_are_whole() {
        let [binding, allocate, ..] = requests();
        assert_eq!((binding.len(), allocate.len()), (20, 28));
    }
}
