//! RFC 5780, section by section.

mod discovery;
mod s06_1_preparing_the_response;
mod s06_server_behavior;
mod s07_2_change_request;
mod s07_5_response_port;
mod s07_6_padding;
mod s10_security_considerations;
