//! RFC 8656 §13 to §16: what stands in the IP headers of relayed datagrams, on real sockets.

#[path = "../client/mod.rs"]
mod client;
#[path = "../door/mod.rs"]
mod door;
mod ip_header;
mod relay;
mod s13_1_ipv4_to_ipv6_translations;
mod s13_2_ipv6_to_ipv6_translations;
mod s13_3_ipv6_to_ipv4_translations;
mod s14_udp_to_udp_relay;
mod s15_tcp_to_udp_relay;
mod s16_udp_to_tcp_relay;
