//! The deterministic Internet, and the ladder language of tests: servers, scripted TURN clients and
//! peers that exchange packets without sockets, threads or real time.
//!
//! A [`World`] has a server of one or several workers, a clock, and whoever is given an address.
//! Nothing lies between them: what is sent has arrived.
//!
//! ```
//! use kopru_sim::{World, allocate, error, success};
//!
//! let world = World::start();
//! let ada = world.client("7.7.7.7:1000");
//! let bob = world.peer("8.8.8.8:2000");
//!
//! ada.ask(allocate().without_credentials()).expect(error(401));
//! ada.ask(allocate()).expect(success());
//! ada.permit(&bob);
//! ada.send_to(&bob, b"hello");
//! bob.expect(ada.relayed(), b"hello");
//! world.advance_s(300);
//! ada.send_to(&bob, b"anybody there?");
//! bob.expect_nothing();
//! ```
//!
//! An [`Internet`] is a world with wires: sites of hosts, each site behind a gateway and at the end
//! of a line. What is sent arrives later, twice, in another order, from another address, or never.
//!
//! ```text
//!        a site                                        the open network
//!  ┌───────────────────────────────┐
//!  │ 10.1.0.1:5000 ──┐             │      line              ┌── server 9.9.9.9:3478
//!  │                 ├── gateway ──┼── latency, jitter ─────┤
//!  │ 10.1.0.2:5000 ──┘             │   loss, copies         ├── peer 8.8.8.8:2000
//!  └───────────────────────────────┘                        │
//!                      open · UDP blocked · 1:1             └── line ── gateway ── another site
//!                      NAT of RFC 4787: mapping.rs,
//!                      port_assignment.rs, filtering.rs,
//!                      hairpinning.rs
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use kopru_sim::{Fate, Internet, Loss, NatBehavior, Route};
//!
//! let internet = Internet::seed(7);
//! let home = internet.nat(NatBehavior::symmetric());
//! let office = internet.nat(NatBehavior::port_restricted());
//! let (ada, bob) = (internet.client_behind(&home), internet.client_behind(&office));
//!
//! // A lost request is sent again after 500 ms.
//! home.outbound(Fate::Lost);
//! ada.allocate();
//! // The two find their way to each other as browsers do.
//! assert_eq!(internet.connect(&ada, &bob), Some(Route::Relayed));
//! home.forget_mappings();
//! let carol = internet.peer("8.8.8.8:2000");
//! carol.send(ada.mapped(), b"to whom?");
//! internet.advance(Duration::from_secs(1));
//! assert_eq!(internet.lost(Loss::NoMapping), 1);
//! ```
//!
//! All chance comes from the seed. When a test fails, seed and last steps are printed beside its
//! message, and the same seed takes the same steps again. TCP is not simulated.
//!
//! Everything that a server promises in general, whatever a test is about, is checked after every
//! step: see `checks.rs`.
//!
//! | | |
//! |---|---|
//! | the world | `world.rs`, `world/happenings.rs`, `trains.rs`, `relay_ports.rs`, `settings.rs` |
//! | between hosts | `internet.rs`, `network.rs`, `network/`, `nat.rs`, `nat/`, `one_to_one.rs` |
//! | clients and peers | `turn_client.rs`, `transaction.rs`, `keeping.rs`, `ice.rs`, `peer.rs` |
//! | what they say | `request.rs`, `reply.rs` |
//! | signaling: a hub, and devices that lose their lines | `signaling.rs`, `signaling/` |
//! | what always holds, and what happened last | `checks.rs`, `checks/`, `ladder.rs` |

mod checks;
mod ice;
mod internet;
mod keeping;
mod ladder;
mod nat;
mod network;
mod one_to_one;
mod peer;
mod random;
mod relay_ports;
mod reply;
mod request;
mod settings;
mod signaling;
mod tcp;
mod trains;
mod transaction;
mod turn_client;
mod wires;
mod world;

pub use ice::Route;
pub use internet::{Internet, Site};
pub use nat::{Dependence, Hairpinning, MappingRefresh, NatBehavior, Pooling, PortAssignment};
pub use network::{Fate, Link, Loss, Tally};
pub use peer::Peer;
pub use random::Random;
pub use relay_ports::QUOTA;
pub use reply::{Expected, Reply, error, success};
pub use request::{
    Dialect, Raw, Request, allocate, binding, channel_bind, create_permission, refresh, request,
};
pub use settings::{RELAY_V4, RELAY_V6, SECRET, SERVER_V4, SERVER_V6, USERS, settings};
pub use signaling::{Cut, Device, Exchange, Hubs, Receipt, Transport, Weather};
pub use tcp::{allocate_tcp, connect, connection_bind};
pub use turn_client::TurnClient;
pub use wires::Wire;
pub use world::World;
