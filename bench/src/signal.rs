//! Load on signaling servers.

mod churn;
mod crowd;
pub(crate) mod floor;
mod idle;
pub(crate) mod one;
mod relay;
pub(crate) mod servers;
mod stopped;
pub(crate) mod suite;
