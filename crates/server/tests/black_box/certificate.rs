//! Certificates for `localhost`, as files.

use base64::Engine;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;

use crate::program::Folder;

/// Writes a chain and its key as PEM; gives the certificate to be trusted.
pub(crate) fn write(folder: &Folder, chain: &str, key: &str) -> CertificateDer<'static> {
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    folder.write(chain, &pem("CERTIFICATE", certificate.der()));
    folder.write(key, &pem("PRIVATE KEY", &pair.serialize_der()));
    certificate.der().clone()
}

/// RFC 7468 §2: base64 between two lines.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}
