//! TLS from files, taken in again when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

#[cfg(unix)]
use crate::domain::access::is_open_to_all;
use crate::domain::time::Timestamp;
use crate::domain::words::shell_word;
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
    /// The server's own certificate.
    own: CertificateDer<'static>,
    /// Of the files as they were last looked at, good or not.
    seen: [u8; 32],
    /// Whether those were passed over because of the dates in them, or were no good.
    passed_over: bool,
    is_broken: bool,
    /// Why the files can't be read.
    unread: Option<String>,
}

impl Tls {
    /// Reads the files. A certificate that holds at another time than now is taken as well, since
    /// there is no better one, and warned of.
    ///
    /// # Errors
    /// `server.tls_invalid`
    pub(super) fn load(files: TlsFiles, now: Timestamp) -> Result<Self, HubError> {
        let (certificate, key) = read(&files)?;
        let seen = fingerprint(&certificate, &key);
        let (config, own) = config(&files, &certificate, &key)?;
        if let Some(why) = out_of_date(&own, now) {
            let path = files.certificate.display();
            tracing::warn!(target: "hubctl::serve", "{path}: {why}; clients will refuse it");
        }
        warn_of_open(&files.key);
        let (passed_over, is_broken, unread) = (false, false, None);
        let current = Current { config, own, seen, passed_over, is_broken, unread };
        Ok(Self { files, current: RwLock::new(current) })
    }

    /// Whether the files are no good, so that what is in use is not what they should hold.
    pub(super) fn is_stale(&self) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.passed_over || current.is_broken || current.unread.is_some()
    }

    /// What the next connection is greeted with.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    /// When the certificate in use ends, if it says so in a way that is understood.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let certificate = Certificate::from_der(&current.own).ok()?;
        let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
        i64::try_from(end.as_millis()).ok().map(Timestamp::from_millis)
    }

    /// Looks at the files; answers whether something new was taken in. What is open stays as it
    /// is, and files that are no good change nothing; nor does a certificate that has expired or
    /// does not hold yet, as long as the one in use holds.
    ///
    /// # Errors
    /// `server.tls_invalid`, once for the same bytes, or for the same reason not to read any
    pub(super) fn reload(&self, now: Timestamp) -> Result<bool, HubError> {
        let read = read(&self.files);
        let unread = read.as_ref().err().map(ToString::to_string);
        let (certificate, key) = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut current.unread, unread);
            match read {
                Err(_) if before == current.unread => return Ok(false),
                read => read?,
            }
        };
        let seen = fingerprint(&certificate, &key);
        let is_known = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.seen == seen && !current.passed_over {
                return Ok(false);
            }
            current.seen == seen
        };
        let found = config(&self.files, &certificate, &key);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        (current.seen, current.passed_over, current.is_broken) = (seen, false, true);
        let (config, own) = found?;
        current.is_broken = false;
        if let Some(why) = out_of_date(&own, now)
            && out_of_date(&current.own, now).is_none()
        {
            current.passed_over = true;
            return if is_known { Ok(false) } else { Err(invalid(&self.files.certificate, &why)) };
        }
        (current.config, current.own) = (config, own);
        warn_of_open(&self.files.key);
        Ok(true)
    }
}

type Bytes = Zeroizing<Vec<u8>>;

fn read(files: &TlsFiles) -> Result<(Bytes, Bytes), HubError> {
    let read = |path: &PathBuf| {
        let length = fs::metadata(path).map_err(|error| invalid(path, &error))?.len();
        if length > FILE_LIMIT {
            return Err(invalid(path, &format!("longer than {FILE_LIMIT} bytes")));
        }
        fs::read(path).map(Zeroizing::new).map_err(|error| invalid(path, &error))
    };
    Ok((read(&files.certificate)?, read(&files.key)?))
}

