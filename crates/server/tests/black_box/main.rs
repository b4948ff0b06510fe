//! The real binary over real sockets: what somebody outside sees.

mod certificate;
mod commands;
mod config_errors;
mod documents;
mod http;
mod http_client;
mod lifecycle;
mod program;
mod relay;
mod signaling;
mod signaling_auth;
mod signaling_client;
