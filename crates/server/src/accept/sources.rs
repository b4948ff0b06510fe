//! How many connections each source has, so that one alone can't take all places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use kopru_turn::Cidr;

/// Counts the connections of each source: an IPv4 address, an IPv6 /64.
///
/// Not counted are trusted proxies, which stand for many, and loopback, where a proxy that was not
/// declared would look like one client.
pub(crate) struct Sources {
    max: u32,
    proxies: Vec<Cidr>,
    counts: Mutex<HashMap<IpAddr, u32>>,
}

impl Sources {
    /// At most `max` connections of each.
    pub(crate) fn new(max: u32, proxies: &[Cidr]) -> Arc<Self> {
        Arc::new(Self { max, proxies: proxies.to_vec(), counts: Mutex::default() })
    }

    /// A place for one more, given back when it is dropped; `None` when there is none.
    pub(crate) fn take(self: &Arc<Self>, source: IpAddr) -> Option<Place> {
        if source.is_loopback() || self.proxies.iter().any(|block| block.contains(source)) {
            return Some(Place { sources: None, source });
        }
        let source = prefix_of(source);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Place { sources: Some(Arc::clone(self)), source })
    }
}

/// The place of one connection.
pub(crate) struct Place {
    sources: Option<Arc<Sources>>,
    source: IpAddr,
}

impl Place {
    /// The source, where sources are counted.
    pub(crate) fn source(&self) -> Option<IpAddr> {
        self.sources.is_some().then_some(self.source)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(sources) = &self.sources else { return };
        let mut counts = sources.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

/// One subscriber has a whole /64.
fn prefix_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_so_many_places_and_gets_them_back() {
        let sources = Sources::new(2, &["192.0.2.0/24".parse().unwrap()]);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut places = ["2001:db8::1", "2001:db8::ffff:2"]
            .map(|text| sources.take(ip(text)))
            .into_iter()
            .collect::<Vec<_>>();
        assert!(places.iter().all(Option::is_some));
        assert!(sources.take(ip("2001:db8::1")).is_none(), "a /64 is one source");
        assert!(sources.take(ip("2001:db8:0:1::1")).is_some());
        for uncounted in ["::1", "127.0.0.1", "192.0.2.9"] {
            let many: Vec<_> = (0..3).map(|_| sources.take(ip(uncounted))).collect();
            assert!(many.iter().all(Option::is_some), "{uncounted}");
        }
        places.pop();
        assert!(sources.take(ip("2001:db8::1")).is_some());
        drop(places);
        assert!(sources.counts.lock().unwrap().is_empty());
    }
}
