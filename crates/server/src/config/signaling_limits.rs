//! `[signaling.limits]`: the settable limits of `docs/protocol.md`, by the names they have there.

use std::ops::RangeInclusive;
use std::time::Duration;

use kopru_signal::{Limits, Rate};

use super::section::Section;

/// Reads the table; what it does not set keeps its default.
pub(crate) fn read(mut section: Section<'_>) -> Limits {
    let (table, default) = (&mut section, Limits::default());
    let limits = Limits {
        frame_bytes_max: size(table, "frame_bytes_max", default.frame_bytes_max),
        meta_bytes_max: size(table, "meta_bytes_max", default.meta_bytes_max),
        candidate_bytes_max: size(table, "candidate_bytes_max", default.candidate_bytes_max),
        message_bytes_max: size(table, "message_bytes_max", default.message_bytes_max),
        queue_bytes_max: size(table, "queue_bytes_max", default.queue_bytes_max),
        replay_frames_max: size(table, "replay_frames_max", default.replay_frames_max),
        replay_bytes_max: size(table, "replay_bytes_max", default.replay_bytes_max),
        members_per_room_max: size(table, "members_per_room_max", default.members_per_room_max),
        rooms_per_session_max: size(table, "rooms_per_session_max", default.rooms_per_session_max),
        sessions_per_identity_max: size(
            table,
            "sessions_per_identity_max",
            default.sessions_per_identity_max,
        ),
        sessions_per_network_max: size(
            table,
            "sessions_per_network_max",
            default.sessions_per_network_max,
        ),
        connections_max: size(table, "connections_max", default.connections_max),
        memory_bytes_max: memory(table, default.memory_bytes_max),
        rooms_max: size(table, "rooms_max", default.rooms_max),
        waiting_rooms_max: size(table, "waiting_rooms_max", default.waiting_rooms_max),
        members_max: size(table, "members_max", default.members_max),
        calls_per_room_max: size(table, "calls_per_room_max", default.calls_per_room_max),
        calls_per_session_max: size(table, "calls_per_session_max", default.calls_per_session_max),
        calls_max: size(table, "calls_max", default.calls_max),
        stories_max: count(table, "stories_max", default.stories_max),
        stories_per_identity_max: size(
            table,
            "stories_per_identity_max",
            default.stories_per_identity_max,
        ),
        story_age_max: seconds(table, "story_age_max_s", default.story_age_max),
        ring_timeout: seconds(table, "ring_timeout_s", default.ring_timeout),
        ring_timeout_max: seconds(table, "ring_timeout_max_s", default.ring_timeout_max),
        connect_timeout: seconds(table, "connect_timeout_s", default.connect_timeout),
        hello_timeout: seconds(table, "hello_timeout_s", default.hello_timeout),
        heartbeat: seconds(table, "heartbeat_s", default.heartbeat),
        grace: seconds(table, "grace_s", default.grace),
        descriptions: rate(
            table,
            ["descriptions_per_second", "descriptions_burst"],
            default.descriptions,
        ),
        candidates: rate(table, ["candidates_per_second", "candidates_burst"], default.candidates),
        messages: rate(table, ["messages_per_second", "messages_burst"], default.messages),
        calls: rate(table, ["calls_per_second", "calls_burst"], default.calls),
        reports: rate(table, ["reports_per_second", "reports_burst"], default.reports),
        requests: rate(table, ["requests_per_second", "requests_burst"], default.requests),
        refusals: rate(table, ["refusals_per_second", "refusals_burst"], default.refusals),
        identity_sessions: rate(
            table,
            ["identity_sessions_per_second", "identity_sessions_burst"],
            default.identity_sessions,
        ),
        network_sessions: rate(
            table,
            ["network_sessions_per_second", "network_sessions_burst"],
            default.network_sessions,
        ),
    };
    section.end();
    limits
}

fn size(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    let number = section.number(key, default as u64, SIZES);
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What there may be none of.
fn count(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    let number = section.number(key, default as u64, 0..=*SIZES.end());
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn memory(section: &mut Section<'_>, default: usize) -> usize {
    let number = section.number("memory_bytes_max", default as u64, MEMORY);
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn seconds(section: &mut Section<'_>, key: &'static str, default: Duration) -> Duration {
    Duration::from_secs(section.number(key, default.as_secs(), SECONDS))
}

fn rate(section: &mut Section<'_>, keys: [&'static str; 2], default: Rate) -> Rate {
    let [per_second, burst] = keys;
    let mut number = |key, default: u32| {
        u32::try_from(section.number(key, default.into(), RATES)).unwrap_or(u32::MAX)
    };
    Rate { per_second: number(per_second, default.per_second), burst: number(burst, default.burst) }
}

/// Nothing works with a limit of 0, and none of these may be absent.
const SIZES: RangeInclusive<u64> = 1..=1 << 30;
/// Of which a session alone takes some.
const MEMORY: RangeInclusive<u64> = 65_536..=1 << 40;
const SECONDS: RangeInclusive<u64> = 1..=3600;
const RATES: RangeInclusive<u64> = 0..=1_000_000;
