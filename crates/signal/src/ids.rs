//! Ids and secrets that nobody can guess.
//!
//! What is drawn is new after every start. What proves something is keyed apart, so that a server
//! which keeps that key over a restart knows its sessions and members again.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::terms::{TERMS_BYTES, Terms};
use crate::whole::HubNumber;

/// What one `hello` opened: `s_` and 128 bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionId(Arc<str>);

/// One call: `call_` and 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallId([u8; ID_BYTES]);

/// The story of one connection: `t_` and 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StoryId([u8; ID_BYTES]);

/// One device in one room: `m_` and 128 bits.
///
/// ```text
///  m_ + base64url( 4 drawn bytes + 2 bytes that say what the room is
///                + 10 bytes of HMAC("member" + session + those 6 bytes + room) )
/// ```
///
/// So whoever knows the session can tell its members from others, and what the room was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberId(Arc<str>);

/// What resume tokens and member ids are proved with. Where a server has the same one after a
/// restart, its clients get their ids back.
#[derive(Clone)]
pub struct ResumeKey([u8; 32]);

impl ResumeKey {
    /// 256 random bits, of which nobody else knows.
    #[must_use]
    pub fn random(bits: [u8; 32]) -> Self {
        Self(bits)
    }

    /// One that follows from a secret which is used for something else as well: HMAC-SHA-256.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Self {
        Self(keyed(secret).chain_update(b"kopru resume key").finalize().into_bytes().into())
    }
}

impl fmt::Debug for ResumeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeKey(…)")
    }
}

/// A resume token as it came: not yet known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResumeToken {
    pub(crate) session: SessionId,
    pub(crate) generation: u64,
    proof: [u8; ID_BYTES],
}

/// The source of all ids of one hub.
pub(crate) struct Ids {
    /// HMAC-SHA-256 keyed with the seed, over a counter.
    drawing: Hmac<Sha256>,
    drawn: u64,
    /// HMAC-SHA-256 keyed with the resume key.
    proving: Hmac<Sha256>,
    pub(crate) credentials: CredentialIds,
}

/// The ids in the names of TURN credentials: one for each identity, since quotas are counted by
/// them, and opaque, since everybody on the path reads them.
#[derive(Clone)]
pub struct CredentialIds(Hmac<Sha256>);

impl CredentialIds {
    /// The ids of the hub with this seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(keyed(&seed).chain_update(b"credential"))
    }

    /// The id of an identity.
    #[must_use]
    pub fn of(&self, identity: &str) -> String {
        name("c_", &first_bytes(self.0.clone().chain_update(identity)))
    }
}

impl fmt::Debug for CredentialIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialIds(…)")
    }
}

impl Ids {
    /// Those of one of the hubs with this seed.
    pub(crate) fn new(seed: [u8; 32], resume_key: &ResumeKey, hub: HubNumber) -> Self {
        let (drawing, proving) = (keyed(&seed), keyed(&resume_key.0));
        // So that no other hub with this seed draws the same.
        let drawn = u64::from(hub.0) << 48;
        Self { drawing, drawn, proving, credentials: CredentialIds::new(seed) }
    }

    pub(crate) fn session(&mut self) -> SessionId {
        SessionId(name("s_", &self.draw()).into())
    }

    pub(crate) fn member(&mut self, session: &SessionId, room: &str, terms: Terms) -> MemberId {
        let mut id = self.draw();
        let (said, proof) = id.split_at_mut(MEMBER_SAID_BYTES);
        said[MEMBER_DRAWN_BYTES..].copy_from_slice(&terms.to_bytes());
        proof.copy_from_slice(&first_bytes(self.member_mac(session, said, room))[..proof.len()]);
        MemberId(name("m_", &id).into())
    }

    /// A name for a room of which nobody has said one.
    pub(crate) fn room(&mut self) -> String {
        name("room_", &self.draw())
    }

    pub(crate) fn call(&mut self) -> CallId {
        CallId(self.draw())
    }

    pub(crate) fn story(&mut self) -> StoryId {
        StoryId(self.draw())
    }

    /// The member of this id, if `session` had it in `room`, now or before a restart; and what the
    /// room was then.
    pub(crate) fn member_again(
        &self,
        session: &SessionId,
        room: &str,
        id: &str,
    ) -> Option<(MemberId, Terms)> {
        let bytes = bytes_of(id.strip_prefix("m_")?)?;
        let (said, proof) = bytes.split_at(MEMBER_SAID_BYTES);
        self.member_mac(session, said, room).verify_truncated_left(proof).ok()?;
        let (_, terms) = said.split_last_chunk()?;
        Some((MemberId(id.into()), Terms::from_bytes(*terms)))
    }

