//! RFC 8489 §9.2.4: Receiving a Request

use std::borrow::Cow;

use kopru_stun::attribute::{
    AttributeType, Nonce, PasswordAlgorithm, PasswordAlgorithms, Realm, Userhash, Username,
};
use kopru_stun::credentials::{LongTermKey, expiry_and_name, id_and_limit};
use kopru_stun::time::Now;
use kopru_stun::{Integrity, Message};

use crate::allocation::Allocation;
use crate::five_tuple::ClientAddr;
use crate::known_keys::KnownKeys;
use crate::nonce;
use crate::rate::PerSecond;
use crate::reject::Reject;
use crate::settings::Settings;

/// A request whose sender proved to know a password. Only this file makes one, and only one of
/// these reaches a verb that changes state.
pub(crate) struct Authenticated<'m> {
    pub(crate) request: Message<'m>,
    /// From USERNAME, or the listed one that USERHASH stands for.
    pub(crate) username: Cow<'m, str>,
    pub(crate) protection: Protection,
    /// The key was derived for this request: it may be wanted again.
    pub(crate) derived: bool,
}

/// Where the key of a request may lie ready.
#[derive(Clone, Copy)]
pub(crate) struct Ready<'a> {
    /// The live allocation on the five-tuple. Its owner is authenticated with the key it was made
    /// with: expiry gates Allocate, it does not end calls.
    pub(crate) allocation: Option<&'a Allocation>,
    /// Keys of others that authenticated.
    pub(crate) keys: &'a KnownKeys,
}

/// What the response to an authenticated request is protected with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protection {
    pub(crate) key: LongTermKey,
    /// MESSAGE-INTEGRITY-SHA256; otherwise MESSAGE-INTEGRITY.
    pub(crate) sha256: bool,
}

impl<'m> Authenticated<'m> {
    /// Who the allocations of this user are counted for: the id in a time-limited user name, else
    /// the user name itself.
    pub(crate) fn quota_key(&self, settings: &Settings) -> &str {
        quota_key(settings, &self.username)
    }

    /// What whoever minted a time-limited user name lets its holder relay.
    pub(crate) fn granted_bits(&self, settings: &Settings) -> PerSecond {
        let limit = minted_name(settings, &self.username).and_then(|name| id_and_limit(name).1);
        PerSecond(limit.map_or(0, Into::into))
    }
}

/// Who a user name stands for when it is counted or barred.
pub(crate) fn quota_key<'a>(settings: &Settings, username: &'a str) -> &'a str {
    minted_name(settings, username).map_or(username, |name| id_and_limit(name).0)
}

/// What stands behind the expiry of a time-limited user name.
pub(crate) fn minted_name<'a>(settings: &Settings, username: &'a str) -> Option<&'a str> {
    let (_, name) = expiry_and_name(username).filter(|_| !settings.users.contains(username))?;
    (!name.is_empty()).then_some(name)
}

/// Checks the credentials of `request`, in the order of the RFC.
pub(crate) fn authenticate<'m>(
    settings: &Settings,
    now: Now,
    client: ClientAddr,
    request: Message<'m>,
    ready: Ready<'_>,
) -> Result<Authenticated<'m>, Reject> {
    // "If the message does not contain a MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 … 401"
    const INTEGRITY: [AttributeType; 2] =
        [AttributeType::MESSAGE_INTEGRITY, AttributeType::MESSAGE_INTEGRITY_SHA256];
    if !request.attributes().any(|(found, _)| INTEGRITY.contains(&found)) {
        return Err(Reject::Unauthenticated);
    }
    // "… but is missing either the USERNAME or USERHASH, REALM, or NONCE attribute … 400"
    let username = request.get::<Username<'_>>()?;
    let userhash = request.get::<Userhash>()?;
    if username.is_none() && userhash.is_none() {
        return Err(Reject::BadRequest);
    }
    let realm = request.get::<Realm<'_>>()?.ok_or(Reject::BadRequest)?.0;
    let nonce = request.get::<Nonce<'_>>()?.ok_or(Reject::BadRequest)?.0;
    let chosen = chosen_algorithm(settings, &request, nonce)?;
    if realm != &*settings.realm {
        return Err(Reject::Unauthenticated);
    }
    // "If the value of the USERNAME or USERHASH attribute is not valid … 401"
    let listed = |hash| settings.users.name(&hash).map(|name| Cow::Owned(name.to_string()));
    let username = username.map(|name| Cow::Borrowed(name.0)).or_else(|| listed(userhash?));
    let username = username.ok_or(Reject::Unauthenticated)?;
    // "If the resulting value does not match … 401"
    let algorithm = chosen.unwrap_or(PasswordAlgorithm::Md5);
    let valid = |key: &LongTermKey| request.verify_integrity(key) == Integrity::Valid;
    let candidates = || keys(settings, now, &username, algorithm, ready.keys);
    let key = match ready.allocation {
        Some(allocation)
            if *allocation.username == *username && allocation.key.algorithm() == algorithm =>
        {
            Some((allocation.key, false)).filter(|(key, _)| valid(key))
        }
        _ => candidates().find(|(key, _)| valid(key)),
    };
    let key = key.ok_or_else(|| mismatch(settings, now, &username, algorithm, valid));
    let (key, derived) = key?;
    // "If the NONCE is no longer valid … 438"
    if !nonce::is_valid(&settings.nonce_key, now, client, nonce) {
        return Err(Reject::StaleNonce);
    }
    // "MUST include the MESSAGE-INTEGRITY-SHA256 attribute … unless the request was processed as
    // though PASSWORD-ALGORITHM was MD5"
    let protection = Protection { key, sha256: chosen.is_some() };
    Ok(Authenticated { request, username, protection, derived })
}

