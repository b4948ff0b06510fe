//! RFC 7519 §4: the claims of a signaling token.
//!
//! ```text
//! {"sub":"ada", "exp":1795226400, "iat":…, "iss":…, "aud":…,
//!  "rooms":["lab","team-a/*"], "list":true, "create":true, "relay":"only",
//!  "bits_per_second":2000000}
//! ```
//!
//! What is unknown is ignored; what is known and not what it must be refuses the token. `null` is
//! not an absence: it is a slip of whoever made the token, and must not open every room.

use std::num::NonZero;

use kopru_signal::{Claims, Relay, RoomPattern, Subject};
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) sub: String,
    pub(super) exp: NumericDate,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<NumericDate>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) rooms: Option<Rooms>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) list: Option<bool>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) create: Option<bool>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) relay: Option<Relay>,
    #[serde(default, skip_serializing)]
    pub(super) relay_only: bool,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) bits_per_second: Option<NonZero<u64>>,
    // Both are compared by the library; here they are only written.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<String>,
}

/// One room is a list of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum Rooms {
    One(String),
    Many(Vec<String>),
}

/// RFC 7519 §2: seconds since 1970, perhaps with a fraction, which is of no account here.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct NumericDate(pub(super) u64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if (0.0..=DATE_MAX).contains(&seconds) {
            Ok(Self(seconds as u64))
        } else {
            Err(serde::de::Error::custom("not a date"))
        }
    }
}

impl Payload {
    /// How long it is good for in all. One that claims to be issued later than `latest`, or does
    /// not say when, is taken as issued then.
    pub(super) fn life_s(&self, latest: u64) -> u64 {
        let issued = self.iat.map_or(latest, |iat| iat.0.min(latest));
        self.exp.0.saturating_sub(issued)
    }

    /// When it was issued, where it says so.
    pub(super) fn issued(&self) -> Option<u64> {
        self.iat.map(|iat| iat.0)
    }

    /// What it allows; `None` when a claim is not what it must be.
    pub(super) fn claims(&self) -> Option<Claims> {
        let pattern = |room: &String| RoomPattern::new(room);
        let rooms = match &self.rooms {
            None => vec![RoomPattern::Any],
            Some(Rooms::One(room)) => vec![pattern(room)?],
            Some(Rooms::Many(rooms)) => rooms.iter().map(pattern).collect::<Option<_>>()?,
        };
        let relay = match (self.relay, self.relay_only) {
            (None | Some(Relay::Only), true) => Relay::Only,
            // One says only, the other something else.
            (Some(_), true) => return None,
            (relay, false) => relay.unwrap_or_default(),
        };
        Some(Claims {
            subject: Some(Subject::new(&self.sub)?),
            rooms,
            list: self.list.unwrap_or(false),
            create: self.create,
            relay,
            bits_per_second: self.bits_per_second,
            expires_unix: Some(self.exp.0),
        })
    }
}

fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// The largest integer that a number of JSON holds exactly.
const DATE_MAX: f64 = 9_007_199_254_740_991.0;
