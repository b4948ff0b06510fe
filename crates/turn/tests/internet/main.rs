//! Scenarios on the simulated Internet: what networks do to clients, and what a server makes of it.

mod nat_pairs;
