//! The command line, as `kopru --help` prints it.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use kopru_signal::Relay;

use crate::config::{self, public_url};
use crate::limits::LIFE_S_MAX;

/// Signaling, STUN and TURN for WebRTC in one program.
///
/// Without arguments: development mode, open to this machine, no file needed.
#[derive(Debug, Parser)]
#[command(name = "kopru", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

/// How to serve.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Run the server that this file describes
    #[arg(long, value_name = "FILE", env = "KOPRU_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Development mode for other devices too: HTTPS on port 8443, open to the local network
    #[arg(long, conflicts_with = "config")]
    pub(crate) lan: bool,
    /// Development mode: serve the page here instead of 127.0.0.1:8080 (with --lan: port 8443)
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "config")]
    pub(crate) http: Vec<SocketAddr>,
    /// Development mode: serve STUN and TURN here instead of port 3478 of all addresses
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "config")]
    pub(crate) turn: Vec<SocketAddr>,
    /// Write the addresses in use to this file as JSON, as soon as all of them answer
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// What else kopru does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Validate a configuration and print it with all defaults, secrets masked
    Check {
        /// The configuration
        file: PathBuf,
    },
    /// Print ICE servers with time-limited credentials, ready for RTCPeerConnection
    Credentials {
        /// The configuration with turn.auth.secrets
        #[arg(long, value_name = "FILE", env = "KOPRU_CONFIG")]
        config: PathBuf,
        /// Who they are for: the key that quotas count by. Everybody on the path can read it
        #[arg(long, value_name = "NAME")]
        user: String,
        /// How many seconds they open new allocations
        #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = life_s)]
        ttl: u64,
    },
    /// Print a signaling token
    Token {
        /// The configuration with a secret in signaling.auth.jwt
        #[arg(long, value_name = "FILE", env = "KOPRU_CONFIG")]
        config: PathBuf,
        /// Who its holder is
        #[arg(long, value_name = "NAME")]
        subject: String,
        /// A room it opens, or "prefix/*", or "*"; may be repeated. Without: every room
        #[arg(long, value_name = "ROOM")]
        room: Vec<String>,
        /// How many seconds it is good for
        #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = life_s)]
        ttl: u64,
        /// Whether its holder may use the relay: yes, no or only
        #[arg(long, value_name = "GRANT", default_value = "yes", value_parser = relay)]
        relay: Relay,
        /// The same as --relay only
        #[arg(long, conflicts_with = "relay")]
        relay_only: bool,
        /// How many bits a second its holder may relay, in each direction
        #[arg(long, value_name = "BITS")]
        bits_per_second: Option<NonZero<u64>>,
        /// Let its holder ask which of its rooms there are
        #[arg(long)]
        list: bool,
        /// Let its holder open rooms where signaling.create_rooms is false
        #[arg(long)]
        create: bool,
        /// Print an invitation to the page instead, with the token behind the #
        #[arg(long)]
        link: bool,
        /// The page's URL for --link, if http.public_url is not set
        #[arg(long, value_name = "URL", requires = "link", value_parser = page_url)]
        url: Option<String>,
    },
}

fn page_url(text: &str) -> Result<String, String> {
    public_url(text).map_err(|wrong| wrong.to_string())
}

fn relay(text: &str) -> Result<Relay, String> {
    config::relay(text).map_err(|wrong| wrong.to_string())
}

fn life_s(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=LIFE_S_MAX).contains(seconds));
    seconds.ok_or_else(|| format!("must be 1 to {LIFE_S_MAX} seconds"))
}

const EXAMPLES: &str = "Examples:
  kopru                                  try it: http://localhost:8080 in two tabs
  kopru --lan                            with phones and other computers on this network
  kopru check kopru.toml                 is this configuration right, and what does it do?
  kopru --config kopru.toml              run it (or KOPRU_CONFIG=kopru.toml kopru)
  kopru token --config kopru.toml --subject ada --room lab --link
                                         invite Ada to the room lab
  kopru credentials --config kopru.toml --user ada --ttl 3600
                                         TURN credentials for an hour

KOPRU_LOG sets what is logged: error, warn, info (the default), debug; or by part:
KOPRU_LOG=info,kopru::allocation=off";