    /// The member of this id, whoever had it.
    pub(crate) fn member_on_trust(id: &str) -> Option<MemberId> {
        bytes_of(id.strip_prefix("m_")?).map(|_| MemberId(id.into()))
    }

    /// Writes a resume token.
    ///
    /// ```text
    ///  r_ + the session's 22 characters + . + generation
    ///     + . + 22 characters of HMAC("resume" + session + generation + identity)
    /// ```
    pub(crate) fn resume(&self, session: &SessionId, generation: u64, identity: &str) -> String {
        let proof = first_bytes(self.resume_mac(session, generation, identity));
        name(&format!("r_{}.{generation}.", session.code()), &proof)
    }

    /// Whether this server gave out `token`, and to this identity.
    pub(crate) fn is_good(&self, token: &ResumeToken, identity: &str) -> bool {
        let mac = self.resume_mac(&token.session, token.generation, identity);
        mac.verify_truncated_left(&token.proof).is_ok()
    }

    fn member_mac(&self, session: &SessionId, said: &[u8], room: &str) -> Hmac<Sha256> {
        let mac = self.proving.clone().chain_update(b"member").chain_update(session.as_str());
        mac.chain_update(said).chain_update(room)
    }

    fn resume_mac(&self, session: &SessionId, generation: u64, identity: &str) -> Hmac<Sha256> {
        let mac = self.proving.clone().chain_update(b"resume").chain_update(session.as_str());
        mac.chain_update(generation.to_be_bytes()).chain_update(identity)
    }

    fn draw(&mut self) -> [u8; ID_BYTES] {
        self.drawn += 1;
        first_bytes(self.drawing.clone().chain_update(b"id").chain_update(self.drawn.to_be_bytes()))
    }
}

impl SessionId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Who its client is where there are no tokens.
    pub(crate) fn anonymous(&self) -> Arc<str> {
        format!("{ANONYMOUS}{}", self.code()).into()
    }

    fn code(&self) -> &str {
        &self.0[2..]
    }
}

impl MemberId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl CallId {
    /// Reads one; `None` if it can't be a call of ours. Each id has one spelling only.
    pub(crate) fn read(text: &str) -> Option<Self> {
        spelled(CALL, text).map(Self)
    }

    pub(crate) fn to_text(self) -> String {
        name(CALL, &self.0)
    }
}

impl StoryId {
    /// Reads one; `None` if it can't be a story of ours. Each id has one spelling only.
    pub(crate) fn read(text: &str) -> Option<Self> {
        spelled(STORY, text).map(Self)
    }

    pub(crate) fn to_text(self) -> String {
        name(STORY, &self.0)
    }
}

impl Borrow<str> for MemberId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl ResumeToken {
    /// Reads one; `None` if it can't be a token of ours.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("r_")?.split('.');
        let (id, generation, proof) = (parts.next()?, parts.next()?, parts.next()?);
        // Each id has one spelling only.
        bytes_of(id).filter(|bytes| name("", bytes) == id)?;
        let generation: u64 = generation.parse().ok()?;
        let proof = bytes_of(proof)?;
        parts.next().is_none().then(|| Self {
            session: SessionId(format!("s_{id}").into()),
            generation,
            proof,
        })
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("an HMAC key may have any length")
}

/// `prefix` and 128 bits as 22 characters.
fn name(prefix: &str, bytes: &[u8; ID_BYTES]) -> String {
    let mut id = String::from(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut id);
    id
}

/// The bits of an id that begins with `prefix`, if it is spelled as [`name`] spells it.
fn spelled(prefix: &str, id: &str) -> Option<[u8; ID_BYTES]> {
    bytes_of(id.strip_prefix(prefix)?).filter(|bytes| name(prefix, bytes) == id)
}

fn bytes_of(code: &str) -> Option<[u8; ID_BYTES]> {
    let mut bytes = [0; ID_BYTES];
    let length = URL_SAFE_NO_PAD.decode_slice(code, &mut bytes).ok()?;
    (length == ID_BYTES).then_some(bytes)
}

