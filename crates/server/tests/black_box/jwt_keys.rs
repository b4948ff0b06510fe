//! Keys of tokens: each opens with its own algorithm, and no token chooses another.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::certificate::pem;
use crate::program::{Folder, Server, run};
use crate::signaling_client::Client;

/// One key of each kind.
pub(crate) enum Signer {
    Hs256(Vec<u8>),
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    fn rs256() -> Self {
        Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn eddsa() -> Self {
        Self::EdDsa(Ed25519KeyPair::generate().unwrap())
    }

    fn public_der(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Hs256(_) => panic!("a secret has no public half"),
            Self::Rs256(pair) => pair.public_key().as_der().unwrap(),
            Self::Es256(pair) => pair.public_key().as_der().unwrap(),
            Self::EdDsa(pair) => pair.public_key().as_der().unwrap(),
        };
        der.as_ref().to_vec()
    }

    pub(crate) fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_der())
    }

    /// A token with any header: what is signed is what stands there.
    pub(crate) fn token(&self, header: &Value, payload: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(payload));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Hs256(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => signature_of(pair.sign(message)),
        }
    }
}

fn signature_of(signature: signature::Signature) -> Vec<u8> {
    signature.as_ref().to_vec()
}

/// A server with a key of each kind.
struct Stage {
    server: Server,
    shared: Signer,
    rsa: Signer,
    ec: Signer,
    ed: Signer,
}

impl Stage {
    fn new() -> Self {
        let (rsa, ec, ed) = (Signer::rs256(), Signer::es256(), Signer::eddsa());
        let folder = Folder::with("kopru.toml", CONFIGURATION);
        for (signer, file) in [(&rsa, "rsa.pem"), (&ec, "ec.pem"), (&ed, "ed.pem")] {
            folder.write(file, &signer.public_pem());
        }
        let server = Server::start(folder, &["--config", "kopru.toml"]);
        let shared = Signer::Hs256(SECRET.into());
        Self { server, shared, rsa, ec, ed }
    }

    async fn answer(&self, token: &str) -> Value {
        Client::connect(self.server.http()).await.greet(Some(token)).await
    }
}

