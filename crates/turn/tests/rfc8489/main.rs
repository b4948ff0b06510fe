//! RFC 8489, section by section.

mod s06_3_receiving_a_stun_message;
mod s09_2_4_receiving_a_request;
mod s12_basic_server_behavior;
mod s14_5_message_integrity;
