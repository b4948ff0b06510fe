//! `[signaling.limits]`: the settable limits of `docs/protocol.md`, by the names they have there.

use std::ops::RangeInclusive;
use std::time::Duration;

use kopru_signal::{Limits, Rate};

use super::section::Section;

/// Reads the table; what it does not set keeps its default.
pub(crate) fn read(mut section: Section<'_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        frame_bytes_max: size(&mut section, "frame_bytes_max", default.frame_bytes_max),
        meta_bytes_max: size(&mut section, "meta_bytes_max", default.meta_bytes_max),
        candidate_bytes_max: size(&mut section, "candidate_bytes_max", default.candidate_bytes_max),
        message_bytes_max: size(&mut section, "message_bytes_max", default.message_bytes_max),
        queue_bytes_max: size(&mut section, "queue_bytes_max", default.queue_bytes_max),
        replay_frames_max: size(&mut section, "replay_frames_max", default.replay_frames_max),
        replay_bytes_max: size(&mut section, "replay_bytes_max", default.replay_bytes_max),
        members_per_room_max: size(
            &mut section,
            "members_per_room_max",
            default.members_per_room_max,
        ),
        rooms_per_session_max: size(
            &mut section,
            "rooms_per_session_max",
            default.rooms_per_session_max,
        ),
        sessions_per_identity_max: size(
            &mut section,
            "sessions_per_identity_max",
            default.sessions_per_identity_max,
        ),
        connections_max: size(&mut section, "connections_max", default.connections_max),
        rooms_max: size(&mut section, "rooms_max", default.rooms_max),
        waiting_rooms_max: size(&mut section, "waiting_rooms_max", default.waiting_rooms_max),
        members_max: size(&mut section, "members_max", default.members_max),
        calls_per_room_max: size(&mut section, "calls_per_room_max", default.calls_per_room_max),
        calls_per_session_max: size(
            &mut section,
            "calls_per_session_max",
            default.calls_per_session_max,
        ),
        calls_max: size(&mut section, "calls_max", default.calls_max),
        ring_timeout: seconds(&mut section, "ring_timeout_s", default.ring_timeout),
        ring_timeout_max: seconds(&mut section, "ring_timeout_max_s", default.ring_timeout_max),
        connect_timeout: seconds(&mut section, "connect_timeout_s", default.connect_timeout),
        hello_timeout: seconds(&mut section, "hello_timeout_s", default.hello_timeout),
        heartbeat: seconds(&mut section, "heartbeat_s", default.heartbeat),
        grace: seconds(&mut section, "grace_s", default.grace),
        descriptions: rate(
            &mut section,
            ["descriptions_per_second", "descriptions_burst"],
            default.descriptions,
        ),
        candidates: rate(
            &mut section,
            ["candidates_per_second", "candidates_burst"],
            default.candidates,
        ),
        messages: rate(&mut section, ["messages_per_second", "messages_burst"], default.messages),
        calls: rate(&mut section, ["calls_per_second", "calls_burst"], default.calls),
        requests: rate(&mut section, ["requests_per_second", "requests_burst"], default.requests),
        refusals: rate(&mut section, ["refusals_per_second", "refusals_burst"], default.refusals),
    };
    section.end();
    limits
}

fn size(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    let number = section.number(key, default as u64, SIZES);
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
const SECONDS: RangeInclusive<u64> = 1..=3600;
const RATES: RangeInclusive<u64> = 0..=1_000_000;
