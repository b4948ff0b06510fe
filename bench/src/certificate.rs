//! The certificate that all servers show, and the client that believes in it alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore};

use crate::error::BenchError;

/// Files for servers, and what clients are configured with.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client: Arc<ClientConfig>,
}

impl Certificate {
    /// Makes one for 127.0.0.1 and writes it into `folder`.
    ///
    /// # Errors
    /// It can't be made or written.
    pub(crate) fn make(folder: &Path) -> Result<Self, BenchError> {
        let failed = |error: &dyn std::error::Error| BenchError::Tls { said: error.to_string() };
        let pair = KeyPair::generate().map_err(|error| failed(&error))?;
        let params = CertificateParams::new([ADDRESS.to_owned()]);
        let params = params.map_err(|error| failed(&error))?;
        let made = params.self_signed(&pair).map_err(|error| failed(&error))?;
        let (chain, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let written = BenchError::io("writing a certificate");
        fs::write(&chain, pem("CERTIFICATE", made.der())).map_err(&written)?;
        fs::write(&key, pem("PRIVATE KEY", &pair.serialize_der())).map_err(&written)?;
        let mut roots = RootCertStore::empty();
        roots.add(made.der().clone()).map_err(|error| failed(&error))?;
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { chain, key, client: Arc::new(client) })
    }
}

/// RFC 7468 §2: base64 between two lines, 64 characters to a line.
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        text.push_str(&STANDARD.encode(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

/// Where servers listen.
const ADDRESS: &str = "127.0.0.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_pem_have_64_characters() {
        let text = pem("KEY", &[0; 50]);
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [19, 64, 4, 17]);
    }
}
