//! RFC 8656, section by section.

mod s05_general_behavior;
mod s07_2_dual_allocations;
mod s07_2_receiving_an_allocate_request;
mod s07_2_reservations;
mod s08_2_receiving_a_refresh_request;
mod s09_permissions;
mod s10_2_receiving_a_createpermission_request;
mod s11_2_receiving_a_send_indication;
mod s11_3_receiving_a_udp_datagram;
mod s11_5_receiving_an_icmp_packet;
mod s12_2_receiving_a_channelbind_request;
mod s12_6_receiving_a_channeldata_message;
mod s12_7_relaying_data_from_the_peer;
mod s13_packet_translations;
