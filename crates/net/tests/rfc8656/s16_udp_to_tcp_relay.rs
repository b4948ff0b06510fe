//! RFC 8656 §16: UDP-to-TCP Relay

use kopru_net::{Stream, Workers};
use kopru_stun::attribute::{Icmp, XorPeerAddress};
use socket2::SockRef;

use crate::client::{attribute, on_channel, settings};
use crate::door::{Client, Door};
use crate::ip_header::marked_peer;
use crate::relay::{CHANNEL, LARGE, V4, V6, family};

#[test]
fn what_the_peer_marks_is_ignored() {
    // "Ignore the incoming DSCP value. When TCP is used between the client and the server, a single
    // DSCP should be used for all traffic on that TCP connection." "ECN signals are dropped in the
    // TURN server for the incoming UDP datagrams from the peer."
    let workers = Workers::start(settings()).unwrap();
    let door = Door::of(&workers);
    let (near, socket, five_tuple) = door.connect();
    let same = socket.try_clone().unwrap();
    let options = SockRef::from(&same);
    let before = options.tos_v4().unwrap();
    door.give(Stream { socket, tls: None, five_tuple, place: Box::new(()) });
    let (mut client, (peer, at)) = (Client::over(near), marked_peer(V4));
    let relayed = client.allocate().unwrap();
    client.bind_channel(CHANNEL, at);
    peer.send_to(b"marked", relayed).unwrap();
    assert_eq!(client.receive(), on_channel(CHANNEL, b"marked"));
    assert_eq!((before, options.tos_v4().unwrap()), (0, 0));
}

#[test]
fn fragments_are_assembled() {
    // "Any fragmented packets are reassembled in the server and then forwarded to the client over
    // the TCP connection."
    let workers = Workers::start(settings()).unwrap();
    let (mut client, (peer, at)) = (Door::of(&workers).client(), marked_peer(V6));
    let relayed = client.allocate_family(family(at)).unwrap();
    client.bind_channel(CHANNEL, at);
    let payload = vec![7; LARGE];
    peer.send_to(&payload, relayed).unwrap();
    assert!(client.receive() == on_channel(CHANNEL, &payload));
}

#[test]
fn icmp_comes_as_a_data_indication() {
    // "ICMP messages resulting from the UDP datagrams sent to the peer are processed by the server
    // as described in Section 11.5 and forwarded to the client"
    let workers = Workers::start(settings()).unwrap();
    let mut client = Door::of(&workers).client();
    client.allocate().unwrap();
    let (peer, at) = marked_peer(V4);
    client.bind_channel(CHANNEL, at);
    drop(peer);
    client.send_on_channel(CHANNEL, b"anybody there?");
    let indication = client.receive();
    assert_eq!(attribute::<XorPeerAddress>(&indication).0, at);
    let Icmp { icmp_type, code, .. } = attribute(&indication);
    assert_eq!((icmp_type, code), (3, 3), "port unreachable");
}
