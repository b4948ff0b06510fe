//! The hash of the tables that packets are looked up in: keyed, so that nobody outside can choose
//! addresses and ports that meet in one bucket.

use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;

use siphasher::sip::SipHasher13;

use crate::five_tuple::{FiveTuple, RelayedAddr};

/// Builds hashers with a key of this server's own.
#[derive(Clone, Copy)]
pub(crate) struct KeyedHash {
    key: [u8; 16],
}

impl KeyedHash {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// Of what an allocation is found by from its client. Between two IPv4 addresses it is one
    /// block of the hash: it is computed for each datagram of a client.
    pub(crate) fn five_tuple(&self, FiveTuple { transport, client, server }: &FiveTuple) -> u64 {
        let mut hasher = self.build_hasher();
        match (client.0, *server) {
            (SocketAddr::V4(client), SocketAddr::V4(server)) => {
                let ips = u64::from(client.ip().to_bits()) << 32 | u64::from(server.ip().to_bits());
                let ports = u64::from(client.port()) << 16 | u64::from(server.port());
                let rest = ports << 32 | *transport as u64;
                hasher.write_u128(u128::from(ips) << 64 | u128::from(rest));
            }
            (client, server) => {
                write(&mut hasher, client);
                write(&mut hasher, server);
                hasher.write_u8(*transport as u8);
            }
        }
        hasher.finish()
    }

    /// Of what it is found by from its peers.
    pub(crate) fn relayed(&self, RelayedAddr(at): RelayedAddr) -> u64 {
        let mut hasher = self.build_hasher();
        write(&mut hasher, at);
        hasher.finish()
    }
}

fn write(hasher: &mut SipHasher13, address: SocketAddr) {
    match address {
        SocketAddr::V4(address) => {
            let ip = u64::from(address.ip().to_bits());
            hasher.write_u64(ip << 16 | u64::from(address.port()));
        }
        SocketAddr::V6(address) => {
            hasher.write_u128(address.ip().to_bits());
            hasher.write_u16(address.port());
        }
    }
}

impl BuildHasher for KeyedHash {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::five_tuple::{ClientAddr, Transport};

    #[test]
    fn each_part_of_an_address_counts() {
        let hash = KeyedHash::new([7; 16]);
        let mut found = HashSet::new();
        let addresses = ["1.2.3.4:5", "1.2.3.4:6", "5.2.3.4:5", "[::1.2.3.4]:5", "[2001:db8::1]:5"];
        let addresses = addresses.map(|text| text.parse::<SocketAddr>().unwrap());
        for client in addresses {
            assert!(found.insert(hash.relayed(RelayedAddr(client))));
            for server in addresses {
                for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
                    let five_tuple = FiveTuple { transport, client: ClientAddr(client), server };
                    assert!(found.insert(hash.five_tuple(&five_tuple)), "{five_tuple:?}");
                }
            }
        }
        let other = KeyedHash::new([8; 16]);
        assert!(addresses.iter().all(|at| !found.contains(&other.relayed(RelayedAddr(*at)))));
    }
}
