//! `[signaling.auth.jwt]`: which tokens are valid.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::Jwt;
use super::error::{Mistake, Wrong};
use super::section::Section;
use super::values;
use crate::jwt_key::{Algorithm, JwtKey};

pub(super) fn read(mut section: Section<'_>, folder: &Path) -> Jwt {
    let secrets = section.secrets("secrets").into_iter();
    let mut keys: Vec<_> = secrets.map(|secret| JwtKey::shared(secret, None)).collect();
    let issuer = section.optional_text("issuer", values::not_empty);
    let audience = section.optional_text("audience", values::not_empty);
    let life_max = section.text("life_max", "366d", values::duration);
    let listed = section.tables("keys").into_iter();
    keys.extend(listed.filter_map(|section| key(section, folder)));
    section.end();
    Jwt { keys, issuer, audience, life_max }
}

fn key(mut section: Section<'_>, folder: &Path) -> Option<JwtKey> {
    section.announce_as("signaling.auth.jwt.keys");
    let algorithm = section.optional_text("algorithm", values::jwt_algorithm);
    if !section.has("algorithm") {
        section.missing("algorithm", "the only one that the key is for: no token chooses it");
    }
    let id = section.optional_text("id", values::not_empty);
    let key = match algorithm {
        None => None,
        Some(Algorithm::Hs256) => shared(&mut section, id),
        Some(algorithm) => public(&mut section, folder, algorithm, id),
    };
    // Of whichever kind it is, the other kind's key is known, and wrong.
    section.known.extend(["public_key", "secret"]);
    section.end();
    key
}

fn shared(section: &mut Section<'_>, id: Option<String>) -> Option<JwtKey> {
    if section.has("public_key") {
        section.mistake("public_key", Mistake::Conflict("HS256 takes a secret, not a public key"));
    }
    let secret = section.secret("secret");
    if !section.has("secret") {
        section.missing("secret", "HS256 signs and checks with a secret");
    }
    Some(JwtKey::shared(secret?, id))
}

fn public(
    section: &mut Section<'_>,
    folder: &Path,
    algorithm: Algorithm,
    id: Option<String>,
) -> Option<JwtKey> {
    if section.has("secret") {
        let why = "only HS256 takes a secret; this algorithm takes a public_key";
        section.mistake("secret", Mistake::Conflict(why));
    }
    let file = section.optional_text("public_key", values::not_empty);
    if !section.has("public_key") {
        section.missing("public_key", "this algorithm checks with a public key, in a PEM file");
    }
    let file = file?;
    let mistake = match read_file(&folder.join(&file)) {
        Ok(pem) => match JwtKey::public(algorithm, &pem, id) {
            Ok(key) => return Some(key),
            Err(error) => Mistake::Value { value: Some(file), wrong: Wrong::PublicKey(error) },
        },
        Err(error) => Mistake::Unreadable(format!("{file}: {error}")),
    };
    section.mistake("public_key", mistake);
    None
}

/// What is no file, or has no end, is not waited for.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("is not a file"));
    }
    let mut pem = Vec::new();
    File::open(path)?.take(PEM_BYTES_MAX).read_to_end(&mut pem)?;
    Ok(pem)
}

/// Far more than the largest public key has.
const PEM_BYTES_MAX: u64 = 64 * 1024;
