//! The checks notice what they are there for: servers that break each promise, made up.

use std::time::Duration;

use kopru_stun::attribute::{AttributeType, XorPeerAddress};
use kopru_stun::{Class, MessageBuilder, MessageType, Method, TransactionId};
use kopru_turn::five_tuple::{ClientAddr, PeerAddr, RelayTransport, Transport};
use kopru_turn::{EndReason, Ended, Traffic, Verdict};

use super::*;
use crate::request::{Raw, create_permission, request};
use crate::settings::SERVER_V4;

/// One client with an allocation of ten minutes.
struct Bench {
    checks: Checks,
    now: Instant,
    client: FiveTuple,
    relayed: RelayedAddr,
}

impl Bench {
    fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let client = ClientAddr(([7, 7, 7, 7], 1000).into());
        let client = FiveTuple { transport: Transport::Udp, client, server: SERVER_V4 };
        let relayed = RelayedAddr(([9, 9, 9, 9], 50_000).into());
        let mut checks = Checks::default();
        let lifetime = Duration::from_secs(600);
        let created =
            Event::Created { five_tuple: client, relayed, username: "ada".into(), lifetime };
        checks.note(now, &created);
        Self { checks, now, client, relayed }
    }

    /// The same, with a permission for 8.8.8.8.
    fn permitted() -> Self {
        let mut bench = Self::new();
        let asked = create_permission(&["8.8.8.8"]).write(ID, None);
        let mut answer = [0; 20];
        let success = MessageType::new(Method::CREATE_PERMISSION, Class::Success);
        MessageBuilder::new(&mut answer, success, ID).finish();
        let verdict = Verdict::ToClient(bench.client);
        bench.checks.check_from_client(bench.now, &bench.client, &asked, (verdict, &answer));
        bench
    }

    /// The server relays `sent` to 8.8.8.8:2000 as `left`.
    fn relay(&mut self, sent: &[u8], left: &[u8]) {
        let to = XorPeerAddress(([8, 8, 8, 8], 2000).into());
        let data = Raw::<{ AttributeType::DATA.0 }>(sent.to_vec());
        let sent = request(Method::SEND).as_indication().with(to).with(data).write(ID, None);
        let verdict =
            Verdict::ToPeer { via: self.relayed, to: PeerAddr(to.0), dont_fragment: false };
        self.checks.check_from_client(self.now, &self.client, &sent, (verdict, left));
    }

    fn end(&mut self) {
        let ended = Ended {
            five_tuple: self.client,
            relayed: self.relayed,
            relay_transport: RelayTransport::Udp,
            username: "ada".into(),
            reason: EndReason::Expired,
            age: Duration::ZERO,
            to_peers: Traffic::default(),
            to_client: Traffic::default(),
            peers: 0,
        };
        self.checks.note(self.now, &Event::Ended(Box::new(ended)));
    }
}

const ID: TransactionId = TransactionId([7; 12]);

#[test]
fn what_is_allowed_passes() {
    let mut bench = Bench::permitted();
    bench.relay(b"hello", b"hello");
    bench.now += Duration::from_micros(299_999_999);
    bench.relay(b"hello", b"hello");
    bench.checks.check_lifetimes(bench.now);
}

#[test]
#[should_panic = "no permission for 8.8.8.8:2000"]
fn data_without_permission_is_noticed() {
    Bench::new().relay(b"hello", b"hello");
}

#[test]
#[should_panic = "no permission for 8.8.8.8:2000"]
fn data_in_the_instant_of_expiry_is_noticed() {
    let mut bench = Bench::permitted();
    bench.now += Duration::from_secs(300);
    bench.relay(b"hello", b"hello");
}

#[test]
#[should_panic = "to whom it was sent, as it was sent"]
fn changed_data_is_noticed() {
    Bench::permitted().relay(b"hello", b"hallo");
}

#[test]
#[should_panic = "nothing is relayed without an allocation"]
fn data_after_the_end_is_noticed() {
    let mut bench = Bench::permitted();
    bench.end();
    bench.relay(b"hello", b"hello");
}

#[test]
#[should_panic = "as it was sent"]
fn a_peer_s_changed_data_is_noticed() {
    let bench = Bench::permitted();
    let from = PeerAddr(([8, 8, 8, 8], 2000).into());
    let to = XorPeerAddress(from.0);
    let data = Raw::<{ AttributeType::DATA.0 }>(b"hallo".to_vec());
    let left = request(Method::DATA).as_indication().with(to).with(data).write(ID, None);
    let verdict = Verdict::ToClient(bench.client);
    bench.checks.check_from_peer(bench.now, (bench.relayed, from), b"hello", (verdict, &left));
}

#[test]
#[should_panic = "has outlived its lifetime"]
fn an_allocation_that_outlives_its_lifetime_is_noticed() {
    let bench = Bench::new();
    bench.checks.check_lifetimes(bench.now + Duration::from_secs(600));
}
