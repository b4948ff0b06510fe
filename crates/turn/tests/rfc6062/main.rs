//! RFC 6062, section by section.

mod s05_1_receiving_a_tcp_allocate_request;
mod s05_2_receiving_a_connect_request;
mod s05_3_receiving_a_tcp_connection;
mod s05_4_receiving_a_connectionbind_request;
mod s05_5_data_connection_maintenance;
mod s07_security_considerations;

use kopru_sim::{TurnClient, World, settings};
use kopru_turn::five_tuple::Transport;
use kopru_turn::{Limits, Settings};

/// A world whose server relays TCP.
fn world() -> World {
    limited(Limits::default())
}

/// The same with these limits.
fn limited(limits: Limits) -> World {
    World::with(Settings { tcp_relay: true, limits, ..settings() })
}

/// A client over TCP at this address.
fn over_tcp(world: &World, address: &str) -> TurnClient {
    world.client(address).over(Transport::Tcp)
}