fn first_bytes(mac: Hmac<Sha256>) -> [u8; ID_BYTES] {
    let mut bytes = [0; ID_BYTES];
    bytes.copy_from_slice(&mac.finalize().into_bytes()[..ID_BYTES]);
    bytes
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

/// 128 bits.
const ID_BYTES: usize = 16;
/// Enough to tell one session's memberships of one room apart.
const MEMBER_DRAWN_BYTES: usize = 4;
/// What the rest proves.
const MEMBER_SAID_BYTES: usize = MEMBER_DRAWN_BYTES + TERMS_BYTES;
/// How the ids of calls begin.
const CALL: &str = "call_";
/// How the ids of stories begin.
const STORY: &str = "t_";
/// How the identities that the server makes begin; no token may claim one.
pub(crate) const ANONYMOUS: &str = "anonymous_";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room_kind::RoomKind;

    const TERMS: Terms = Terms { kind: RoomKind::Pair, capacity: 2, relay_only: true };

    fn ids(seed: u8) -> Ids {
        Ids::new([seed; 32], &ResumeKey::random([9; 32]), HubNumber(0))
    }

    #[test]
    fn ids_differ_and_follow_from_the_seed() {
        let (mut one, mut same, mut other) = (ids(1), ids(1), ids(2));
        let first = one.session();
        assert_eq!(first, same.session());
        assert_ne!(first, other.session());
        assert_ne!(first, one.session());
        let member = one.member(&first, "lab", TERMS);
        assert_ne!(member, one.member(&first, "lab", TERMS));
        assert_eq!(member.as_str().len(), 2 + 22);
    }

    #[test]
    fn no_two_hubs_draw_the_same_and_all_have_the_same_credentials() {
        let hub = |number| Ids::new([1; 32], &ResumeKey::random([9; 32]), HubNumber(number));
        let (mut one, mut other) = (hub(0), hub(1));
        assert!((0..100).all(|_| one.session() != other.session()));
        assert_eq!(one.credentials.of("ada"), other.credentials.of("ada"));
        let session = one.session();
        let member = one.member(&session, "lab", TERMS);
        assert!(other.member_again(&session, "lab", member.as_str()).is_some());
    }

    #[test]
    fn a_member_is_known_again_by_session_and_room() {
        let mut before = ids(1);
        let (ada, bo) = (before.session(), before.session());
        let member = before.member(&ada, "lab", TERMS);
        // After a restart: another seed, the same resume key.
        let after = ids(2);
        let id = member.as_str();
        assert_eq!(after.member_again(&ada, "lab", id), Some((member.clone(), TERMS)));
        assert_eq!(after.member_again(&bo, "lab", id), None);
        assert_eq!(after.member_again(&ada, "hall", id), None);
        // Nor does it say anything else about the room.
        let mut forged = bytes_of(&id[2..]).expect("an id");
        forged[MEMBER_DRAWN_BYTES] ^= 1 << 6;
        assert_eq!(after.member_again(&ada, "lab", &name("m_", &forged)), None);
        for strange in ["", "m_", &id[2..], &id[..id.len() - 1], &format!("{id}A")] {
            assert_eq!(after.member_again(&ada, "lab", strange), None, "{strange}");
        }
        let other = Ids::new([1; 32], &ResumeKey::random([8; 32]), HubNumber(0));
        assert_eq!(other.member_again(&ada, "lab", id), None);
    }

    #[test]
    fn a_resume_token_names_its_session_and_cannot_be_forged() {
        let mut ids = ids(1);
        let (session, other) = (ids.session(), ids.session());
        let resume = ids.resume(&session, 3, "ada");
        let token = ResumeToken::read(&resume).expect("a token");
        assert_eq!((&token.session, token.generation), (&session, 3));
        assert!(ids.is_good(&token, "ada"));
        assert!(!ids.is_good(&token, "bo"));
        let other_key = ResumeKey::derive(b"secret");
        assert!(!Ids::new([1; 32], &other_key, HubNumber(0)).is_good(&token, "ada"));

        let proof = resume.rsplit('.').next().expect("has a proof");
        for forged in [
            String::new(),
            "r_".into(),
            "r_..".into(),
            resume[..resume.len() - 1].into(),
            format!("{resume}A"),
            format!("{resume}.1"),
            format!("r_{}.3.{proof}", other.code()),
            format!("r_{}.4.{proof}", session.code()),
            format!("r_{}.3.", session.code()),
            format!("r_{}.-1.{proof}", session.code()),
        ] {
            let token = ResumeToken::read(&forged);
            assert!(!token.is_some_and(|token| ids.is_good(&token, "ada")), "{forged}");
        }
    }

    #[test]
    fn a_proof_that_ends_in_zeros_is_needed_whole() {
        let mut ids = ids(1);
        let mut tokens = (0..100_000).map(|_| {
            let session = ids.session();
            ids.resume(&session, 1, "ada")
        });
        let resume = tokens.find(|resume| resume.ends_with("AA")).expect("one in 1024 does");
        drop(tokens);
        assert!(ResumeToken::read(&resume).is_some_and(|token| ids.is_good(&token, "ada")));
        assert_eq!(ResumeToken::read(&resume[..resume.len() - 2]), None);
    }
}
