//! How many WebSockets each source has, so that one alone can't take all places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::WEBSOCKETS_PER_SOURCE_MAX;

/// How many WebSockets each source has.
#[derive(Default)]
pub(crate) struct Sources {
    counts: Mutex<HashMap<IpAddr, u32>>,
}

impl Sources {
    /// A place for one more, given back when it is dropped; `None` when there is none.
    pub(crate) fn take(self: &Arc<Self>, source: IpAddr) -> Option<Place> {
        if source.is_loopback() {
            return Some(Place { sources: None, source });
        }
        let source = prefix_of(source);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source).or_default();
        if *count >= WEBSOCKETS_PER_SOURCE_MAX {
            return None;
        }
        *count += 1;
        Some(Place { sources: Some(Arc::clone(self)), source })
    }
}

/// One WebSocket's place.
pub(crate) struct Place {
    sources: Option<Arc<Sources>>,
    source: IpAddr,
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
        let sources = Arc::new(Sources::default());
        let [one, same_subnet, other, here] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1", "::1"]
                .map(|ip| ip.parse::<IpAddr>().unwrap());
        let mut places: Vec<_> =
            (0..WEBSOCKETS_PER_SOURCE_MAX).map(|_| sources.take(one).unwrap()).collect();
        assert!(sources.take(same_subnet).is_none());
        assert!(sources.take(other).is_some());
        assert!(sources.take(here).is_some());
        places.pop();
        assert!(sources.take(same_subnet).is_some());
        drop(places);
        assert!(sources.counts.lock().unwrap().is_empty());
    }
}
