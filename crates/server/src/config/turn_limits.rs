//! `[turn.limits]`: what one client, one network and one worker may use.

use std::ops::RangeInclusive;

use kopru_turn::{Limits, PerSecond, RelayRate, ReplyLimit};

use super::section::Section;

/// Reads the table; what it does not set keeps its default. The second is the number of
/// allocations in all.
pub(crate) fn read(mut section: Section<'_>) -> (Limits, u32) {
    let default = Limits::default();
    let mut count = |key, default: usize| section.number(key, default as u64, COUNT);
    let allocations_per_user = count("allocations_per_user", default.allocations_per_user as usize);
    let allocations_per_prefix =
        count("allocations_per_prefix", default.allocations_per_prefix as usize);
    let allocations_total = count("allocations_total", 0);
    let allocations = count("allocations_per_worker", default.allocations);
    let permissions = count("permissions_per_allocation", default.permissions);
    let channels = count("channels_per_allocation", default.channels);
    let connections = count("peer_connections_per_worker", default.peer_connections);
    let of_allocation =
        count("peer_connections_per_allocation", default.peer_connections_per_allocation);
    let unbound =
        count("unbound_connections_per_allocation", default.unbound_connections_per_allocation);
    let limits = Limits {
        allocations: or_no_limit(allocations),
        // 0 is understood where these are counted.
        allocations_per_user: small(allocations_per_user),
        allocations_per_prefix: small(allocations_per_prefix),
        permissions: or_no_limit(permissions),
        channels: or_no_limit(channels),
        peer_connections: or_no_limit(connections),
        peer_connections_per_allocation: or_no_limit(of_allocation),
        unbound_connections_per_allocation: or_no_limit(unbound),
        new_peers: rate(&mut section, "new_peers_per_second", default.new_peers),
        allocation_rate: RelayRate {
            bits: rate(&mut section, "allocation_bits_per_second", default.allocation_rate.bits),
            packets: rate(
                &mut section,
                "allocation_packets_per_second",
                default.allocation_rate.packets,
            ),
        },
        user_rate: RelayRate {
            bits: rate(&mut section, "user_bits_per_second", default.user_rate.bits),
            packets: rate(&mut section, "user_packets_per_second", default.user_rate.packets),
        },
        replies: ReplyLimit {
            packets: rate(&mut section, "unproven_replies_per_second", default.replies.packets),
            bytes: rate(&mut section, "unproven_bytes_per_second", default.replies.bytes),
        },
    };
    section.end();
    (limits, small(allocations_total))
}

fn rate(section: &mut Section<'_>, key: &'static str, default: PerSecond) -> PerSecond {
    PerSecond(section.number(key, default.0, RATE))
}

fn or_no_limit(number: u64) -> usize {
    if number == 0 { usize::MAX } else { usize::try_from(number).unwrap_or(usize::MAX) }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

const COUNT: RangeInclusive<u64> = 0..=u32::MAX as u64;
/// More than any network carries: a terabit a second.
const RATE: RangeInclusive<u64> = 0..=1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::host::Host;

    #[test]
    fn each_key_sets_its_own_limit() {
        const KEYS: [&str; 16] = [
            "allocations_per_user",
            "allocations_per_prefix",
            "allocations_total",
            "allocations_per_worker",
            "permissions_per_allocation",
            "channels_per_allocation",
            "new_peers_per_second",
            "allocation_bits_per_second",
            "allocation_packets_per_second",
            "user_bits_per_second",
            "user_packets_per_second",
            "unproven_replies_per_second",
            "unproven_bytes_per_second",
            "peer_connections_per_worker",
            "peer_connections_per_allocation",
            "unbound_connections_per_allocation",
        ];
        let lines: String =
            KEYS.iter().zip(1..).map(|(key, number)| format!("{key} = {number}\n")).collect();
        let text = format!("[turn.limits]\n{lines}");
        let host = Host { addresses: Vec::new(), has_ipv6: true };
        let Ok(loaded) = config::text("kopru.toml", &text, &host) else {
            panic!("{text} is refused")
        };
        let expect = Limits {
            allocations_per_user: 1,
            allocations_per_prefix: 2,
            allocations: 4,
            permissions: 5,
            channels: 6,
            new_peers: PerSecond(7),
            allocation_rate: RelayRate { bits: PerSecond(8), packets: PerSecond(9) },
            user_rate: RelayRate { bits: PerSecond(10), packets: PerSecond(11) },
            replies: ReplyLimit { packets: PerSecond(12), bytes: PerSecond(13) },
            peer_connections: 14,
            peer_connections_per_allocation: 15,
            unbound_connections_per_allocation: 16,
        };
        let turn = loaded.config.turn;
        assert_eq!((turn.limits, turn.allocations_total), (expect, 3));
    }
}
