//! TLS from files, taken in again when they change.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{HubError, codes};

/// Longest file of certificates or of a key, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What new connections are greeted with.
pub(super) struct Tls {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// Of the files as they were last looked at, good or not.
    seen: [u8; 32],
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// `server.tls_invalid`
    pub(super) fn load(files: TlsFiles) -> Result<Self, HubError> {
        let (certificate, key) = read(&files)?;
        let seen = fingerprint(&certificate, &key);
        let config = config(&files, &certificate, &key)?;
        Ok(Self { files, current: RwLock::new(Current { config, seen }) })
    }

    /// What the next connection is greeted with.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    /// Looks at the files; answers whether something new was taken in. What is open stays as it
    /// is, and files that are no good change nothing.
    ///
    /// # Errors
    /// `server.tls_invalid`, once for the same bytes
    pub(super) fn reload(&self) -> Result<bool, HubError> {
        let (certificate, key) = read(&self.files)?;
        let seen = fingerprint(&certificate, &key);
        if self.current.read().unwrap_or_else(PoisonError::into_inner).seen == seen {
            return Ok(false);
        }
        let config = config(&self.files, &certificate, &key);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.seen = seen;
        current.config = config?;
        Ok(true)
    }
}

type Bytes = Zeroizing<Vec<u8>>;

fn read(files: &TlsFiles) -> Result<(Bytes, Bytes), HubError> {
    let read = |path: &PathBuf| {
        let text = |what: String| format!("{}: {what}", path.display());
        let invalid = |what: String| HubError::new(&codes::TLS_INVALID, text(what));
        let length = fs::metadata(path).map_err(|error| invalid(error.to_string()))?.len();
        if length > FILE_LIMIT {
            return Err(invalid(format!("longer than {FILE_LIMIT} bytes")));
        }
        fs::read(path).map(Zeroizing::new).map_err(|error| invalid(error.to_string()))
    };
    Ok((read(&files.certificate)?, read(&files.key)?))
}

fn fingerprint(certificate: &Bytes, key: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(u64::try_from(certificate.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(certificate);
    hash.update(key);
    hash.finalize().into()
}

fn config(
    files: &TlsFiles,
    certificate: &Bytes,
    key: &Bytes,
) -> Result<Arc<ServerConfig>, HubError> {
    let invalid = |path: &PathBuf, what: &dyn std::fmt::Display| {
        HubError::new(&codes::TLS_INVALID, format!("{}: {what}", path.display()))
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.map_err(|error| invalid(&files.certificate, &error))?;
    if chain.is_empty() {
        return Err(invalid(&files.certificate, &"no certificate in PEM form"));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| invalid(&files.key, &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&files.certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| invalid(&files.certificate, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
