//! RFC 7239 §7.4 and its forerunner, X-Forwarded-For: who is behind a reverse proxy.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use kopru_turn::Cidr;

/// The address of the client: the peer of the connection, or, where that is a trusted proxy, the
/// last one in X-Forwarded-For that is not a trusted proxy itself. What stands before it was
/// written by the client and proves nothing.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|block| block.contains(ip));
    let mut client = peer;
    let fields = headers.get_all(FORWARDED_FOR).iter().rev();
    let hops = fields.filter_map(|field| field.to_str().ok()).flat_map(|list| list.rsplit(','));
    for hop in hops {
        if !is_trusted(client) {
            break;
        }
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        client = ip.to_canonical();
    }
    client
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hop_that_is_not_a_trusted_proxy() {
        let trusted: Vec<Cidr> =
            ["10.0.0.0/8", "127.0.0.1"].iter().map(|text| text.parse().unwrap()).collect();
        for (peer, fields, expect) in [
            ("192.0.2.1", vec!["198.51.100.1"], "192.0.2.1"),
            ("127.0.0.1", vec!["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", vec!["1.1.1.1, 198.51.100.1, 10.1.1.1"], "198.51.100.1"),
            ("127.0.0.1", vec!["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", vec!["::ffff:198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", vec!["198.51.100.1, unknown"], "127.0.0.1"),
            ("127.0.0.1", vec![], "127.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for field in &fields {
                headers.append(FORWARDED_FOR, field.parse().unwrap());
            }
            let client = client_address(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(client, expect.parse::<IpAddr>().unwrap(), "{peer} {fields:?}");
        }
    }
}
