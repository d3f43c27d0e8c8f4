//! What a PostgreSQL address asks of TLS: `sslmode` and `sslrootcert`, as libpq spells them.
//!
//! The driver knows three modes and no root certificates, so both are taken out of the address
//! before it sees it. No mode is weaker than in libpq. `prefer` and `require` are stronger: where
//! TLS is used, the certificate is always checked, also its name.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::store::{Result, StoreError, Told};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) mode: Mode,
    roots: Roots,
}

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    /// TLS where the server has it.
    Prefer,
    Require,
    /// The certificate must be signed by a root; whose name it has does not matter.
    VerifyCa,
    VerifyFull,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Roots {
    System,
    File(PathBuf),
}

/// The error for an address that can't be understood.
pub(super) fn malformed(message: &str) -> StoreError {
    let hint = "write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require";
    StoreError::Unreadable(Told::new(message, hint))
}

impl Tls {
    /// Takes out of an address what it says about TLS. As in the driver, the last word counts, and
    /// nothing of the address is repeated in an error: it may hold a password.
    pub(super) fn split_off(url: &str) -> Result<(String, Self)> {
        let mut tls = Self { mode: Mode::Prefer, roots: Roots::System };
        // A password may have a question mark; it ends at the first `@`.
        let start = url.find('@').unwrap_or_default();
        let Some(at) = url[start..].find('?') else { return Ok((url.to_owned(), tls)) };
        let (front, query) = (&url[..start + at], &url[start + at + 1..]);
        let (mut kept, mut system) = (Vec::new(), false);
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match decoded(key).as_str() {
                "sslmode" => tls.mode = Mode::of(&decoded(value))?,
                "sslrootcert" => {
                    let value = decoded(value);
                    system = value == "system";
                    tls.roots = match value.as_str() {
                        "" | "system" => Roots::System,
                        path => Roots::File(path.into()),
                    };
                }
                _ => kept.push(pair),
            }
        }
        // As libpq has it: who trusts every public root has to look at the name.
        if system && tls.mode == Mode::VerifyCa {
            return Err(malformed("sslrootcert=system needs sslmode=verify-full"));
        }
        let query = kept.join("&");
        let url = if query.is_empty() { front.to_owned() } else { format!("{front}?{query}") };
        Ok((url, tls))
    }

    /// What to try where the server's certificate is not trusted.
    pub(super) fn hint(&self) -> String {
        match &self.roots {
            Roots::System => "add &sslrootcert=FILE with the certificate of the authority that \
                              signed the server's; sslmode=verify-ca accepts any host name"
                .to_owned(),
            Roots::File(path) => format!(
                "see that {} has the certificate of the authority that signed the server's; \
                 sslmode=verify-ca accepts any host name",
                path.display()
            ),
        }
    }

    /// How to talk TLS.
    pub(super) fn client(&self) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = Arc::new(self.roots()?);
        let refuse = |error: rustls::Error| StoreError::Other(error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(refuse)?;
        if self.mode != Mode::VerifyCa {
            return Ok(builder.with_root_certificates(roots).with_no_client_auth());
        }
        let verifier = Arc::new(AnyName { roots, provider });
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let Roots::File(path) = &self.roots else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            return Ok(roots);
        };
        let bad = |why: String| {
            let message = format!("sslrootcert {} {why}", path.display());
            StoreError::Unreadable(Told::new(message, "name a file of certificates in PEM form"))
        };
        let read = CertificateDer::pem_file_iter(path).map_err(|error| bad(cant_read(&error)))?;
        for certificate in read {
            let certificate = certificate.map_err(|error| bad(cant_read(&error)))?;
            roots.add(certificate).map_err(|error| bad(format!("can't be used: {error}")))?;
        }
        if roots.is_empty() {
            return Err(bad("has no certificate".to_owned()));
        }
        Ok(roots)
    }
}

/// Percent signs as the driver reads them; a plus stays one.
fn decoded(text: &str) -> String {
    let text = format!("={}", text.replace('+', "%2B"));
    let pair = url::form_urlencoded::parse(text.as_bytes()).next();
    pair.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn cant_read(error: &rustls::pki_types::pem::Error) -> String {
    format!("can't be read: {error}")
}

impl Mode {
    fn of(text: &str) -> Result<Self> {
        Ok(match text {
            "disable" => Self::Disable,
            // `allow` tries without TLS first; what it accepts, `prefer` does too.
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                let known = "disable, allow, prefer, require, verify-ca or verify-full";
                return Err(malformed(&format!("sslmode is none of {known}")));
            }
        })
    }
}

/// Checks everything about a server's certificate but its name.
#[derive(Debug)]
struct AnyName {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let known = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            known,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Roots, Tls};

    fn split(url: &str) -> (String, Mode, Roots) {
        let (url, tls) = Tls::split_off(url).unwrap();
        (url, tls.mode, tls.roots)
    }

    #[test]
    fn what_libpq_knows_is_taken_out_of_the_address() {
        let plain = "postgres://u:p%3F@h/d";
        for (query, mode) in [
            ("", Mode::Prefer),
            ("?sslmode=disable", Mode::Disable),
            ("?sslmode=allow", Mode::Prefer),
            ("?sslmode=prefer", Mode::Prefer),
            ("?sslmode=require", Mode::Require),
            ("?sslmode=verify-ca", Mode::VerifyCa),
            ("?sslmode=verify-full", Mode::VerifyFull),
            ("?sslmode=verify%2Dfull", Mode::VerifyFull),
            ("?ssl%6Dode=verify-full", Mode::VerifyFull),
            ("?sslmode=disable&sslmode=verify-full", Mode::VerifyFull),
        ] {
            assert_eq!(split(&format!("{plain}{query}")), (plain.into(), mode, Roots::System));
        }
        let full = "postgres://u:p?@h/d?host=a&sslmode=verify-ca&sslrootcert=/a%20+b&user=c";
        let file = Roots::File("/a +b".into());
        assert_eq!(split(full), ("postgres://u:p?@h/d?host=a&user=c".into(), Mode::VerifyCa, file));
        assert_eq!(split("postgres://h/d?sslrootcert=system").2, Roots::System);
    }

    #[test]
    fn an_unknown_word_is_refused_and_not_repeated() {
        for query in ["sslmode=s3cret", "sslmode=", "sslmode", "sslmode=VERIFY-FULL"] {
            let error = Tls::split_off(&format!("postgres://h/d?{query}")).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("verify-full") && !text.contains("s3cret"), "{text}");
        }
        let system = "postgres://h/d?sslmode=verify-ca&sslrootcert=system";
        assert!(Tls::split_off(system).is_err());
    }

    #[test]
    fn a_root_certificate_that_is_none_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let address = |path: &str| format!("postgres://h/d?sslmode=require&sslrootcert={path}");
        for path in [file.path().to_str().unwrap(), "/nonexistent"] {
            let (_, tls) = Tls::split_off(&address(path)).unwrap();
            let error = tls.client().unwrap_err().to_string();
            assert!(error.contains(path), "{error}");
        }
    }
}
