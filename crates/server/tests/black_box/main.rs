//! The real binary over real sockets: what somebody outside sees.

mod advisories;
mod calls;
mod certificate;
#[path = "../../../net/tests/client/mod.rs"]
mod client;
mod commands;
mod config_errors;
mod descriptors;
mod desks;
mod documents;
#[path = "../../../net/tests/door/mod.rs"]
mod door;
mod http;
mod http_client;
mod identity;
mod jwt_keys;
mod lab;
mod leaving;
mod lifecycle;
mod link_client;
mod memory;
mod moving;
mod program;
mod relay;
mod resume;
mod rooms;
mod second_port;
mod signaling;
mod signaling_auth;
mod signaling_client;
mod small_mtu;
mod stories;
mod storm;
mod streams;
mod tcp_relay;
#[path = "../../../net/tests/train/mod.rs"]
mod train;
mod transports;
mod turn_limits;
