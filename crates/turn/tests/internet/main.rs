//! Scenarios on the simulated Internet: what networks do to clients, and what a server makes of it.

mod copies;
mod expiry_races;
mod losses;
mod nat_pairs;
mod rebinding;
mod seeds;
mod soak;
mod ways_out;
