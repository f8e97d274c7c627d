//! Who the depot is where TLS is spoken: its certificate and key, read from files and read again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig, version};
use tokio_rustls::server::TlsStream;

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// A file holds no certificate, or no key.
    #[error("{path}: there is no {what} in it")]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// A file is not what it should be.
    #[error("{path}: this is no {what} in PEM: {why}")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What is wrong.
        why: pem::Error,
    },
    /// The key is another one's.
    #[error("{key}: this is not the key of the certificate in {certificate}")]
    AnotherKey {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// Both can be read, and TLS cannot be spoken with them.
    #[error("{certificate}: {why}")]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// Why.
        why: rustls::Error,
    },
}

impl TlsError {
    /// The file that is to be mended.
    pub fn file(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. } | Self::Empty { path, .. } | Self::NotPem { path, .. } => path,
            Self::AnotherKey { key, .. } => key,
            Self::Unusable { certificate, .. } => certificate,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "let the user sipherd runs as read it",
            Self::Empty { what: CERTIFICATE, .. } | Self::NotPem { what: CERTIFICATE, .. } => {
                "the file begins with `-----BEGIN CERTIFICATE-----`: the depot's own first, then those up to the root"
            }
            Self::Empty { .. } | Self::NotPem { .. } => {
                "the file begins with `-----BEGIN PRIVATE KEY-----`, and the key has no passphrase"
            }
            Self::AnotherKey { .. } => {
                "the depot's own certificate comes first in its file; take the key it was made with"
            }
            Self::Unusable { .. } => {
                "make a certificate for the depot's name or address with an RSA or ECDSA key"
            }
        }
    }
}

const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key";

/// The depot's certificate and key, as they are now.
#[derive(Debug)]
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    now: RwLock<Arc<ServerConfig>>,
}

impl Identity {
    /// Reads both files (PEM).
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let now = RwLock::new(Arc::new(config(certificate, key)?));
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), now })
    }

    /// Reads both files again, for connections to come; when one cannot be used, what was read before stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let read = Arc::new(config(&self.certificate, &self.key)?);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Agrees on encryption with whoever came.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let config = Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config).accept(stream).await
    }
}

fn config(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let unreadable = |path: &Path, why| TlsError::Unreadable { path: path.to_owned(), why };
    let not_pem = |path: &Path, what, why| match why {
        pem::Error::NoItemsFound => TlsError::Empty { path: path.to_owned(), what },
        why => TlsError::NotPem { path: path.to_owned(), what, why },
    };
    let text = std::fs::read(certificate).map_err(|why| unreadable(certificate, why))?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|why| not_pem(certificate, CERTIFICATE, why))?;
    if chain.is_empty() {
        return Err(not_pem(certificate, CERTIFICATE, pem::Error::NoItemsFound));
    }
    let text = std::fs::read(key).map_err(|why| unreadable(key, why))?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|why| not_pem(key, KEY, why))?;
    // Old phones speak TLS 1.2 at best; what is older than that is spoken by nobody who can choose.
    let made = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private));
    made.map_err(|why| match why {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::AnotherKey { key: key.to_owned(), certificate: certificate.to_owned() }
        }
        why => TlsError::Unusable { certificate: certificate.to_owned(), why },
    })
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
