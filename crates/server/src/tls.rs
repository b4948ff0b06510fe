//! RFC 8446: what HTTPS, WSS and TURN over TLS show to clients. One crypto provider, aws-lc-rs,
//! for everything.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use crate::config::Certificate;
use crate::hub::now;

mod live;

pub(crate) use self::live::{LiveCertificate, watch};

/// Makes rustls use aws-lc-rs. To be called once, before anything else.
pub(crate) fn install_crypto() {
    // Fails only when a provider is installed already.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// What listeners of TLS need.
pub(crate) struct Tls {
    /// What rustls runs on.
    pub(crate) config: Arc<ServerConfig>,
    /// The certificate that it shows.
    pub(crate) certificate: Arc<LiveCertificate>,
}

impl Tls {
    /// Shows this certificate; `addresses` go into one of our own making.
    ///
    /// # Errors
    /// [`TlsError`] with the file that is not what it must be.
    pub(crate) fn new(certificate: &Certificate, addresses: &[IpAddr]) -> Result<Self, TlsError> {
        let first = match certificate {
            Certificate::Files { chain, key } => from_files(chain, key)?,
            Certificate::SelfMade => {
                let (chain, key) = self_made(addresses).map_err(TlsError::SelfMade)?;
                certified(chain, key).map_err(|error| TlsError::Mismatch(None, error))?
            }
        };
        let certificate = Arc::new(LiveCertificate::new(first));
        let shown: Arc<LiveCertificate> = Arc::clone(&certificate);
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(shown);
        config.alpn_protocols = vec![b"stun.turn".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), certificate })
    }
}

fn from_files(chain: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let mismatch = |error| TlsError::Mismatch(Some((chain.to_owned(), key.to_owned())), error);
    certified(read_chain(chain)?, read_key(key)?).map_err(mismatch)
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider())
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error| TlsError::Chain(path.to_owned(), error);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect();
    let chain = chain.map_err(wrong)?;
    if chain.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::Key(path.to_owned(), error))
}

/// A certificate for localhost and these addresses, signed by itself: browsers warn once.
fn self_made(
    addresses: &[IpAddr],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(addresses.iter().map(ToString::to_string));
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "kopru on this network");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    // Some browsers refuse certificates that are good for years.
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now().unix);
    (params.not_before, params.not_after) = (now - DAY, now + 30 * DAY);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok((vec![certificate.der().clone()], key.into()))
}

/// Why there is no HTTPS.
#[derive(Debug)]
pub(crate) enum TlsError {
    /// The file has no certificates.
    Chain(PathBuf, pem::Error),
    /// The file has no private key.
    Key(PathBuf, pem::Error),
    /// The two do not go together, or are of a kind that is not supported.
    Mismatch(Option<(PathBuf, PathBuf)>, rustls::Error),
    /// No certificate could be made.
    SelfMade(rcgen::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(path, error) => write!(
                f,
                "https.certificate: {}: must be a PEM file with the certificate chain: {error}",
                path.display()
            ),
            Self::Key(path, error) => write!(
                f,
                "https.key: {}: must be a PEM file with a private key: {error}",
                path.display()
            ),
            Self::Mismatch(Some((chain, key)), error) => write!(
                f,
                "https.key: {}: must be the private key of the certificate in {}: {error}",
                key.display(),
                chain.display()
            ),
            Self::Mismatch(None, error) => write!(f, "the certificate of this run: {error}"),
            Self::SelfMade(error) => write!(f, "no certificate could be made: {error}"),
        }
    }
}

/// Clocks of phones may be behind.
const DAY: Duration = Duration::from_secs(86400);
