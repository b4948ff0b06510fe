//! Listening TCP sockets, and what to say when there is none to be had.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Opens a listening socket for each address.
///
/// # Errors
/// [`ListenError`] for the first that can't be had.
pub(crate) fn all(
    option: &'static str,
    addresses: &[SocketAddr],
) -> Result<Vec<TcpListener>, ListenError> {
    let open = |address: &SocketAddr| {
        one(*address).map_err(|error| ListenError { option, address: *address, error })
    };
    addresses.iter().map(open).collect()
}

/// Whether a socket at `listening` accepts what is meant for `address`.
pub(crate) fn covers(listening: SocketAddr, address: SocketAddr) -> bool {
    let same_family = listening.is_ipv4() == address.is_ipv4();
    let ip = listening.ip();
    listening.port() == address.port() && same_family && (ip.is_unspecified() || ip == address.ip())
}

fn one(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server gets its port back although old connections linger in TIME-WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // [::] and 0.0.0.0 are two sockets, whatever the system's default is.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Why there is no listening socket.
#[derive(Debug)]
pub(crate) struct ListenError {
    option: &'static str,
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, address, error } = self;
        write!(f, "{option}: {address}: ")?;
        let port = address.port();
        match error.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "already in use, by another kopru or another server: `ss -ltnp sport = :{port}` \
                 says which; stop it, or choose another port"
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "not permitted: ports below 1024 need CAP_NET_BIND_SERVICE (systemd: \
                 AmbientCapabilities=CAP_NET_BIND_SERVICE)"
            ),
            io::ErrorKind::AddrNotAvailable => {
                f.write_str("no interface of this host has that address: `ip address` lists them")
            }
            _ => error.fmt(f),
        }
    }
}

const BACKLOG: i32 = 1024;
