//! The words of the command line.

use std::net::SocketAddrV4;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::instructions::path::HotPath;
use crate::relay::floor::Variant;
use crate::relay::options::Relay;
use crate::signal::servers::Kind;

/// Load on kopru and on others, side by side. docs/performance.md says how to read it.
#[derive(Debug, Parser)]
#[command(name = "kopru-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load on signaling servers
    Signal {
        #[command(subcommand)]
        command: Signal,
        #[command(flatten)]
        options: Options,
    },
    /// Load on TURN servers
    Relay(Relay),
    /// Strip four bytes off each datagram and forward the rest, or forward from client to client,
    /// until ended
    RelayFloor {
        /// With which system calls
        variant: Variant,
        /// Where to listen, on loopback
        port: u16,
        /// Where to forward to; without: from each client to the one at the address beside its own
        peer: Option<SocketAddrV4>,
    },
    /// Count the instructions of the hot functions (valgrind), beside those that were kept
    Instructions {
        /// The counts that were kept
        #[arg(long, default_value = "bench/instructions.txt")]
        file: PathBuf,
        /// Keep the new ones
        #[arg(long)]
        keep: bool,
    },
    /// Walk one hot function, for valgrind to look at
    Walk {
        path: HotPath,
        /// How often
        times: usize,
    },
    /// Serve the bare signaling relay that others are compared with, on loopback, until ended
    Floor {
        /// Where to listen
        port: u16,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Signal {
    /// Everything, server beside server; writes the result to bench/results/
    All,
    /// The same, in seconds and with few clients: whether it works
    Smoke,
    /// Pairs that negotiate without a pause, or at a rate
    Relay {
        server: Kind,
        /// Messages to deliver each second; without: as fast as it goes
        #[arg(long)]
        rate: Option<f64>,
    },
    /// Members that have joined and say nothing
    Idle { server: Kind },
    /// Members of kopru that come and go
    Churn,
    /// One client that stopped reading
    Stopped { server: Kind },
    /// From the command to ready
    Start,
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The kopru to measure; without: the one beside this program
    #[arg(long, global = true)]
    pub(crate) kopru: Option<PathBuf>,
    /// Where PeerServer is installed, and results go
    #[arg(long, global = true, default_value = "bench")]
    pub(crate) bench: PathBuf,
    /// How often each is measured, in turns
    #[arg(long, global = true, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// How long a measurement of a load takes
    #[arg(long, global = true, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// Members that are idle, or come and go
    #[arg(long, global = true, default_value_t = 10_000)]
    pub(crate) members: usize,
}
