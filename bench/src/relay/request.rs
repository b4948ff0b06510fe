//! RFC 8489 §9.2.3.1, §9.2.3.2: requests as a client writes them, before and after a challenge.

use kopru_stun::attribute::{ErrorCode, Nonce, PasswordAlgorithm, Realm, Username};
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};

/// A user name and its password, long-term or time-limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: String,
}

/// What a server's challenge made of them.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    realm: String,
    nonce: String,
    key: LongTermKey,
}

impl Proof {
    /// From an answer of 401 or 438; `None` where it lacks what is needed. MD5 and SHA-1, as
    /// browsers do: every server knows them.
    pub(crate) fn from_challenge(answer: &Message<'_>, credentials: &Credentials) -> Option<Self> {
        let Realm(realm) = answer.get().ok()??;
        let Nonce(nonce) = answer.get().ok()??;
        let Credentials { username, password } = credentials;
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, username, realm, password);
        Some(Self { realm: realm.to_owned(), nonce: nonce.to_owned(), key })
    }
}

/// Writes a request, protected where there is proof, and gives its length.
pub(crate) fn write(
    buffer: &mut [u8],
    (method, id): (Method, TransactionId),
    proof: Option<(&Proof, &Credentials)>,
    attributes: impl FnOnce(&mut MessageBuilder<'_>),
) -> usize {
    let mut builder = MessageBuilder::new(buffer, MessageType::new(method, Class::Request), id);
    attributes(&mut builder);
    if let Some((proof, credentials)) = proof {
        builder.add(&Username(&credentials.username));
        builder.add(&Realm(&proof.realm)).add(&Nonce(&proof.nonce));
        builder.add_integrity(&proof.key);
    }
    builder.finish()
}

/// The code of an error response; `None` for a success response.
pub(crate) fn refusal(answer: &Message<'_>) -> Option<u16> {
    let is_error = answer.class() == Class::Error;
    is_error.then(|| answer.get().ok().flatten().map_or(0, |code: ErrorCode| code.number()))
}

/// Counts, which is all that the servers measured here need of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TransactionIds(u64);

impl TransactionIds {
    pub(crate) fn next(&mut self) -> TransactionId {
        self.0 += 1;
        let mut id = [0; 12];
        id[4..].copy_from_slice(&self.0.to_be_bytes());
        TransactionId(id)
    }
}

#[cfg(test)]
mod tests {
    use kopru_stun::Integrity;
    use kopru_stun::attribute::{Lifetime, RequestedTransport};

    use super::*;

    #[test]
    fn a_challenge_is_answered_with_what_it_said() {
        let credentials = Credentials { username: "user".into(), password: "pass".into() };
        let mut ids = TransactionIds::default();
        let mut buffer = [0; 200];
        let challenge = MessageType::new(Method::ALLOCATE, Class::Error);
        let len = MessageBuilder::new(&mut buffer, challenge, ids.next())
            .add(&ErrorCode::UNAUTHENTICATED)
            .add(&Realm("realm"))
            .add(&Nonce("nonce"))
            .finish();
        let answer = Message::parse(&buffer[..len]).unwrap();
        assert_eq!(refusal(&answer), Some(401));
        let proof = Proof::from_challenge(&answer, &credentials).unwrap();

        let request = (Method::ALLOCATE, ids.next());
        let len = write(&mut buffer, request, Some((&proof, &credentials)), |builder| {
            builder.add(&RequestedTransport::UDP).add(&Lifetime { seconds: 600 });
        });
        let request = Message::parse(&buffer[..len]).unwrap();
        assert_eq!(refusal(&request), None);
        assert_eq!(request.get(), Ok(Some(Nonce("nonce"))));
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, "user", "realm", "pass");
        assert_eq!(request.verify_integrity(&key), Integrity::Valid);
    }
}
