//! kopru: signaling, STUN and TURN for WebRTC in one program.
//!
//! ```text
//! main ─▶ cli ─▶ config ─▶ start ─┬─▶ net::Workers        packets (threads)
//!                                 ├─▶ hub                 rooms (one task)
//!                                 ├─▶ accept ─▶ workers   TURN over TCP and TLS
//!                                 └─▶ accept ─▶ http      everything else (tokio)
//! ```

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

mod accept;
mod api_keys;
mod banner;
mod cli;
mod commands;
mod config;
mod descriptors;
mod host;
mod http;
mod hub;
mod ice;
mod limits;
mod listen;
mod log;
mod metrics;
mod outgoing;
mod random;
mod ready;
mod records;
mod relay;
mod start;
mod tls;
mod tokens;
mod warnings;

fn main() -> ExitCode {
    let begin = Instant::now();
    tls::install_crypto();
    let cli = cli::Cli::parse();
    match cli.command {
        Some(command) => commands::run(&command),
        None => commands::serve(&cli.serve, begin),
    }
}
