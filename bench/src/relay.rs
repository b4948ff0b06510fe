//! Load on TURN servers.

mod alloc;
mod burst;
mod client;
mod flood;
pub(crate) mod floor;
mod inbox;
mod line;
mod load;
mod one;
pub(crate) mod options;
mod pacing;
mod peers;
mod relayed;
mod report;
mod request;
mod scenario;
mod servers;
mod shape;
mod smoke;
mod stamp;
mod suite;
mod tally;
mod turns;
