//! RFC 7519 §7.2: Validating a JWT. Which algorithm a key is for, the configuration says; an end of
//! life is required, and a longest life. What a token says becomes [`Claims`], which the hub takes
//! at its word.

use std::net::IpAddr;
use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use kopru_signal::protocol::token_of;
use kopru_signal::{Claims, Rejection};

use self::payload::Payload;
use crate::config::{Config, Jwt, Mode};
use crate::failed_logins::{FailedLogins, RETRY_AFTER_S};
use crate::hub::now;
use crate::jwt_key::JwtKey;

mod make;
mod payload;
mod revocations;

pub(crate) use self::make::{MakeError, Wish, make};
pub(crate) use self::payload::Rooms;
use self::revocations::Revocations;
pub(crate) use self::revocations::RevocationsFull;

/// Checks signaling tokens.
pub(crate) struct Tokens {
    keys: Vec<(JwtKey, Validation)>,
    life_max_s: u64,
    failed: Arc<FailedLogins>,
    revocations: Revocations,
    open: bool,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// No token, not a token, not signed by us, or without what it must say.
    Invalid,
    /// Its time is over.
    Expired,
    /// It is good for longer than any may be.
    LivesTooLong,
    /// All that its identity had were taken back.
    Revoked,
    /// It was not looked at: too many of this network were not valid.
    TooManyFailed,
}

impl Tokens {
    pub(crate) fn new(config: &Config, failed: Arc<FailedLogins>) -> Self {
        let jwt = &config.signaling.jwt;
        let keys = jwt.keys.iter().map(|key| (key.clone(), validation(jwt, key)));
        Self {
            keys: keys.collect(),
            life_max_s: jwt.life_max.as_secs(),
            failed,
            revocations: Revocations::default(),
            open: config.mode != Mode::Configured,
        }
    }

    /// Whether nobody has to show a token to join a room: development mode.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// What this token allows that came from there.
    ///
    /// # Errors
    /// [`TokenError`], when it allows nothing.
    pub(crate) fn claims(&self, source: IpAddr, token: Option<&str>) -> Result<Claims, TokenError> {
        if self.open {
            return Ok(Claims::open());
        }
        let token = token.ok_or(TokenError::Invalid)?;
        if !self.failed.may_try(source) {
            return Err(TokenError::TooManyFailed);
        }
        let verdict = self.verify(token);
        if matches!(verdict, Err(TokenError::Invalid)) {
            self.failed.note(source);
        }
        verdict
    }

    /// Takes back the tokens that `identity` has.
    ///
    /// # Errors
    /// When as many are taken back as there is room for.
    pub(crate) fn revoke(&self, identity: &str) -> Result<(), RevocationsFull> {
        let life_s = self.life_max_s.saturating_add(CLOCK_SKEW_S);
        self.revocations.add(now().unix, identity, life_s)
    }

    fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        // RFC 7515 §4.1.11: what is critical must be understood, and nothing of it is here.
        if header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let mut error = TokenError::Invalid;
        for (key, validation) in self.keys.iter().filter(|(key, _)| key.fits(&header)) {
            match decode::<Payload>(token, key.checks(), validation) {
                Ok(decoded) => return self.judge(&decoded.claims),
                Err(why) if matches!(why.kind(), ErrorKind::ExpiredSignature) => {
                    error = TokenError::Expired;
                }
                Err(_) => {}
            }
        }
        Err(error)
    }

    fn judge(&self, payload: &Payload) -> Result<Claims, TokenError> {
        let claims = payload.claims().ok_or(TokenError::Invalid)?;
        // Whoever made it may have a clock that is ahead of ours.
        let latest = now().unix.saturating_add(CLOCK_SKEW_S);
        if payload.life_s(latest) > self.life_max_s {
            return Err(TokenError::LivesTooLong);
        }
        if self.revocations.include(&payload.sub, payload.issued()) {
            return Err(TokenError::Revoked);
        }
        Ok(claims)
    }

    /// What the token in this frame allows, that came from there; `None` when it brings none.
    pub(crate) fn verdict(&self, source: IpAddr, frame: &str) -> Option<Result<Claims, Rejection>> {
        let token = token_of(frame)?;
        Some(self.claims(source, Some(&token)).map_err(Rejection::from))
    }
}

fn validation(jwt: &Jwt, key: &JwtKey) -> Validation {
    let mut validation = Validation::new(key.jwa());
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
    validation
}

impl From<TokenError> for Rejection {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::Unauthorized,
            TokenError::Expired => Self::TokenExpired,
            TokenError::LivesTooLong => Self::TokenLivesTooLong,
            TokenError::Revoked => Self::TokenRevoked,
            TokenError::TooManyFailed => Self::TooManyFailedLogins { retry_after_s: RETRY_AFTER_S },
        }
    }
}

/// Longer than any token that this server reads: what is beyond is not even decoded.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// How far a clock may be ahead.
const CLOCK_SKEW_S: u64 = 60;
