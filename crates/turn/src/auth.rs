//! RFC 8489 §9.2.4: Receiving a Request

use kopru_stun::attribute::{AttributeType, Nonce, Realm, Username};
use kopru_stun::credentials::{LongTermKey, expiry_and_name};
use kopru_stun::time::Now;
use kopru_stun::{Integrity, Message};

use crate::allocation::Allocation;
use crate::five_tuple::ClientAddr;
use crate::nonce;
use crate::reject::Reject;
use crate::settings::Settings;

/// A request whose sender proved to know a password. Only this file makes one, and only one of
/// these reaches a verb that changes state.
#[derive(Clone, Copy)]
pub(crate) struct Authenticated<'m> {
    pub(crate) request: Message<'m>,
    pub(crate) username: &'m str,
    /// What the response is protected with.
    pub(crate) key: LongTermKey,
}

impl<'m> Authenticated<'m> {
    /// Who the allocations of this user are counted for: the name behind the expiry of a
    /// time-limited user name, else the user name itself.
    pub(crate) fn quota_key(&self, settings: &Settings) -> &'m str {
        quota_key(settings, self.username)
    }
}

/// Who a user name stands for when it is counted or barred.
pub(crate) fn quota_key<'a>(settings: &Settings, username: &'a str) -> &'a str {
    if settings.users.contains_key(username) {
        return username;
    }
    match expiry_and_name(username) {
        Some((_, name)) if !name.is_empty() => name,
        _ => username,
    }
}

/// Checks the credentials of `request`, in the order of the RFC.
///
/// `allocation` is the live allocation on the five-tuple. Its owner is authenticated with the key
/// it was made with: expiry gates Allocate, it does not end calls.
pub(crate) fn authenticate<'m>(
    settings: &Settings,
    now: Now,
    client: ClientAddr,
    request: Message<'m>,
    allocation: Option<&Allocation>,
) -> Result<Authenticated<'m>, Reject> {
    // "If the message does not contain a MESSAGE-INTEGRITY … 401"
    let mut attributes = request.attributes();
    if !attributes.any(|(found, _)| found == AttributeType::MESSAGE_INTEGRITY) {
        return Err(Reject::Unauthenticated);
    }
    // "… but is missing either the USERNAME or USERHASH, REALM, or NONCE attribute … 400"
    let username = request.get::<Username<'_>>()?.ok_or(Reject::BadRequest)?.0;
    let realm = request.get::<Realm<'_>>()?.ok_or(Reject::BadRequest)?.0;
    let nonce = request.get::<Nonce<'_>>()?.ok_or(Reject::BadRequest)?.0;
    if realm != &*settings.realm {
        return Err(Reject::Unauthenticated);
    }
    // "If the value of the USERNAME … is not valid … 401", "If the resulting value does not match
    // … 401"
    let valid = |key: &LongTermKey| request.verify_integrity(key) == Integrity::Valid;
    let key = match allocation {
        Some(allocation) if *allocation.username == *username => {
            Some(allocation.key).filter(|key| valid(key))
        }
        _ => keys(settings, now, username).find(valid),
    };
    let key = key.ok_or(Reject::Unauthenticated)?;
    // "If the NONCE is no longer valid … 438"
    if !nonce::is_valid(&settings.nonce_key, now, client, nonce) {
        return Err(Reject::StaleNonce);
    }
    Ok(Authenticated { request, username, key })
}

/// The keys that may belong to this user name: one of a user, or one of each secret while a
/// time-limited user name has not expired.
fn keys<'a>(
    settings: &'a Settings,
    now: Now,
    username: &'a str,
) -> impl Iterator<Item = LongTermKey> + 'a {
    let listed = settings.users.get(username).copied();
    let alive = expiry_and_name(username).is_some_and(|(expiry, _)| expiry > now.unix);
    let secrets = if listed.is_none() && alive { &*settings.secrets } else { &[] };
    let minted = secrets.iter().map(move |secret| {
        LongTermKey::derive(username, &settings.realm, &secret.password(username))
    });
    listed.into_iter().chain(minted)
}
