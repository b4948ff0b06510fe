//! The PROXY protocol, versions 1 and 2 (haproxy.org, "The PROXY protocol", 2.1 and 2.2): for whom
//! a proxy connects.
//!
//! ```text
//!  v1   PROXY TCP4 203.0.113.9 192.0.2.1 50000 443 CR LF
//!
//!  v2   ┌─ signature 12 ─┬ version, command ┬ family, protocol ┬ length 2 ┐
//!       │  client address, server address, client port, server port, TLVs │
//!       └──────────────────────────────────────────────────────────────────┘
//! ```

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::Ends;

/// Reads the header, and not a byte more. `own` are the ends of the connection itself: the proxy
/// may say that it speaks for itself, as it does to see whether we live.
///
/// # Errors
/// When there is no header, or one that says nothing clear.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), own: Ends) -> io::Result<Ends> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let mut head = [0; SIGNATURE.len()];
    stream.read_exact(&mut head).await?;
    if head == SIGNATURE {
        let mut rest = [0; 4];
        stream.read_exact(&mut rest).await?;
        let [command, family, l0, l1] = rest;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if length > V2_LENGTH_MAX {
            return Err(malformed());
        }
        let mut addresses = vec![0; length];
        stream.read_exact(&mut addresses).await?;
        return version_2(command, family, &addresses, own).ok_or_else(malformed);
    }
    // The shortest line is longer than the signature.
    let mut line = head.to_vec();
    while line.starts_with(b"PROXY ") && line.len() < V1_LENGTH_MAX {
        line.push(stream.read_u8().await?);
        if line.ends_with(b"\r\n") {
            let text = str::from_utf8(&line).map_err(|_| malformed())?;
            return version_1(text.trim_end(), own).ok_or_else(malformed);
        }
    }
    Err(malformed())
}

fn version_1(line: &str, own: Ends) -> Option<Ends> {
    let mut words = line.strip_prefix("PROXY ")?.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(own);
    }
    let [client, server, client_port, server_port] =
        [words.next()?, words.next()?, words.next()?, words.next()?];
    let end = |ip: &str, port: &str| {
        let address = SocketAddr::new(ip.parse().ok()?, port.parse().ok()?);
        let is_family = if address.is_ipv4() { family == "TCP4" } else { family == "TCP6" };
        is_family.then_some(address)
    };
    let ends = Ends::new(end(client, client_port)?, end(server, server_port)?);
    words.next().is_none().then_some(ends)
}

fn version_2(command: u8, family: u8, addresses: &[u8], own: Ends) -> Option<Ends> {
    match (command, family) {
        (LOCAL, _) => Some(own),
        (PROXY, TCP_OVER_IPV4) => {
            let [client, server] = two::<4>(addresses)?.map(Ipv4Addr::from);
            let [client_port, server_port] = ports(addresses.get(8..)?)?;
            let ends = [(client, client_port), (server, server_port)];
            let [client, server] = ends.map(SocketAddr::from);
            Some(Ends::new(client, server))
        }
        (PROXY, TCP_OVER_IPV6) => {
            let [client, server] = two::<16>(addresses)?.map(Ipv6Addr::from);
            let [client_port, server_port] = ports(addresses.get(32..)?)?;
            let ends = [(client, client_port), (server, server_port)];
            let [client, server] = ends.map(SocketAddr::from);
            Some(Ends::new(client, server))
        }
        _ => None,
    }
}

fn two<const LEN: usize>(bytes: &[u8]) -> Option<[[u8; LEN]; 2]> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some([*first, *rest.first_chunk()?])
}

fn ports(bytes: &[u8]) -> Option<[u16; 2]> {
    Some(two::<2>(bytes)?.map(u16::from_be_bytes))
}

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, the proxy for itself.
const LOCAL: u8 = 0x20;
/// Version 2, for somebody else.
const PROXY: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;
/// "A 107-byte string with the CRLF" is the longest line.
const V1_LENGTH_MAX: usize = 107;
/// Addresses, and what proxies add to them: certificates are the longest.
const V2_LENGTH_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ends = Ends {
        client: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 1000),
        server: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 443),
    };

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, addresses].concat()
    }

    /// The ends, and what is left in the stream.
    async fn read_all(header: &[u8]) -> Option<(Ends, Vec<u8>)> {
        let mut stream = &[header, b"\x16rest"].concat()[..];
        let ends = read(&mut stream, OWN).await.ok()?;
        Some((ends, stream.to_vec()))
    }

    #[tokio::test]
    async fn both_versions_name_client_and_server_and_end_where_they_end() {
        let v4 = [203, 0, 113, 9, 192, 0, 2, 1, 0xc3, 0x50, 0x01, 0xbb];
        let mut v6 = [0; 36];
        (v6[15], v6[31], v6[33], v6[35]) = (1, 2, 3, 4);
        let with_tlv = [&v4[..], b"\x04\x00\x02hi"].concat();
        for (header, client, server) in [
            (
                b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n".to_vec(),
                "203.0.113.9:50000",
                "192.0.2.1:443",
            ),
            (b"PROXY TCP6 ::1 ::2 3 4\r\n".to_vec(), "[::1]:3", "[::2]:4"),
            (b"PROXY TCP6 ::ffff:1.1.1.1 ::2 3 4\r\n".to_vec(), "1.1.1.1:3", "[::2]:4"),
            (v2(PROXY, TCP_OVER_IPV4, &v4), "203.0.113.9:50000", "192.0.2.1:443"),
            (v2(PROXY, TCP_OVER_IPV4, &with_tlv), "203.0.113.9:50000", "192.0.2.1:443"),
            (v2(PROXY, TCP_OVER_IPV6, &v6), "[::1]:3", "[::2]:4"),
            (b"PROXY UNKNOWN\r\n".to_vec(), "10.0.0.1:1000", "10.0.0.2:443"),
            (b"PROXY UNKNOWN ffff::1 x\r\n".to_vec(), "10.0.0.1:1000", "10.0.0.2:443"),
            (v2(LOCAL, 0, &[]), "10.0.0.1:1000", "10.0.0.2:443"),
        ] {
            let expect = Ends { client: client.parse().unwrap(), server: server.parse().unwrap() };
            assert_eq!(read_all(&header).await, Some((expect, b"\x16rest".to_vec())));
        }
    }

    #[tokio::test]
    async fn what_is_not_clear_is_refused() {
        let long = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200], b"\r\n".to_vec()].concat();
        for header in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            b"PROXY TCP4 ::1 ::2 3 4\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 192.0.2.1 50000\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 99999\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443 7\r\n".to_vec(),
            b"PROXY UDP4 203.0.113.9 192.0.2.1 50000 443\r\n".to_vec(),
            long,
            v2(PROXY, TCP_OVER_IPV4, &[1; 11]),
            v2(PROXY, 0x12, &[1; 12]),
            v2(0x11, TCP_OVER_IPV4, &[1; 12]),
            v2(LOCAL, 0, &[0; 5000]),
            b"PROXY".to_vec(),
        ] {
            assert_eq!(read_all(&header).await, None, "{}", header.escape_ascii());
        }
    }
}
