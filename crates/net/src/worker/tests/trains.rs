//! Trains in the loop: runs leave together, what is in none leaves by itself, in order.

use kopru_stun::attribute::Data;

use super::*;

/// Datagrams to send together, each as long as the first but for the last.
fn train(datagrams: &[Vec<u8>]) -> (Vec<u8>, usize) {
    (datagrams.concat(), datagrams[0].len())
}

fn numbered(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|at| on_channel(CHANNEL, &[at; 8])).collect()
}

/// Two clients that have each other on the same channel, on these workers.
fn pair(fixture: &mut Fixture, workers: [usize; 2]) -> [Allocated; 2] {
    let [ada, bob] =
        [(workers[0], 1), (workers[1], 2)].map(|(at, port)| fixture.allocate(at, port));
    ada.bind_channel(fixture, bob.relayed);
    bob.bind_channel(fixture, ada.relayed);
    [ada, bob]
}

impl Allocated {
    fn says_together(&self, datagrams: &[Vec<u8>]) -> (Origin, Vec<u8>, usize) {
        let (bytes, segment) = train(datagrams);
        (Origin::Client(self.five_tuple), bytes, segment)
    }

    fn hears(&self, datagrams: &[Vec<u8>]) -> Vec<(Departure, Vec<u8>)> {
        let to = Departure::Client(self.five_tuple);
        datagrams.iter().map(|bytes| (to, bytes.clone())).collect()
    }
}

#[test]
fn a_train_to_an_allocation_of_the_same_worker_never_leaves_it() {
    let mut fixture = Fixture::new();
    let [ada, bob] = pair(&mut fixture, [0, 0]);
    let mut said = numbered(16);
    said.push(on_channel(CHANNEL, b"bye"));
    let sent = fixture.live_with(0, [ada.says_together(&said)]);
    assert_eq!(sent, bob.hears(&said));
}

#[test]
fn a_train_to_an_allocation_of_another_worker_takes_one_place_of_its_inbox() {
    let mut fixture = Fixture::new();
    let [ada, bob] = pair(&mut fixture, [0, 1]);
    let mut said = numbered(64);
    said.push(on_channel(CHANNEL, b"bye"));
    let many = (0..CROSSINGS_MAX + 1).map(|_| ada.says_together(&said));
    assert_eq!(fixture.live_with(0, many), []);
    assert_eq!(fixture.lost(0, Loss::InboxFull), 65, "every datagram of the last train");
    let mut heard = Vec::new();
    while heard.len() < CROSSINGS_MAX * 65 {
        let more = fixture.live(1, []);
        assert!(!more.is_empty(), "{} arrived", heard.len());
        heard.extend(more);
    }
    heard.chunks(65).for_each(|one| assert_eq!(one, bob.hears(&said)));
}

#[test]
fn a_worker_that_is_handed_many_trains_looks_after_others_in_between() {
    let mut fixture = Fixture::new();
    let [ada, _] = pair(&mut fixture, [0, 1]);
    let said = numbered(64);
    fixture.live_with(0, (0..CROSSINGS_MAX).map(|_| ada.says_together(&said)));
    // Two rings of the bell, of which the second stops it.
    let heard = fixture.live(1, []).len();
    assert!((CROSSINGS_MAX..CROSSINGS_MAX * 16).contains(&heard), "{heard}");
}

#[test]
fn what_is_no_run_leaves_by_itself_and_in_its_turn() {
    let mut fixture = Fixture::new();
    let [ada, bob] = pair(&mut fixture, [0, 0]);
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    ada.ask(&mut fixture, Method::CREATE_PERMISSION, |request| {
        request.add(&XorPeerAddress(peer));
    });
    let sent_to = |at: u8| indication(peer, &[at; 8]);
    let len = sent_to(0).len();
    let on_channel = |at: u8| on_channel(CHANNEL, &vec![at; len - 4]);
    let many = (0..60).map(|at| if at % 3 == 0 { sent_to(at) } else { on_channel(at) });
    let many: Vec<_> = many.collect();
    let slot = fixture.workers[0].sockets.slot(RelayedAddr(ada.relayed)).unwrap();
    let to_peer = Departure::Peer { slot, to: PeerAddr(peer), dont_fragment: false };
    let expect = (0..60).map(|at| match at % 3 {
        0 => (to_peer, vec![at; 8]),
        _ => (Departure::Client(bob.five_tuple), on_channel(at)),
    });
    assert_eq!(fixture.live_with(0, [ada.says_together(&many)]), expect.collect::<Vec<_>>());
}

#[test]
fn a_train_of_a_peer_gets_its_headers_or_leaves_as_indications() {
    let mut fixture = Fixture::new();
    let ada = fixture.allocate(0, 1);
    let peers = [7, 9].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    ada.bind_channel(&mut fixture, peers[0]);
    let at = RelayedAddr(ada.relayed);
    let from = peers.map(|peer| Origin::Peer { at, from: Sender::Peer(PeerAddr(peer)) });
    let bytes: Vec<u8> = (0..100).collect();
    let sent = fixture.live_with(0, [(from[0], bytes.clone(), 30)]);
    let heard: Vec<_> = bytes.chunks(30).map(|said| on_channel(CHANNEL, said)).collect();
    assert_eq!(sent, ada.hears(&heard));
    // More than wait by themselves at once.
    let sent = fixture.live_with(0, [(from[1], bytes.clone(), 2)]);
    let said: Vec<_> = sent
        .iter()
        .map(|(to, bytes)| {
            assert_eq!(*to, Departure::Client(ada.five_tuple));
            attribute::<Data<'_>>(bytes).0.to_vec()
        })
        .collect();
    assert_eq!(said, bytes.chunks(2).map(<[u8]>::to_vec).collect::<Vec<_>>());
}

#[test]
fn more_runs_than_wait_at_once_all_leave() {
    let mut fixture = Fixture::new();
    let ada = fixture.allocate(0, 1);
    let peers = [7, 9].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    for (channel, peer) in (CHANNEL..).zip(peers) {
        ada.ask(&mut fixture, Method::CHANNEL_BIND, |request| {
            request.add(&ChannelNumber(channel)).add(&XorPeerAddress(peer));
        });
    }
    let said: Vec<_> =
        (0..60).map(|at| on_channel(CHANNEL + u16::from(at) % 2, &[at; 8])).collect();
    let sent = fixture.live_with(0, (0..32).map(|_| ada.says_together(&said)));
    assert_eq!(sent.len(), 32 * 60);
    for (number, (departure, bytes)) in sent.iter().enumerate() {
        let Departure::Peer { to, .. } = departure else { panic!("{departure:?}") };
        assert_eq!((to.0, &bytes[..]), (peers[number % 2], &[(number % 60) as u8; 8][..]));
    }
}
