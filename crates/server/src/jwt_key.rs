//! RFC 7518 §3: the keys of signaling tokens. Each is for one algorithm, which the configuration
//! says and no token can change.
//!
//! ```text
//!   header of a token          keys
//!   {"alg":"ES256",   ──▶      HS256  secret …        another algorithm
//!    "kid":"2026-11"}          ES256  id "2026-05"    another id
//!                              ES256  id "2026-11"    tried
//!                              ES256  without id      tried
//! ```
//!
//! `kid` is compared and nothing else: it names no file, and no key comes out of a token.

use std::fmt;

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use jsonwebtoken::{Algorithm as Jwa, DecodingKey, EncodingKey, Header};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// HMAC with a secret that both sides have.
    Hs256,
    /// RSA, PKCS #1 1.5.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// Ed25519 (RFC 8037).
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// As `alg` names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn jwa(self) -> Jwa {
        match self {
            Self::Hs256 => Jwa::HS256,
            Self::Rs256 => Jwa::RS256,
            Self::Es256 => Jwa::ES256,
            Self::EdDsa => Jwa::EdDSA,
        }
    }
}

/// What tokens are checked with, and, where it is a secret, signed.
#[derive(Clone)]
pub(crate) struct JwtKey {
    algorithm: Algorithm,
    id: Option<String>,
    /// Of HS256.
    secret: Option<String>,
    checks: DecodingKey,
}

/// Not a public key of the algorithm it is to be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotItsKey(Algorithm);

impl JwtKey {
    /// A secret that this server and whoever makes tokens have in common.
    pub(crate) fn shared(secret: String, id: Option<String>) -> Self {
        let checks = DecodingKey::from_secret(secret.as_bytes());
        Self { algorithm: Algorithm::Hs256, id, secret: Some(secret), checks }
    }

    /// The public key of whoever makes tokens: a `PUBLIC KEY` (RFC 7468 §13) in a PEM file.
    ///
    /// # Errors
    /// When there is none in it, or one of another algorithm, curve or size.
    pub(crate) fn public(
        algorithm: Algorithm,
        pem: &[u8],
        id: Option<String>,
    ) -> Result<Self, NotItsKey> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| NotItsKey(algorithm))?;
        let (is_good, checks) = match algorithm {
            // It signs and checks with the same: no public key is one.
            Algorithm::Hs256 => return Err(NotItsKey(algorithm)),
            // 2048 bits at least.
            Algorithm::Rs256 => {
                (PublicEncryptingKey::from_der(&der).is_ok(), DecodingKey::from_rsa_der(&der))
            }
            Algorithm::Es256 => (
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der).is_ok(),
                DecodingKey::from_ec_der(&der),
            ),
            Algorithm::EdDsa => {
                (ParsedPublicKey::new(&ED25519, &der).is_ok(), DecodingKey::from_ed_der(&der))
            }
        };
        if is_good {
            Ok(Self { algorithm, id, secret: None, checks })
        } else {
            Err(NotItsKey(algorithm))
        }
    }

    /// Whether a token with this header may have been signed for it.
    pub(crate) fn fits(&self, header: &Header) -> bool {
        let is_same_id = |kid| self.id.as_ref().is_none_or(|id| id == kid);
        header.alg == self.algorithm.jwa() && header.kid.as_ref().is_none_or(is_same_id)
    }

    /// The only algorithm it is for, as the library calls it.
    pub(crate) fn jwa(&self) -> Jwa {
        self.algorithm.jwa()
    }

    /// What signatures are checked with.
    pub(crate) fn checks(&self) -> &DecodingKey {
        &self.checks
    }

    /// Its secret, if it is one.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// What signs, and the header of what it signs; `None` for a public key.
    pub(crate) fn signs(&self) -> Option<(EncodingKey, Header)> {
        let key = EncodingKey::from_secret(self.secret()?.as_bytes());
        let header = Header { kid: self.id.clone(), ..Header::new(self.jwa()) };
        Some((key, header))
    }

    /// RFC 7518 §3.2: "a key of the same size as the hash output … or larger MUST be used".
    pub(crate) fn is_short(&self) -> bool {
        self.secret().is_some_and(|secret| secret.len() < HS256_KEY_BYTES)
    }
}

impl fmt::Display for NotItsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.0 {
            Algorithm::Hs256 => "no key at all",
            Algorithm::Rs256 => "an RSA key of 2048 to 8192 bits",
            Algorithm::Es256 => "an EC key on the curve P-256",
            Algorithm::EdDsa => "an Ed25519 key",
        };
        let name = self.0.name();
        write!(f, "must be a PEM file with a PUBLIC KEY, and that {key}: {name} checks with it")
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, id, .. } = self;
        f.debug_struct("JwtKey")
            .field("algorithm", algorithm)
            .field("id", id)
            .finish_non_exhaustive()
    }
}

/// Of the hash of HS256.
pub(crate) const HS256_KEY_BYTES: usize = 32;
