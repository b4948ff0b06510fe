//! The ladder language of tests: scripted TURN clients, peers, and servers that exchange packets in
//! a world without wires, threads or real time.
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
//! Everything that a server promises in general, whatever a test is about, is checked after every
//! step: see `checks.rs`.

mod checks;
mod peer;
mod relay_ports;
mod reply;
mod request;
mod settings;
mod tcp;
mod turn_client;
mod wires;
mod world;

pub use peer::Peer;
pub use relay_ports::QUOTA;
pub use reply::{Expected, Reply, error, success};
pub use request::{
    Dialect, Raw, Request, allocate, binding, channel_bind, create_permission, refresh, request,
};
pub use settings::{RELAY_V4, RELAY_V6, SECRET, SERVER_V4, SERVER_V6, USERS, settings};
pub use tcp::{allocate_tcp, connect, connection_bind};
pub use turn_client::TurnClient;
pub use wires::Wire;
pub use world::World;