/// A public key for ES256, as PEM.
pub(crate) fn an_ec_key() -> String {
    Signer::es256().public_pem()
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn payload() -> Value {
    json!({ "sub": "ada", "exp": now() + 600, "iat": now() })
}

#[tokio::test]
async fn each_algorithm_opens_with_its_own_key() {
    let stage = Stage::new();
    for (signer, header) in [
        (&stage.shared, json!({ "alg": "HS256" })),
        (&stage.shared, json!({ "alg": "HS256", "kid": "shared" })),
        (&stage.rsa, json!({ "alg": "RS256", "typ": "JWT" })),
        (&stage.rsa, json!({ "alg": "RS256", "kid": "rsa" })),
        (&stage.ec, json!({ "alg": "ES256" })),
        (&stage.ec, json!({ "alg": "ES256", "kid": "2026-11" })),
        // A key without an id may have any.
        (&stage.ed, json!({ "alg": "EdDSA", "kid": "whatever" })),
    ] {
        let answer = stage.answer(&signer.token(&header, &payload())).await;
        assert_eq!((&answer["type"], &answer["identity"]), (&json!("welcome"), &json!("ada")));
        assert!((590..=600).contains(&answer["token_ttl_s"].as_u64().unwrap()), "{answer}");
    }
}

#[tokio::test]
async fn no_token_chooses_its_algorithm_or_its_key() {
    let stage = Stage::new();
    let Stage { shared, rsa, ec, ed, .. } = &stage;
    let of_pem = |signer: &Signer| Signer::Hs256(signer.public_pem().into_bytes());
    let of_der = |signer: &Signer| Signer::Hs256(signer.public_der());
    let own = Signer::es256();
    let point = |der: Vec<u8>| URL_SAFE_NO_PAD.encode(&der[der.len() - 64..][..32]);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": point(own.public_der()), "y": "AA" });
    for (why, signer, header) in [
        ("the public key as a secret", &of_pem(rsa), json!({ "alg": "HS256" })),
        ("the same with its id", &of_pem(rsa), json!({ "alg": "HS256", "kid": "rsa" })),
        ("its DER as a secret", &of_der(ec), json!({ "alg": "HS256", "kid": "2026-11" })),
        ("that of Ed25519", &of_der(ed), json!({ "alg": "HS256" })),
        ("an RSA key that says ES256", rsa, json!({ "alg": "ES256" })),
        ("an EC key that says RS256", ec, json!({ "alg": "RS256", "kid": "rsa" })),
        ("an Ed25519 key that says ES256", ed, json!({ "alg": "ES256" })),
        ("another algorithm of the same key", rsa, json!({ "alg": "RS512" })),
        ("RSA-PSS, which is not its", rsa, json!({ "alg": "PS256" })),
        ("a secret that says EdDSA", shared, json!({ "alg": "EdDSA" })),
        ("another EC key", &own, json!({ "alg": "ES256" })),
        ("another EC key under a known id", &own, json!({ "alg": "ES256", "kid": "2026-11" })),
        ("a key that it brings along", &own, json!({ "alg": "ES256", "jwk": jwk })),
        ("a key at a URL", &own, json!({ "alg": "ES256", "jku": "https://evil.example/keys" })),
        ("an id of another key", ec, json!({ "alg": "ES256", "kid": "rsa" })),
        ("an id that is a path", ec, json!({ "alg": "ES256", "kid": "../../../../dev/null" })),
        (
            "an id that is a path, and no secret",
            &Signer::Hs256(Vec::new()),
            json!({ "alg": "HS256", "kid": "../../../../dev/null" }),
        ),
        ("an id that is a query", ec, json!({ "alg": "ES256", "kid": "x' UNION SELECT 'k" })),
        ("an empty id", ec, json!({ "alg": "ES256", "kid": "" })),
        ("something critical", ec, json!({ "alg": "ES256", "crit": ["b64"], "b64": false })),
        ("an algorithm in small letters", shared, json!({ "alg": "hs256" })),
        ("no algorithm", shared, json!({ "typ": "JWT" })),
    ] {
        let answer = stage.answer(&signer.token(&header, &payload())).await;
        assert_eq!(answer["code"], "unauthorized", "{why}: {answer}");
    }
    for alg in ["none", "None", "NONE", "nOnE"] {
        for kid in ["rsa", "shared", "none"] {
            let signed = shared.token(&json!({ "alg": alg, "kid": kid }), &payload());
            let unsigned = format!("{}.", signed.rsplit_once('.').unwrap().0);
            for token in [signed, unsigned] {
                assert_eq!(stage.answer(&token).await["code"], "unauthorized", "{alg} {kid}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_has_a_longest_life() {
    let stage = Stage::new();
    let header = json!({ "alg": "ES256" });
    for (why, payload, expect) in [
        ("an hour", json!({ "exp": now() + 3600, "iat": now() }), "welcome"),
        ("an hour, and no word when it began", json!({ "exp": now() + 3600 }), "welcome"),
        (
            "fractions",
            json!({ "exp": (now() + 600) as f64 + 0.5, "iat": 1.5 + now() as f64 }),
            "welcome",
        ),
        ("the rest of a long life", json!({ "exp": now() + 60, "iat": now() - 7200 }), "too long"),
        ("two hours", json!({ "exp": now() + 7200, "iat": now() }), "too long"),
        ("two hours, and no word when it began", json!({ "exp": now() + 7200 }), "too long"),
        ("a later beginning", json!({ "exp": now() + 7200, "iat": now() + 7000 }), "too long"),
        ("an end before all time", json!({ "exp": -1 }), "unauthorized"),
        ("an end that is a text", json!({ "exp": "4102444800" }), "unauthorized"),
        ("a beginning that is null", json!({ "exp": now() + 60, "iat": null }), "unauthorized"),
    ] {
        let mut payload = payload;
        payload["sub"] = json!("ada");
        let answer = stage.answer(&stage.ec.token(&header, &payload)).await;
        let said = match (&answer["type"], answer["code"].as_str()) {
            (_, Some("token_lives_too_long")) => "too long",
            (_, Some(code)) => code,
            (kind, None) => kind.as_str().unwrap(),
        };
        assert_eq!(said, expect, "{why}: {answer}");
    }
}

#[test]
fn a_file_that_has_not_its_algorithm_s_key() {
    let folder = Folder::new();
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let p384: PublicKeyX509Der<'_> = p384.public_key().as_der().unwrap();
    folder.write("rsa.pem", &Signer::rs256().public_pem());
    folder.write("ec.pem", &Signer::es256().public_pem());
    folder.write("ed.pem", &Signer::eddsa().public_pem());
    folder.write("p384.pem", &pem("PUBLIC KEY", p384.as_ref()));
    folder.write("weak.pem", WEAK_RSA);
    folder.write("text.pem", "no key in here\n");
    let private = pem("PRIVATE KEY", &Signer::es256().public_der());
    folder.write("private.pem", &private);
    let rsa = "an RSA key of 2048 to 8192 bits: RS256";
    let (ec, ed) = ("an EC key on the curve P-256: ES256", "an Ed25519 key: EdDSA");
    for (algorithm, file, needs) in [
        ("RS256", "ec.pem", rsa),
        ("RS256", "weak.pem", rsa),
        ("ES256", "rsa.pem", ec),
        ("ES256", "p384.pem", ec),
        ("ES256", "private.pem", ec),
        ("ES256", "text.pem", ec),
        ("EdDSA", "ec.pem", ed),
    ] {
        let toml = format!(
            "[signaling.auth.jwt]\n\
             keys = [{{ algorithm = \"{algorithm}\", public_key = \"{file}\" }}]\n"
        );
        folder.write("kopru.toml", &toml);
        let said = run(&folder, &["check", "kopru.toml"]);
        let expect = format!(
            "kopru: kopru.toml:2: signaling.auth.jwt.keys[0].public_key: \"{file}\": must be a PEM \
             file with a PUBLIC KEY, and that {needs} checks with it\n"
        );
        assert_eq!((said.code, said.stderr), (2, expect));
    }
    for (file, algorithm) in [("rsa.pem", "RS256"), ("ec.pem", "ES256"), ("ed.pem", "EdDSA")] {
        let toml = format!(
            "[[signaling.auth.jwt.keys]]\nalgorithm = \"{algorithm}\"\npublic_key = \"{file}\"\n"
        );
        folder.write("kopru.toml", &toml);
        let said = run(&folder, &["check", "kopru.toml"]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""));
        // What it prints is a configuration itself.
        folder.write("kopru.toml", &said.stdout);
        assert_eq!(run(&folder, &["check", "kopru.toml"]).code, 0, "{}", said.stdout);
    }
}

const SECRET: &str = "a secret of at least thirty-two bytes";

const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
[turn]
listen = "127.0.0.1:0"
relay_addresses = "127.0.0.1"
[signaling.auth.jwt]
life_max = "1h"
keys = [
  { algorithm = "HS256", secret = "a secret of at least thirty-two bytes", id = "shared" },
  { algorithm = "RS256", public_key = "rsa.pem", id = "rsa" },
  { algorithm = "ES256", public_key = "ec.pem", id = "2026-11" },
  { algorithm = "EdDSA", public_key = "ed.pem" },
]
"#;

/// 1024 bits.
const WEAK_RSA: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC6tykAwQevCwHhWM/rCnYXPAvY\n\
    BjYwzFXBp1HtALOybpMXaxP6+4pc/h7XhBZXmoKG9eKBGHFTeO/fdmTQiXPOLKAJ\n\
    9uj+B1A2ViaZETq1kl90xJEDw87qV0nRNBtFqg/RfQkXPXURUgs/sH7+ciqSFSaE\n\
    sTfLmN6G4mCcTuuY5QIDAQAB\n\
    -----END PUBLIC KEY-----\n";
