//! A world with wires: sites of hosts behind gateways, each at the end of a line.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use kopru_turn::Settings;

use crate::nat::{Nat, NatBehavior};
use crate::network::{Direction, Fate, Gateway, Link, Loss, SiteNumber, Tally, host_address};
use crate::one_to_one::OneToOne;
use crate::peer::Peer;
use crate::settings::{SERVER_V4, USERS, settings};
use crate::turn_client::TurnClient;
use crate::world::World;

/// A deterministic Internet: the same seed, the same losses, delays and ports, to the microsecond.
/// It is a [`World`], and does what that does.
///
/// When a test fails, its seed and the last steps are printed beside the message.
pub struct Internet {
    world: World,
}

/// Hosts that reach the others through one gateway and over one line.
pub struct Site {
    world: World,
    number: SiteNumber,
}

impl Internet {
    /// An Internet with the server of [`settings`].
    pub fn seed(seed: u64) -> Self {
        Self::with(settings(), seed)
    }

    /// An Internet with a server of one worker.
    pub fn with(settings: Settings, seed: u64) -> Self {
        Self::with_workers(settings, 1, seed)
    }

    /// An Internet with a server of several workers.
    pub fn with_workers(settings: Settings, workers: u8, seed: u64) -> Self {
        Self { world: World::seeded(settings, workers, seed) }
    }

    /// A site behind a NAT that has one address outside.
    pub fn nat(&self, behavior: NatBehavior) -> Site {
        self.nat_with_pool(behavior, 1)
    }

    /// A site behind a NAT that has several addresses outside.
    pub fn nat_with_pool(&self, behavior: NatBehavior, addresses: u8) -> Site {
        self.site(None, |site| {
            let external = (1..=addresses).map(|number| host_address(site, number, true));
            Gateway::Nat(Nat::new(behavior, external.collect()))
        })
    }

    /// A site behind a NAT that is itself a host of another site: RFC 4787 §4.4, "second-level".
    pub fn nat_within(&self, outer: &Site, behavior: NatBehavior) -> Site {
        let external = outer.add_host();
        self.site(Some(outer.number), |_| Gateway::Nat(Nat::new(behavior, vec![external])))
    }

    /// A site behind a 1:1 NAT.
    pub fn one_to_one(&self) -> Site {
        self.site(None, |site| Gateway::OneToOne(OneToOne::new(site)))
    }

    /// A site of hosts with public addresses.
    pub fn open(&self) -> Site {
        self.site(None, |_| Gateway::Open)
    }

    /// A site of hosts with public addresses behind a firewall that lets no UDP pass.
    pub fn udp_blocked(&self) -> Site {
        self.site(None, |_| Gateway::BlocksUdp)
    }

    /// A new host of this site, with a TURN client on it.
    pub fn client_behind(&self, site: &Site) -> TurnClient {
        let address = site.new_endpoint();
        TurnClient::new(self.world.clone(), address, SERVER_V4, USERS[0])
    }

    /// A new host of this site that knows nothing of TURN.
    pub fn peer_behind(&self, site: &Site) -> Peer {
        Peer::new(self.world.clone(), site.new_endpoint())
    }

    /// The client goes over to this site: another network, another address, the same credentials.
    pub fn take_along(&self, client: &TurnClient, site: &Site) {
        client.settle_at(site.new_endpoint());
    }

    /// What has become of all datagrams.
    pub fn tally(&self) -> Tally {
        self.world.network().tally
    }

    /// How many datagrams were lost for this reason.
    pub fn lost(&self, loss: Loss) -> u64 {
        self.tally().lost(loss)
    }

    /// The seed and the last steps, as they are printed when a test fails.
    pub fn ladder(&self) -> String {
        self.world.network().ladder.to_string()
    }

    fn site(&self, within: Option<SiteNumber>, gateway: impl Fn(u8) -> Gateway) -> Site {
        let mut network = self.world.network();
        let number = u8::try_from(network.sites() + 1).expect("there are few sites");
        let number = network.add_site(gateway(number), within);
        Site { world: self.world.clone(), number }
    }
}

impl Deref for Internet {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Site {
    /// Replaces its line.
    pub fn set_link(&self, link: Link) {
        self.world.network().line(self.number).link = link;
    }

    /// Decides what becomes of the next datagram that goes out, after those decided already.
    pub fn outbound(&self, fate: Fate) {
        self.world.network().line(self.number).decide(Direction::Outbound, fate);
    }

    /// The same of the next one that comes in.
    pub fn inbound(&self, fate: Fate) {
        self.world.network().line(self.number).decide(Direction::Inbound, fate);
    }

    /// Its NAT loses its memory.
    pub fn forget_mappings(&self) {
        let mut network = self.world.network();
        network.gateway(self.number).nat().expect("only a NAT has mappings").forget();
    }

    fn new_endpoint(&self) -> SocketAddr {
        let ip = self.add_host();
        let address = SocketAddr::new(ip, CLIENT_PORT);
        self.world.settle(address);
        address
    }

    fn add_host(&self) -> IpAddr {
        let mut network = self.world.network();
        let public = network.gateway(self.number).is_public();
        let site = u8::try_from(self.number + 1).expect("there are few sites");
        network.add_host(self.number, |number| host_address(site, number, public))
    }
}

/// From which port hosts of sites send.
const CLIENT_PORT: u16 = 5000;
