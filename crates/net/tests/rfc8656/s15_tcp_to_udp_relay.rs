//! RFC 8656 §15: TCP-to-UDP Relay

use std::net::TcpStream;

use kopru_net::Workers;
use kopru_stun::Method;
use kopru_stun::attribute::{Data, DontFragment, XorPeerAddress};
use socket2::SockRef;

use crate::client::{indication, indication_with, settings};
use crate::door::{Client, Door};
use crate::ip_header::{MARKED, Tap, marked_peer, receive, system_default};
use crate::relay::{CHANNEL, V4, V6, family};

/// A client over a TCP connection of that family, whose segments are marked.
fn client(bind: &str, workers: &Workers) -> Client<TcpStream> {
    let client = Door::at(bind, workers).client();
    let options = SockRef::from(&client.stream);
    match bind {
        V4 => options.set_tos_v4(MARKED.tos.into()).unwrap(),
        _ => options.set_tclass_v6(MARKED.tos.into()).unwrap(),
    }
    client
}

fn permit(client: &mut Client<TcpStream>, peer: std::net::SocketAddr) {
    let permitted = client.ask(Method::CREATE_PERMISSION, |it| _ = it.add(&XorPeerAddress(peer)));
    permitted.expect("permission is granted");
}

#[test]
fn dscp_is_best_effort_and_ecn_is_not_ect() {
    // Alternate behavior for DSCP: "Set the outgoing value to a fixed value, which by default is
    // Best Effort"; for ECN: "No mechanism is defined …; therefore, set the outgoing value to
    // Not-ECT"
    let workers = Workers::start(settings()).unwrap();
    for (bind, towards) in [(V4, V4), (V4, V6), (V6, V4), (V6, V6)] {
        let (mut client, (peer, at)) = (client(bind, &workers), marked_peer(towards));
        client.allocate_family(family(at)).unwrap();
        let default = system_default(&peer);
        client.bind_channel(CHANNEL, at);
        client.send_on_channel(CHANNEL, b"by channel");
        assert_eq!(receive(&peer), (b"by channel".to_vec(), default));
        client.write(&indication(at, b"by Send indication"));
        assert_eq!(receive(&peer), (b"by Send indication".to_vec(), default));
    }
}

#[test]
fn df_is_set_for_dont_fragment_and_else_is_zero() {
    // IPv4: "set the outgoing UDP packet to not fragment. In all other cases … set the DF bit in
    // the outgoing IP header to 0."
    let Some(mut tap) = Tap::at("127.0.0.15") else { return };
    let workers = Workers::start(settings()).unwrap();
    let (mut client, (_peer, at)) = (client(V4, &workers), marked_peer("127.0.0.15:0"));
    client.allocate().unwrap();
    permit(&mut client, at);
    let asking = indication_with(|it| {
        it.add(&XorPeerAddress(at)).add(&DontFragment).add(&Data(b"whole"));
    });
    for _ in 0..2 {
        client.write(&asking);
        client.write(&indication(at, b"in parts"));
        assert!(tap.has_df(at, b"whole"));
        assert!(!tap.has_df(at, b"in parts"));
    }
}