/// Tells of a private key that every user of the machine may read. It serves all the same: what
/// renews certificates may not be the operator's to change.
fn warn_of_open(key: &Path) {
    #[cfg(not(unix))]
    let _ = key;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if fs::metadata(key).is_ok_and(|found| is_open_to_all(found.mode())) {
            let path = key.display();
            tracing::warn!(
                target: "hubctl::serve",
                "{path}: others may read or write this private key; chmod 600 closes it"
            );
        }
    }
}

fn fingerprint(certificate: &Bytes, key: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(u64::try_from(certificate.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(certificate);
    hash.update(key);
    hash.finalize().into()
}

fn invalid(path: &Path, what: &dyn std::fmt::Display) -> HubError {
    HubError::new(&codes::TLS_INVALID, format!("{}: {what}", path.display()))
}

/// Why a certificate does not hold now, if the reason is its dates.
fn out_of_date(own: &CertificateDer<'_>, now: Timestamp) -> Option<&'static str> {
    let now = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // The dates are looked at before the issuer, whom nobody here needs to know.
    let checked = verify_server_cert_signed_by_trust_anchor(
        &ParsedCertificate::try_from(own).ok()?,
        &RootCertStore::empty(),
        &[],
        UnixTime::since_unix_epoch(now),
        provider.signature_verification_algorithms.all,
    );
    match checked {
        Err(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => Some("the certificate has expired"),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => Some("the certificate does not hold yet"),
        _ => None,
    }
}

fn private_key(path: &Path, text: &Bytes) -> Result<PrivateKeyDer<'static>, HubError> {
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    // So it stands in the first lines of either form that has a password.
    if text.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
        let name = path.display().to_string();
        let from = shell_word(&name);
        let error = invalid(path, &"the private key has a password, which nobody could type");
        return Err(error.hint(format!("openssl pkey -in {from} -out plain.key")));
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => invalid(path, &"no private key in PEM form"),
        _ => invalid(path, &"the private key in it is damaged"),
    })
}

/// What connections are greeted with, and the server's own certificate.
fn config(
    files: &TlsFiles,
    certificate: &Bytes,
    key: &Bytes,
) -> Result<(Arc<ServerConfig>, CertificateDer<'static>), HubError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let (chain, own) = match chain.map(|chain| (chain.first().cloned(), chain)) {
        Ok((Some(own), chain)) => (chain, own),
        Ok((None, _)) => return Err(invalid(&files.certificate, &"no certificate in PEM form")),
        // The parser quotes bytes.
        Err(_) => return Err(invalid(&files.certificate, &"a certificate in it is damaged")),
    };
    let key = private_key(&files.key, key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&files.certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                let whose = format!("not the key of {}", files.certificate.display());
                invalid(&files.key, &whose)
            }
            error => invalid(&files.certificate, &error),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((Arc::new(config), own))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::{Tls, TlsFiles, config, read};
    use crate::domain::time::Timestamp;

    const DAY_MS: i64 = 86_400_000;

    /// A certificate that holds from now on for so many days.
    fn make(folder: &Path, name: &str, days: i64) {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        command.args(["-nodes", "-subj", "/CN=localhost", "-days", &days.to_string()]);
        command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
        let done = command.current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn openssl(folder: &Path, line: &str) {
        let done = Command::new("openssl").args(line.split(' ')).current_dir(folder).output();
        assert!(done.as_ref().is_ok_and(|done| done.status.success()), "{done:?}");
    }

    #[test]
    fn what_is_wrong_with_a_key_is_told_in_words() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            make(folder.path(), name, 2);
        }
        openssl(folder.path(), "pkey -in one.key -aes256 -passout pass:x -out new.key");
        openssl(folder.path(), "ec -in one.key -aes256 -passout pass:x -out old.key");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("cut.key"), "-----BEGIN PRIVATE KEY-----\nMIG").unwrap();
        std::fs::write(path("cut.pem"), "-----BEGIN CERTIFICATE-----\nMIG").unwrap();
        for (certificate, key, told) in [
            ("one.pem", "new.key", "new.key: the private key has a password"),
            ("one.pem", "old.key", "old.key: the private key has a password"),
            ("one.pem", "one.pem", "one.pem: no private key in PEM form"),
            ("one.pem", "cut.key", "cut.key: the private key in it is damaged"),
            ("one.pem", "two.key", "two.key: not the key of "),
            ("one.key", "one.key", "one.key: no certificate in PEM form"),
            ("cut.pem", "one.key", "cut.pem: a certificate in it is damaged"),
        ] {
            let files = TlsFiles { certificate: path(certificate), key: path(key) };
            let (certificate, key) = read(&files).unwrap();
            let error = config(&files, &certificate, &key).unwrap_err();
            assert!(error.message().contains(told), "{told}: {error}");
            let has_hint = error.hint_text().is_some_and(|hint| hint.contains("openssl pkey -in "));
            assert_eq!(has_hint, told.contains("password"), "{error:?}");
        }
    }

    #[test]
    fn files_that_are_away_are_told_of_once_and_what_is_in_use_is_stale_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), "tls", 1_000);
        let path = |name: &str| folder.path().join(name);
        let files = TlsFiles { certificate: path("tls.pem"), key: path("tls.key") };
        // Before any certificate here holds: each is as good as another.
        let now = Timestamp::from_millis(0);
        let tls = Tls::load(files, now).unwrap();
        assert!(!tls.reload(now).unwrap() && !tls.is_stale());
        std::fs::rename(path("tls.key"), path("away.key")).unwrap();
        assert!(tls.reload(now).is_err() && tls.is_stale());
        assert!(!tls.reload(now).unwrap() && tls.is_stale());
        std::fs::write(path("tls.key"), "nonsense").unwrap();
        assert!(tls.reload(now).is_err() && tls.is_stale());
        assert!(!tls.reload(now).unwrap() && tls.is_stale());
        std::fs::rename(path("away.key"), path("tls.key")).unwrap();
        assert!(tls.reload(now).unwrap() && !tls.is_stale());
    }

    #[test]
    fn a_certificate_that_holds_gives_way_only_to_one_that_holds_as_well() {
        let folder = tempfile::tempdir().unwrap();
        for (name, days) in [("short", 2), ("long", 1_000), ("longer", 1_001)] {
            make(folder.path(), name, days);
        }
        #[expect(clippy::disallowed_methods, reason = "openssl takes the system's time as well")]
        let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let today = i64::try_from(today.as_millis()).unwrap();
        let after = |days: i64| Timestamp::from_millis(today + days * DAY_MS);
        let path = |name: &str| folder.path().join(name);
        let put = |name: &str| {
            for ending in ["pem", "key"] {
                std::fs::copy(path(&format!("{name}.{ending}")), path(&format!("tls.{ending}")))
                    .unwrap();
            }
        };
        put("long");
        let files = TlsFiles { certificate: path("tls.pem"), key: path("tls.key") };
        let tls = Tls::load(files, after(1)).unwrap();
        let first = tls.config();
        let ends_in = |days: i64| {
            let end = tls.ends_at().unwrap().as_millis() - today;
            // It was made a moment before or after today's time was taken.
            (end - days * DAY_MS).abs() < 10 * 60_000
        };
        assert!(ends_in(1_000));
        let is_first = || std::sync::Arc::ptr_eq(&first, &tls.config());

        put("short");
        let told = tls.reload(after(10)).unwrap_err().to_string();
        assert!(told.contains("tls.pem") && told.contains("expired"), "{told}");
        // The same bytes are told of once, and taken in as soon as they hold.
        assert!(!tls.reload(after(10)).unwrap() && is_first());
        assert!(tls.reload(after(1)).unwrap() && !is_first() && ends_in(2));

        // Where none holds, because it is too early or too late, the newest is as good as any.
        put("longer");
        assert!(tls.reload(after(-1)).unwrap());
        put("short");
        assert!(tls.reload(after(2_000)).unwrap());
    }
}
