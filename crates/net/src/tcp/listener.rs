//! RFC 6062 §5.1: "the server MUST start accepting incoming TCP connections on the relayed
//! transport address"; §5.2: "The local endpoint is the relayed transport address".

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use kopru_turn::five_tuple::RelayedAddr;

/// The socket of a relayed transport address.
pub(crate) struct Listener {
    listener: TcpListener,
    /// The address that clients and peers know.
    pub(crate) at: RelayedAddr,
}

impl Listener {
    /// Listens on `bound`, where nobody else does.
    pub(crate) fn open(at: RelayedAddr, bound: SocketAddr) -> io::Result<Self> {
        let socket = socket(bound)?;
        socket.bind(&bound.into())?;
        socket.listen(BACKLOG as i32)?;
        // From now on, so that connections can leave from here; before, another could have it.
        socket.set_reuse_port(true)?;
        Ok(Self { listener: socket.into(), at })
    }

    /// A connection that a peer has made.
    pub(crate) fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        prepare(&stream)?;
        Ok((stream, peer))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Begins to connect from `from`, where a [`Listener`] is open, to `to`.
pub(crate) fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket(from)?;
    socket.set_reuse_port(true)?;
    socket.bind(&from.into())?;
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        _ => {}
    }
    let stream = TcpStream::from(socket);
    prepare(&stream)?;
    Ok(stream)
}

/// Has the other side learn that what came was cut off: RST in place of FIN.
pub(crate) fn abort(stream: BorrowedFd<'_>) {
    // Where that fails the connection is gone already.
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

/// A connection of an earlier allocation that is in TIME-WAIT takes no port away.
fn socket(bound: SocketAddr) -> io::Result<Socket> {
    let (domain, kind) = (Domain::for_address(bound), Type::STREAM.nonblocking().cloexec());
    let socket = Socket::new(domain, kind, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// Pieces go on as they come; a peer that has vanished is noticed.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_keepalive(true)
}

/// Peers that have connected and were not looked at yet, and as many are looked at in one turn.
pub(crate) const BACKLOG: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> SocketAddr {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    }

    #[test]
    fn what_leaves_and_what_arrives_has_one_address() {
        let bound = loopback();
        let listener = Listener::open(RelayedAddr(bound), bound).unwrap();
        let peers = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        for peer in &peers {
            let stream = connect(bound, peer.local_addr().unwrap()).unwrap();
            assert_eq!(peer.accept().unwrap().1, bound);
            assert_eq!(stream.local_addr().unwrap(), bound);
        }
        let near = TcpStream::connect(bound).unwrap();
        assert_eq!(listener.accept().unwrap().1, near.local_addr().unwrap());
    }

    #[test]
    fn a_port_that_somebody_listens_at_is_refused() {
        for share in [false, true] {
            let somebody = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            somebody.set_reuse_port(share).unwrap();
            somebody.set_reuse_address(share).unwrap();
            somebody.bind(&loopback().into()).unwrap();
            somebody.listen(1).unwrap();
            let bound = somebody.local_addr().unwrap().as_socket().unwrap();
            let refused = Listener::open(RelayedAddr(bound), bound).map(drop);
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AddrInUse, "{share}");
        }
    }

    #[test]
    fn a_port_can_be_opened_again_at_once() {
        let bound = loopback();
        for _ in 0..3 {
            let listener = Listener::open(RelayedAddr(bound), bound).unwrap();
            let near = TcpStream::connect(bound).unwrap();
            let (far, _) = listener.accept().unwrap();
            // The side that closes first has TIME-WAIT.
            drop(far);
            drop(near);
        }
    }
}