/// The password algorithm that a request chose out of those that its challenge offered; `None`
/// when it says nothing, "as though PASSWORD-ALGORITHM were MD5", or when its nonce is of somebody
/// who offered none.
fn chosen_algorithm(
    settings: &Settings,
    request: &Message<'_>,
    nonce: &str,
) -> Result<Option<PasswordAlgorithm>, Reject> {
    if !nonce::offers_password_algorithms(nonce) {
        return Ok(None);
    }
    let offer = request.get::<PasswordAlgorithms<'_>>()?;
    let choice = request.get::<PasswordAlgorithm>()?;
    // "unless (1) PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS are both present, (2) PASSWORD-
    // ALGORITHMS matches the value sent in the response that sent this NONCE, and (3) PASSWORD-
    // ALGORITHM matches one of the entries … 400"
    match (offer, choice) {
        (None, None) => Ok(None),
        (Some(offer), Some(choice)) if offer == settings.password_algorithms() => {
            let offered = offer.supported().any(|algorithm| algorithm == choice);
            if offered { Ok(Some(choice)) } else { Err(Reject::BadRequest) }
        }
        _ => Err(Reject::BadRequest),
    }
}

/// The keys that may belong to this user name: one of a user, or one of each secret while a
/// time-limited user name has not expired. With each, whether it was derived just now.
fn keys<'a>(
    settings: &'a Settings,
    now: Now,
    username: &'a str,
    algorithm: PasswordAlgorithm,
    known: &KnownKeys,
) -> impl Iterator<Item = (LongTermKey, bool)> + use<'a> {
    let listed = settings.users.key(username, algorithm);
    let alive = expiry_and_name(username).is_some_and(|(expiry, _)| expiry > now.unix);
    let known = if alive { known.find(username, algorithm) } else { None };
    let minted = alive.then(|| minted_keys(settings, username, algorithm));
    let ready = listed.into_iter().chain(known).map(|key| (key, false));
    ready.chain(minted.into_iter().flatten().map(|key| (key, true)))
}

/// One of each secret, unless an operator has listed this user.
fn minted_keys<'a>(
    settings: &'a Settings,
    username: &'a str,
    algorithm: PasswordAlgorithm,
) -> impl Iterator<Item = LongTermKey> + 'a {
    let unlisted = !settings.users.contains(username);
    let secrets = if unlisted { &*settings.secrets } else { &[] };
    secrets.iter().map(move |secret| {
        let password = secret.password(username);
        LongTermKey::derive(algorithm, username, &settings.realm, &password)
    })
}

/// Why no key of today fits: one of yesterday may.
fn mismatch(
    settings: &Settings,
    now: Now,
    username: &str,
    algorithm: PasswordAlgorithm,
    valid: impl Fn(&LongTermKey) -> bool,
) -> Reject {
    match expiry_and_name(username) {
        Some((expiry, _))
            if expiry <= now.unix
                && minted_keys(settings, username, algorithm).any(|key| valid(&key)) =>
        {
            Reject::Expired { ago_s: now.unix - expiry }
        }
        _ => Reject::WrongPassword,
    }
}
