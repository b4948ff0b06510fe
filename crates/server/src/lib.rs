//! kopru: signaling, STUN and TURN for WebRTC in one program.
//!
//! ```text
//! main ─▶ cli ─▶ config ─▶ start ─┬─▶ net::Workers        packets (threads)
//!                                 ├─▶ hub                 rooms (a task each core)
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
mod failed_logins;
mod host;
mod http;
mod hub;
mod ice;
mod jwt_key;
mod limits;
mod listen;
mod log;
mod metrics;
mod outgoing;
mod random;
mod ready;
mod records;
mod relay;
mod relay_sights;
mod start;
mod tls;
mod tokens;
mod warnings;

/// What `kopru` does: reads the command line, and does what it says.
pub fn main() -> ExitCode {
    let begin = Instant::now();
    tls::install_crypto();
    let cli = cli::Cli::parse();
    match cli.command {
        Some(command) => commands::run(&command),
        None => commands::serve(&cli.serve, begin),
    }
}

/// Reads the text of a configuration file as `kopru check` does, on a host with these two
/// addresses: what takes effect, or what is wrong, one sentence for each mistake, each beginning
/// with `kopru.toml` and, unless something is absent, its line.
///
/// # Errors
/// All mistakes.
pub fn read_config(text: &str) -> Result<String, Vec<String>> {
    let addresses = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse()).into_iter().flatten();
    let host = host::Host { addresses: addresses.collect(), has_ipv6: true };
    match config::text("kopru.toml", text, &host) {
        Ok(loaded) => Ok(config::print(&loaded.effective)),
        Err(mistakes) => Err(mistakes.iter().map(ToString::to_string).collect()),
    }
}
