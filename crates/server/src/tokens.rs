//! RFC 7519: signaling tokens. HS256 with a shared secret, the algorithm pinned, an end of life
//! required. What a token says becomes [`Claims`], which the hub takes at its word.
//!
//! ```text
//! {"sub":"ada", "exp":1795226400, "rooms":["lab","team-a/*"], "relay_only":false, "iss":…}
//!   who          until when        where to; absent: anywhere   may be absent, as "aud"
//! ```

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kopru_signal::protocol::token_of;
use kopru_signal::{Claims, Rejection, RoomPattern, Subject};
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::{Config, Jwt, Mode};

/// Checks signaling tokens.
pub(crate) struct Tokens {
    keys: Vec<DecodingKey>,
    validation: Validation,
    open: bool,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// No token, not a token, not signed by us, or without what it must say.
    Invalid,
    /// Its time is over.
    Expired,
}

impl Tokens {
    pub(crate) fn new(config: &Config) -> Self {
        let jwt = &config.signaling.jwt;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "sub"]);
        if let Some(issuer) = &jwt.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        match &jwt.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.required_spec_claims.insert("aud".to_owned());
            }
            None => validation.validate_aud = false,
        }
        let keys = jwt.secrets.iter().map(|secret| DecodingKey::from_secret(secret.as_bytes()));
        Self { keys: keys.collect(), validation, open: config.mode != Mode::Configured }
    }

    /// Whether nobody has to show a token: development mode.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// What this token allows.
    ///
    /// # Errors
    /// [`TokenError`], when it allows nothing.
    pub(crate) fn claims(&self, token: Option<&str>) -> Result<Claims, TokenError> {
        if self.open {
            return Ok(Claims::open());
        }
        let token = token.filter(|token| token.len() <= TOKEN_BYTES_MAX);
        let token = token.ok_or(TokenError::Invalid)?;
        let mut error = TokenError::Invalid;
        for key in &self.keys {
            match jsonwebtoken::decode::<Payload>(token, key, &self.validation) {
                Ok(decoded) => return decoded.claims.into_claims().ok_or(TokenError::Invalid),
                Err(why) if matches!(why.kind(), ErrorKind::ExpiredSignature) => {
                    error = TokenError::Expired;
                }
                Err(_) => {}
            }
        }
        Err(error)
    }

    /// What the token in this frame allows; `None` when the frame brings none.
    pub(crate) fn verdict(&self, frame: &str) -> Option<Result<Claims, Rejection>> {
        let token = token_of(frame)?;
        Some(self.claims(Some(&token)).map_err(|error| match error {
            TokenError::Invalid => Rejection::Unauthorized,
            TokenError::Expired => Rejection::TokenExpired,
        }))
    }
}

/// What `kopru token` puts into a token.
pub(crate) struct Wish<'w> {
    /// Who.
    pub(crate) subject: &'w str,
    /// Where to; none: anywhere.
    pub(crate) rooms: &'w [String],
    /// Whether its holder is to use the relay only.
    pub(crate) relay_only: bool,
    /// Unix time of its end.
    pub(crate) expires_unix: u64,
}

/// Makes a token, signed with the newest secret. `None` when there is no secret, or when the wish
/// has a subject or a room that can't be one.
pub(crate) fn make(jwt: &Jwt, wish: &Wish<'_>) -> Option<String> {
    let payload = Payload {
        sub: wish.subject.to_owned(),
        exp: wish.expires_unix,
        rooms: (!wish.rooms.is_empty()).then(|| Rooms::Many(wish.rooms.to_vec())),
        relay_only: wish.relay_only,
        iss: jwt.issuer.clone(),
        aud: jwt.audience.clone(),
    };
    let key = EncodingKey::from_secret(jwt.secrets.first()?.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &payload, &key).ok()?;
    payload.into_claims().map(|_| token)
}

#[derive(Serialize, Deserialize)]
struct Payload {
    sub: String,
    exp: u64,
    // Absent means anywhere; `null`, a slip of whoever made the token, must not.
    #[serde(default, deserialize_with = "named_rooms", skip_serializing_if = "Option::is_none")]
    rooms: Option<Rooms>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    relay_only: bool,
    // Both are compared by the library; here they are only written.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
}

/// One room is a list of one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Rooms {
    One(String),
    Many(Vec<String>),
}

fn named_rooms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rooms>, D::Error> {
    Rooms::deserialize(deserializer).map(Some)
}

impl Payload {
    fn into_claims(self) -> Option<Claims> {
        let patterns = match self.rooms {
            None => vec![RoomPattern::Any],
            Some(Rooms::One(room)) => vec![RoomPattern::new(&room)?],
            Some(Rooms::Many(rooms)) => {
                rooms.iter().map(|room| RoomPattern::new(room)).collect::<Option<_>>()?
            }
        };
        Some(Claims {
            subject: Some(Subject::new(&self.sub)?),
            rooms: patterns,
            relay_only: self.relay_only,
            expires_unix: Some(self.exp),
        })
    }
}

/// Longer than any token that this server reads: what is beyond is not even decoded.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
