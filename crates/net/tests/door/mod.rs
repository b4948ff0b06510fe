//! Clients over streams: a listener whose connections go to the workers, as the control plane does
//! it.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test uses its own part of it

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use kopru_net::{Handover, Stream, StreamEnd, Workers};
use kopru_stun::attribute::{ErrorCode, RequestedAddressFamily, XorPeerAddress, XorRelayedAddress};
use kopru_stun::channel_data::ChannelNumber;
use kopru_stun::{Class, Message, MessageBuilder, Method};
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, Transport};

use crate::client::{Writer, allocation, attribute, on_channel};

/// Where clients come in.
pub struct Door {
    listener: TcpListener,
    handover: Handover,
}

impl Door {
    pub fn of(workers: &Workers) -> Self {
        Self::at("127.0.0.1:0", workers)
    }

    pub fn at(bind: &str, workers: &Workers) -> Self {
        let listener = TcpListener::bind(bind).unwrap();
        Self { listener, handover: workers.handover() }
    }

    /// Both ends of a new connection, and its name.
    pub fn connect(&self) -> (TcpStream, TcpStream, FiveTuple) {
        let server = self.listener.local_addr().unwrap();
        let near = TcpStream::connect(server).unwrap();
        near.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (far, client) = self.listener.accept().unwrap();
        let client = ClientAddr(client);
        (near, far, FiveTuple { transport: Transport::Tcp, client, server })
    }

    pub fn give(&self, stream: Stream) {
        self.handover.give(stream);
    }

    /// A client over TCP.
    pub fn client(&self) -> Client<TcpStream> {
        let (near, socket, five_tuple) = self.connect();
        self.give(Stream { socket, tls: None, five_tuple, place: Box::new(()) });
        Client::over(near)
    }
}

/// A client at its end of a stream.
pub struct Client<S> {
    pub stream: S,
    pub writer: Writer,
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, writer: Writer::new() }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    /// The next message, without its padding.
    #[track_caller]
    pub fn receive(&mut self) -> Vec<u8> {
        let mut message = vec![0; 4];
        self.stream.read_exact(&mut message).expect("a message arrives");
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        let is_stun = message[0] >> 6 == 0;
        let rest = if is_stun { 16 + length } else { length.next_multiple_of(4) };
        message.resize(4 + rest, 0);
        self.stream.read_exact(&mut message[4..]).expect("the rest of it too");
        if !is_stun {
            assert!(message[4 + length..].iter().all(|byte| *byte == 0));
            message.truncate(4 + length);
        }
        message
    }

    #[track_caller]
    pub fn binding(&mut self) {
        let request = self.writer.request(Method::BINDING, |_| ());
        self.write(&request);
        assert_eq!(Message::parse(&self.receive()).unwrap().class(), Class::Success);
    }

    #[track_caller]
    pub fn allocate(&mut self) -> Result<SocketAddr, u16> {
        self.allocate_family(RequestedAddressFamily::IPV4)
    }

    #[track_caller]
    pub fn allocate_family(&mut self, family: RequestedAddressFamily) -> Result<SocketAddr, u16> {
        let reply = self.ask(Method::ALLOCATE, allocation(family))?;
        Ok(attribute::<XorRelayedAddress>(&reply).0)
    }

    #[track_caller]
    pub fn bind_channel(&mut self, channel: u16, peer: SocketAddr) {
        let write = |request: &mut MessageBuilder<'_>| {
            request.add(&ChannelNumber(channel)).add(&XorPeerAddress(peer));
        };
        self.ask(Method::CHANNEL_BIND, write).expect("the channel is bound");
    }

    #[track_caller]
    pub fn ask(
        &mut self,
        method: Method,
        write: impl Fn(&mut MessageBuilder<'_>),
    ) -> Result<Vec<u8>, u16> {
        loop {
            let request = self.writer.request(method, &write);
            self.write(&request);
            let reply = self.receive();
            if Message::parse(&reply).unwrap().class() == Class::Success {
                return Ok(reply);
            }
            if !self.writer.learn(&reply) {
                return Err(attribute::<ErrorCode>(&reply).number());
            }
        }
    }

    pub fn send_on_channel(&mut self, channel: u16, payload: &[u8]) {
        self.write(&padded(channel, payload));
    }

    /// The server closes the connection, whatever else it may still say.
    #[track_caller]
    pub fn expect_end(&mut self) {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        // A reset is an end as well.
        let ended = self.stream.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
        assert!(!matches!(ended, Err(WouldBlock | TimedOut)), "it goes on");
    }
}

/// ChannelData as it is on a stream.
pub fn padded(channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut message = on_channel(channel, payload);
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

/// Waits until the workers have counted a connection that ended so.
#[track_caller]
pub fn expect_counted(workers: &Workers, why: StreamEnd) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let count = || workers.stats().stream_ends().find(|end| end.0 == why).unwrap().1;
    while count() == 0 {
        assert!(Instant::now() < deadline, "{why:?} is not counted");
    }
}
