//! RFC 8489, section by section.

mod s06_3_receiving_a_stun_message;
mod s09_2_1_bid_down_attack_prevention;
mod s09_2_4_receiving_a_request;
mod s12_basic_server_behavior;
mod s14_11_password_algorithms;
mod s14_4_userhash;
mod s14_5_message_integrity;
mod s14_6_message_integrity_sha256;
