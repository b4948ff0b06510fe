//! RFC 7519 §7.1: Creating a JWT, for `kopru token` and `POST /v1/tokens`.

use std::num::NonZero;

use kopru_signal::{Relay, RoomPattern, Subject};

use super::payload::{NumericDate, Payload, Rooms};
use crate::config::Jwt;
use crate::hub::now;

/// What somebody wants a token to say.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Who.
    pub(crate) subject: String,
    /// Where to; absent: anywhere.
    pub(crate) rooms: Option<Rooms>,
    /// Whether its holder may know which rooms there are.
    pub(crate) list: bool,
    /// Whether its `join` may open a room; absent: as the server is set.
    pub(crate) create: Option<bool>,
    /// Whether it may relay, or has to.
    pub(crate) relay: Relay,
    /// How much it may relay.
    pub(crate) bits_per_second: Option<NonZero<u64>>,
    /// How many seconds it is good for.
    pub(crate) ttl_s: u64,
}

/// A token.
#[derive(Debug)]
pub(crate) struct Made {
    /// For `hello`.
    pub(crate) token: String,
    /// Unix time of its end.
    pub(crate) expires: u64,
}

/// Why there is no such token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MakeError {
    /// The configuration has no secret to sign with.
    NoSecret,
    /// The subject can't be one.
    Subject,
    /// A room that can't be one.
    Room,
    /// It would be good for no time, or for longer than the configuration allows.
    Ttl,
    /// It would be longer than this server reads.
    TooLong,
}

/// Makes a token, signed with the newest secret.
///
/// # Errors
/// [`MakeError`], when this server would not take it.
pub(crate) fn make(jwt: &Jwt, wish: Wish) -> Result<Made, MakeError> {
    let (key, header) =
        jwt.newest_secret().and_then(|key| key.signs()).ok_or(MakeError::NoSecret)?;
    if !(1..=jwt.life_max.as_secs()).contains(&wish.ttl_s) {
        return Err(MakeError::Ttl);
    }
    Subject::new(&wish.subject).ok_or(MakeError::Subject)?;
    let are_rooms = match &wish.rooms {
        None => true,
        Some(Rooms::One(room)) => RoomPattern::new(room).is_some(),
        Some(Rooms::Many(rooms)) => rooms.iter().all(|room| RoomPattern::new(room).is_some()),
    };
    if !are_rooms {
        return Err(MakeError::Room);
    }
    let issued = now().unix;
    let expires = issued.saturating_add(wish.ttl_s);
    let payload = Payload {
        sub: wish.subject,
        exp: NumericDate(expires),
        iat: Some(NumericDate(issued)),
        rooms: wish.rooms,
        list: wish.list.then_some(true),
        create: wish.create,
        relay: Some(wish.relay).filter(|relay| *relay != Relay::Yes),
        relay_only: false,
        bits_per_second: wish.bits_per_second,
        iss: jwt.issuer.clone(),
        aud: jwt.audience.clone(),
    };
    let token = jsonwebtoken::encode(&header, &payload, &key).map_err(|_| MakeError::NoSecret)?;
    if token.len() > super::TOKEN_BYTES_MAX {
        return Err(MakeError::TooLong);
    }
    Ok(Made { token, expires })
}
