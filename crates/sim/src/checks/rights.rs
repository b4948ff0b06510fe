//! RFC 8656 §9, §12: what was granted to clients, kept a second time and in the simplest way, from
//! requests and their responses alone. Whatever a server relays is held against it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use kopru_stun::attribute::{Data, XorPeerAddress};
use kopru_stun::channel_data::{ChannelHeader, ChannelNumber, ChannelRange};
use kopru_stun::{Class, Message, Method};
use kopru_turn::Verdict;
use kopru_turn::five_tuple::{FiveTuple, PeerAddr, RelayedAddr};
use kopru_turn::limits::{CHANNEL_LIFETIME, PERMISSION_LIFETIME};

use super::Checks;

/// Permissions and channels, each until when.
#[derive(Debug, Default)]
pub(super) struct Rights {
    permissions: BTreeMap<(FiveTuple, IpAddr), Instant>,
    channels: BTreeMap<(FiveTuple, ChannelNumber), (SocketAddr, Instant)>,
}

impl Rights {
    /// A request has succeeded.
    fn grant(&mut self, now: Instant, client: &FiveTuple, request: &Message<'_>) {
        let granted = [Method::CREATE_PERMISSION, Method::CHANNEL_BIND];
        if !granted.contains(&request.method()) {
            return;
        }
        for peer in request.get_all::<XorPeerAddress>() {
            let XorPeerAddress(peer) = peer.expect("well-formed, since it succeeded");
            self.permissions.insert((*client, peer.ip()), now + PERMISSION_LIFETIME);
            if request.method() == Method::CHANNEL_BIND {
                let number = request.get::<ChannelNumber>().expect("well-formed").expect("there");
                self.channels.insert((*client, number), (peer, now + CHANNEL_LIFETIME));
            }
        }
    }

    /// An allocation has ended, and with it all that was granted for peers of its family.
    pub(super) fn forget(&mut self, client: &FiveTuple, RelayedAddr(relayed): RelayedAddr) {
        let family = relayed.is_ipv4();
        self.permissions.retain(|(owner, ip), _| owner != client || ip.is_ipv4() != family);
        self.channels.retain(|(owner, _), it| owner != client || it.0.is_ipv4() != family);
    }

    fn permits(&self, now: Instant, client: &FiveTuple, ip: IpAddr) -> bool {
        self.permissions.get(&(*client, ip)).is_some_and(|expires_at| *expires_at > now)
    }

    fn peer_of(&self, now: Instant, client: &FiveTuple, number: ChannelNumber) -> SocketAddr {
        let bound = self.channels.get(&(*client, number));
        let (peer, expires_at) = bound.unwrap_or_else(|| panic!("{number:?} was never bound"));
        assert!(*expires_at > now, "{number:?} is bound no more");
        *peer
    }
}

impl Checks {
    /// A server took `sent` from this client: what it made of it is allowed, and true.
    pub(crate) fn check_from_client(
        &mut self,
        now: Instant,
        client: &FiveTuple,
        sent: &[u8],
        (verdict, left): (Verdict, &[u8]),
    ) {
        match verdict {
            Verdict::Drop(_) | Verdict::Later => {}
            Verdict::ToClient(to) => {
                let request = Message::parse(sent).expect("only requests are answered");
                // RFC 5780 §7.5: RESPONSE-PORT names another port of the same host.
                let (asked, answered) = (client.client.0, to.client.0);
                let same = asked.ip() == answered.ip() && request.method() == Method::BINDING;
                assert!(same || asked == answered, "a response goes where the request was");
                let response = Message::parse(left).expect("a server writes whole messages");
                assert_eq!(request.class(), Class::Request);
                assert_eq!(request.transaction_id(), response.transaction_id());
                if response.class() == Class::Success {
                    self.rights.grant(now, client, &request);
                }
            }
            Verdict::ToPeer { via, to: PeerAddr(to), .. }
            | Verdict::ToRelayed { via, to: RelayedAddr(to) } => {
                assert_eq!(self.owner(now, via), *client, "through its own allocation");
                let (meant, payload) = self.meant(now, client, sent);
                assert_eq!((meant, payload), (to, left), "to whom it was sent, as it was sent");
            }
        }
    }

    /// A server took `sent` from a peer: what it made of it is allowed, and true.
    pub(crate) fn check_from_peer(
        &self,
        now: Instant,
        (at, PeerAddr(from)): (RelayedAddr, PeerAddr),
        sent: &[u8],
        (verdict, left): (Verdict, &[u8]),
    ) {
        let client = match verdict {
            Verdict::Drop(_) => return,
            Verdict::ToClient(client) => client,
            other => panic!("one in, one out: {other:?}"),
        };
        // Without flow label and scope, which a kernel may add.
        let from = SocketAddr::new(from.ip(), from.port());
        assert_eq!(client, self.owner(now, at), "to whom the allocation belongs");
        assert!(self.rights.permits(now, &client, from.ip()), "no permission for {from}");
        if let Ok(header) = ChannelHeader::read(left, ChannelRange::Rfc5766) {
            assert_eq!(self.rights.peer_of(now, &client, header.channel), from);
            assert_eq!(&left[header.data_range()], sent, "as it was sent");
        } else {
            let indication = Message::parse(left).expect("a server writes whole messages");
            assert_eq!(indication.get(), Ok(Some(XorPeerAddress(from))));
            assert_eq!(indication.get(), Ok(Some(Data(sent))), "as it was sent");
        }
    }

    /// Whose live allocation this is.
    fn owner(&self, now: Instant, relayed: RelayedAddr) -> FiveTuple {
        let live = self.live.get(&relayed).expect("nothing is relayed without an allocation");
        assert!(live.expires_at > now, "nothing is relayed in the instant of expiry");
        live.five_tuple
    }

    /// To whom a client wants data sent, which it may, and the data.
    fn meant<'a>(
        &self,
        now: Instant,
        client: &FiveTuple,
        sent: &'a [u8],
    ) -> (SocketAddr, &'a [u8]) {
        if let Ok(header) = ChannelHeader::read(sent, ChannelRange::Rfc5766) {
            return (self.rights.peer_of(now, client, header.channel), &sent[header.data_range()]);
        }
        let indication = Message::parse(sent).expect("only whole messages are relayed");
        assert_eq!((indication.method(), indication.class()), (Method::SEND, Class::Indication));
        let peer = indication.get::<XorPeerAddress>().expect("well-formed").expect("a peer").0;
        let data = indication.get::<Data<'_>>().expect("well-formed").expect("data").0;
        assert!(self.rights.permits(now, client, peer.ip()), "no permission for {peer}");
        (peer, data)
    }
}
