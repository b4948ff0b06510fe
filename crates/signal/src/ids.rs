//! Ids and secrets that nobody can guess, drawn from one seed.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What one `hello` opened: `s_` and 128 bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionId(Arc<str>);

/// One device in one room: `m_` and 128 bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberId(Arc<str>);

/// The source of all ids of one hub: HMAC-SHA-256 over a counter, keyed with the seed.
pub(crate) struct Ids {
    keyed: Hmac<Sha256>,
    drawn: u64,
}

impl Ids {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let keyed = Hmac::new_from_slice(&seed).expect("an HMAC key may have any length");
        Self { keyed, drawn: 0 }
    }

    pub(crate) fn session(&mut self) -> SessionId {
        SessionId(self.draw("s_").into())
    }

    pub(crate) fn member(&mut self) -> MemberId {
        MemberId(self.draw("m_").into())
    }

    /// The part after the colon of the TURN user names of an identity's session: the same for
    /// whichever session has that place, since quotas are counted by it.
    pub(crate) fn credential(&self, identity: &str, place: usize) -> String {
        let mac = self.keyed.clone().chain_update(b"credential");
        let mac = mac.chain_update((place as u64).to_be_bytes()).chain_update(identity);
        name("c_", mac)
    }

    /// Who a session without a token is.
    pub(crate) fn anonymous(&mut self) -> Arc<str> {
        self.draw(ANONYMOUS).into()
    }

    /// The secret that names `session`: its id, and a proof that this hub gave it out.
    ///
    /// ```text
    ///  r_ + the session's 22 characters + . + 22 characters of HMAC("resume" + session)
    /// ```
    pub(crate) fn resume(&self, session: &SessionId) -> String {
        let proof = self.resume_mac(session.as_str()).finalize().into_bytes();
        let proof = URL_SAFE_NO_PAD.encode(&proof[..ID_BYTES]);
        format!("r_{}.{proof}", &session.as_str()[2..])
    }

    /// The session that a resume token names, if this hub gave it out.
    pub(crate) fn session_of(&self, resume: &str) -> Option<SessionId> {
        let (id, proof) = resume.strip_prefix("r_")?.split_once('.')?;
        let session = format!("s_{id}");
        let mut bytes = [0; ID_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(proof, &mut bytes).ok()?;
        if length != ID_BYTES {
            return None;
        }
        self.resume_mac(&session).verify_truncated_left(&bytes).ok()?;
        Some(SessionId(session.into()))
    }

    fn resume_mac(&self, session: &str) -> Hmac<Sha256> {
        self.keyed.clone().chain_update(b"resume").chain_update(session)
    }

    fn draw(&mut self, prefix: &str) -> String {
        self.drawn += 1;
        let mac = self.keyed.clone().chain_update(b"id").chain_update(self.drawn.to_be_bytes());
        name(prefix, mac)
    }
}

/// `prefix` and the first 128 bits.
fn name(prefix: &str, mac: Hmac<Sha256>) -> String {
    let mut id = String::from(prefix);
    URL_SAFE_NO_PAD.encode_string(&mac.finalize().into_bytes()[..ID_BYTES], &mut id);
    id
}

impl SessionId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl MemberId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for MemberId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

/// 128 bits.
const ID_BYTES: usize = 16;
/// How the identities that the server makes begin; no token may claim one.
pub(crate) const ANONYMOUS: &str = "anonymous_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_follow_from_the_seed() {
        let (mut one, mut same, mut other) =
            (Ids::new([1; 32]), Ids::new([1; 32]), Ids::new([2; 32]));
        let first = one.member();
        assert_eq!(first, same.member());
        assert_ne!(first, other.member());
        assert_ne!(first, one.member());
        assert_eq!(first.as_str().len(), 2 + 22);
    }

    #[test]
    fn a_resume_token_names_its_session_and_cannot_be_forged() {
        let mut ids = Ids::new([1; 32]);
        let session = ids.session();
        let resume = ids.resume(&session);
        assert_eq!(ids.session_of(&resume), Some(session.clone()));

        let other = ids.session();
        let proof = resume.rsplit('.').next().expect("has a proof");
        for forged in [
            String::new(),
            "r_".into(),
            "r_.".into(),
            resume[..resume.len() - 1].into(),
            format!("{resume}A"),
            format!("r_{}.{proof}", &other.as_str()[2..]),
            format!("r_{}.", &session.as_str()[2..]),
        ] {
            assert_eq!(ids.session_of(&forged), None, "{forged}");
        }
        assert_eq!(Ids::new([2; 32]).session_of(&resume), None);
    }

    #[test]
    fn a_proof_that_ends_in_zeros_is_needed_whole() {
        let mut ids = Ids::new([1; 32]);
        let ends_in_zero = |resume: &String| resume.ends_with("AA");
        let mut tokens = (0..100_000).map(|_| {
            let session = ids.session();
            ids.resume(&session)
        });
        let resume = tokens.find(ends_in_zero).expect("one in 1024 does");
        drop(tokens);
        assert!(ids.session_of(&resume).is_some());
        assert_eq!(ids.session_of(&resume[..resume.len() - 2]), None);
    }
}
