//! RFC 7983 §7: what is spoken on a connection, by its first bytes.

use kopru_stun::MAGIC_COOKIE;
use tokio::net::TcpStream;

use super::Refused;

/// What the first bytes of a connection begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstBytes {
    /// Nothing: it was closed.
    None,
    /// A STUN message. (No client begins with ChannelData.)
    Stun,
    /// A TLS handshake (RFC 8446 §5.1).
    Tls,
    /// The method of an HTTP request (RFC 9110 §9.1), if anything.
    Http,
    /// Nothing that is known.
    Other,
}

impl FirstBytes {
    /// Waits for them. They stay where they are.
    pub(super) async fn of(stream: &TcpStream) -> Result<Self, Refused> {
        let mut buffer = [0; 8];
        let count = stream.peek(&mut buffer).await.map_err(|_| Refused::Silent)?;
        match buffer.get(..count).map(Self::from) {
            Some(Self::None) | None => Err(Refused::Silent),
            Some(known) => Ok(known),
        }
    }
}

impl From<&[u8]> for FirstBytes {
    fn from(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::None,
            // The cookie, as far as it has come.
            [0..=3, rest @ ..] => {
                let cookie = MAGIC_COOKIE.to_be_bytes();
                let is_cookie = rest.iter().skip(3).zip(&cookie).all(|(byte, it)| byte == it);
                if is_cookie { Self::Stun } else { Self::Other }
            }
            [0x16, ..] => Self::Tls,
            [b'A'..=b'Z', ..] => Self::Http,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_enough_and_more_are_looked_at() {
        for (bytes, expect) in [
            (&b""[..], FirstBytes::None),
            (b"\x00", FirstBytes::Stun),
            (b"\x00\x01\x00\x00\x21\x12", FirstBytes::Stun),
            (b"\x00\x01\x00\x00\x21\x12\xa4\x42id", FirstBytes::Stun),
            (b"\x00\x01\x00\x00\x21\x12\xa4\x43", FirstBytes::Other),
            (b"\x16\x03\x01", FirstBytes::Tls),
            (b"GET / HTTP/1.1", FirstBytes::Http),
            (b"\x40\x00\x00\x04", FirstBytes::Other),
            (b"\x0d\x0a\x0d\x0a", FirstBytes::Other),
            (b"\xff", FirstBytes::Other),
        ] {
            assert_eq!(FirstBytes::from(bytes), expect, "{bytes:02x?}");
        }
    }
}
