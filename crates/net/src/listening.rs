//! Which UDP addresses clients are served on, beyond those that the operator lists.
//!
//! ```text
//!              P1     P2 = P1 + 1
//!  listed      ■      □            who asks both ports learns whether its mapping depends on them
//!  A1          ■      □            RFC 5780: answers from another address than was asked
//!  A2          □      □
//! ```
//!
//! What is opened on top (□) is a listener like every other: one a worker, serving everything.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use kopru_turn::NatDiscovery;

use crate::listener::Listener;
use crate::settings::{RelayAddress, SecondPort, Settings, overlap};
use crate::start_error::StartError;

/// The listeners of all workers.
pub(crate) struct Listening {
    /// One of each address for each worker.
    pub(crate) by_worker: Vec<Vec<Listener>>,
    /// All addresses: the listed ones first, in their order, with the ports that were found.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The second port, if there is one.
    pub(crate) second_port: Option<u16>,
    /// Why there is none, where it was not insisted on.
    pub(crate) second_refused: Option<StartError>,
    /// Where RFC 5780 is served.
    pub(crate) discovery: Vec<NatDiscovery>,
}

impl Listening {
    /// Opens all listeners, for so many workers.
    pub(crate) fn open(settings: &Settings, workers: usize) -> Result<Self, StartError> {
        let mut listening = Self {
            by_worker: (0..workers).map(|_| Vec::new()).collect(),
            addresses: Vec::new(),
            second_port: None,
            second_refused: None,
            discovery: Vec::new(),
        };
        for &address in &settings.listen {
            listening.add(address)?;
        }
        listening.add_second_port(settings)?;
        listening.add_discovery(&settings.nat_discovery)?;
        Ok(listening)
    }

    fn add(&mut self, address: SocketAddr) -> Result<SocketAddr, StartError> {
        let group = Listener::open_group(address, self.by_worker.len())?;
        let actual = group.first().map_or(address, Listener::address);
        self.addresses.push(actual);
        let pairs = self.by_worker.iter_mut().zip(group);
        pairs.for_each(|(listeners, listener)| listeners.push(listener));
        Ok(actual)
    }

    /// Opens an address, unless it is served already.
    fn ensure(&mut self, address: SocketAddr) -> Result<SocketAddr, StartError> {
        let is_served = self.addresses.iter().any(|it| overlap(*it, address));
        if is_served { Ok(address) } else { self.add(address) }
    }

    /// A port beside the first one, at each IP address that has that.
    fn add_second_port(&mut self, settings: &Settings) -> Result<(), StartError> {
        let Some(&first) = self.addresses.first() else { return Ok(()) };
        let port = match settings.second_port {
            SecondPort::None => None,
            SecondPort::NextIfFree => first.port().checked_add(1),
            SecondPort::Port(port) => Some(port),
        };
        let Some(port) = port else { return Ok(()) };
        let is_first = |it: &&SocketAddr| it.port() == first.port();
        let ips: Vec<IpAddr> = self.addresses.iter().filter(is_first).map(SocketAddr::ip).collect();
        let listed = self.addresses.len();
        match self.open_at(&ips, port) {
            Ok(port) => self.second_port = Some(port),
            Err(why) => {
                let insists = settings.second_port != SecondPort::NextIfFree;
                if insists || !settings.nat_discovery.is_empty() {
                    return Err(StartError::SecondPort(Box::new(why)));
                }
                self.addresses.truncate(listed);
                self.by_worker.iter_mut().for_each(|listeners| listeners.truncate(listed));
                self.second_refused = Some(why);
            }
        }
        Ok(())
    }

    /// Opens one port at all these addresses; 0 finds one.
    fn open_at(&mut self, ips: &[IpAddr], mut port: u16) -> Result<u16, StartError> {
        for ip in ips {
            port = self.ensure(SocketAddr::new(*ip, port))?.port();
        }
        Ok(port)
    }

    /// RFC 5780 §6: "the server SHOULD allocate a pair of ports … such that it can send and receive
    /// datagrams using the same ports on each IP address".
    fn add_discovery(&mut self, pairs: &[[RelayAddress; 2]]) -> Result<(), StartError> {
        let first = self.addresses.first().map(SocketAddr::port);
        let Some(ports) = first.zip(self.second_port) else {
            return if pairs.is_empty() { Ok(()) } else { Err(StartError::NoSecondPort) };
        };
        for pair in pairs {
            for &address in pair {
                // A wildcard would seem to serve an address that is not one of this host.
                UdpSocket::bind((address.bound, 0))
                    .map_err(|error| StartError::NatDiscoveryAddress { address, error })?;
                for port in [ports.0, ports.1] {
                    self.ensure(SocketAddr::new(address.bound, port))
                        .map_err(|why| StartError::NatDiscovery(Box::new(why)))?;
                }
            }
            self.discovery.push(NatDiscovery {
                bound: pair.map(|address| address.bound),
                advertised: pair.map(|address| address.advertised),
                ports: ports.into(),
            });
        }
        Ok(())
    }
}
