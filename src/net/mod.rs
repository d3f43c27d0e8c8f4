//! The one HTTP client builder: trust, time-outs, proxies, redirects. It makes no call.

pub mod guard;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{HubError, codes};

/// Longest time to reach the other side: name, connection and TLS handshake.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a connection that nobody uses is kept.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// What this program calls itself.
const USER_AGENT: &str = concat!("hubctl/", env!("CARGO_PKG_VERSION"));

/// How the other side is reached. Nothing here is taken from the environment by itself.
#[derive(Clone, Default)]
pub struct Options {
    /// Longest time that the connection may take, if it is shorter than the built-in ten seconds.
    pub connect_timeout: Option<Duration>,
    /// PEM file of the certificates to trust, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What names that file, in words.
    pub ca_from: Option<String>,
    /// Proxy for `https://`.
    pub https_proxy: Option<String>,
    /// Proxy for `http://`.
    pub http_proxy: Option<String>,
    /// Hosts that are reached without a proxy, comma-separated.
    pub no_proxy: Option<String>,
    /// Whether `https://` is spoken: only then are certificates loaded.
    pub needs_tls: bool,
    /// Whether answers may come compressed.
    pub gzip: bool,
    /// Looks up names, and may refuse what they stand for; the system's resolver where there is
    /// none.
    pub resolver: Option<Arc<dyn reqwest::dns::Resolve>>,
    /// Who this program is to the other side, where that asks for a certificate.
    pub identity: Option<Identity>,
    /// Whether answers tell how they were encrypted, with the other side's certificate.
    pub tells_tls: bool,
}

/// A client certificate and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those that lead to a root (PEM).
    pub certificate: String,
    /// Its private key (PEM).
    pub private_key: zeroize::Zeroizing<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl Options {
    /// Which certificates are trusted, and what says so.
    #[must_use]
    pub fn roots(&self) -> String {
        match (&self.ca_file, &self.ca_from) {
            (None, _) => "now the system's certificates are trusted".to_owned(),
            (Some(file), from) => {
                let from = from.as_deref().unwrap_or("--cacert");
                format!("now the certificates of {} are trusted, from {from}", file.display())
            }
        }
    }

    /// The host of the proxy that calls go through, `plain` ones without encryption; none where
    /// there is no proxy or its address is not one.
    #[must_use]
    pub fn proxy_host(&self, plain: bool) -> Option<String> {
        let address = if plain { &self.http_proxy } else { &self.https_proxy };
        proxy_url(address.as_deref()?)?.host_str().map(str::to_owned)
    }

    /// The proxy that calls of this address go through, without its user name and password; none
    /// where they go past it.
    #[must_use]
    pub fn proxy_of(&self, url: &url::Url) -> Option<String> {
        let address =
            |proxy: Option<&str>| proxy.and_then(proxy_url).map(String::from).unwrap_or_default();
        // What the HTTP client itself asks.
        let proxies = Matcher::builder()
            .https(address(self.https_proxy.as_deref()))
            .http(address(self.http_proxy.as_deref()))
            .no(self.no_proxy.as_deref().unwrap_or_default())
            .build();
        let proxy = proxies.intercept(&url.as_str().parse().ok()?)?;
        Some(proxy.uri().to_string().trim_end_matches('/').to_owned())
    }
}

/// Proxies are left out: their addresses may have passwords.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("connect_timeout", &self.connect_timeout)
            .field("ca_file", &self.ca_file)
            .field("needs_tls", &self.needs_tls)
            .finish_non_exhaustive()
    }
}

/// What `client` makes, for those who do not name the library.
pub type HttpClient = reqwest::Client;

/// An HTTP client. It follows no redirect, since the caller's credentials are in its requests;
/// sizes of bodies and total times are bounded where the bodies are read.
///
/// # Errors
/// `net.bad_ca_file`, `net.no_roots`, `net.bad_proxy`, `net.bad_identity`.
pub fn client(options: &Options) -> Result<HttpClient, HubError> {
    let connect = options.connect_timeout.unwrap_or(CONNECT_LIMIT).min(CONNECT_LIMIT);
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE_LIMIT)
        .tcp_keepalive(Duration::from_secs(15))
        .tcp_nodelay(true)
        .gzip(options.gzip)
        .tls_info(options.tells_tls)
        // Proxies come from the options alone.
        .no_proxy()
        .tls_backend_preconfigured(tls(options)?);
    let exempt = options.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
    if let Some(address) = &options.https_proxy {
        builder =
            builder.proxy(proxy(address, |a| reqwest::Proxy::https(a))?.no_proxy(exempt.clone()));
    }
    if let Some(address) = &options.http_proxy {
        builder = builder.proxy(proxy(address, |a| reqwest::Proxy::http(a))?.no_proxy(exempt));
    }
    if !options.needs_tls {
        // Only HTTP/2 says which requests were not looked at, and that takes TLS: no copies for it.
        builder = builder.retry(reqwest::retry::never().max_retries_per_request(0));
    }
    if let Some(resolver) = &options.resolver {
        builder = builder.dns_resolver(Arc::clone(resolver));
    }
    builder.build().map_err(HubError::internal("the HTTP client can't be made"))
}

/// The address is not repeated in the error: it may have a password.
fn proxy(
    address: &str,
    make: impl Fn(&str) -> reqwest::Result<reqwest::Proxy>,
) -> Result<reqwest::Proxy, HubError> {
    let bad = || {
        HubError::new(&codes::NET_BAD_PROXY, "the address of the proxy is not one")
            .hint("write it as http://proxy.example.com:3128, in HTTPS_PROXY")
    };
    let url = proxy_url(address).ok_or_else(bad)?;
    make(url.as_str()).map_err(|_| bad())
}

/// The address of a proxy, which may leave out its scheme.
fn proxy_url(address: &str) -> Option<url::Url> {
    let full =
        if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url: url::Url = full.parse().ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(url)
}

fn tls(options: &Options) -> Result<rustls::ClientConfig, HubError> {
    let roots = if options.needs_tls { roots(options)? } else { rustls::RootCertStore::empty() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(HubError::internal("TLS can't be set up"))?;
    let config = config.with_root_certificates(roots);
    let mut config = match &options.identity {
        Some(identity) => with_identity(config, identity)?,
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// What is wrong with it is told without repeating any of it.
fn with_identity(
    config: rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert>,
    identity: &Identity,
) -> Result<rustls::ClientConfig, HubError> {
    let bad = |what: &str| {
        HubError::new(&codes::NET_BAD_IDENTITY, format!("the client certificate: {what}"))
            .hint("give the certificate and its unencrypted private key, both as PEM")
    };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect();
    let chain = chain.map_err(|_| bad("it is not PEM"))?;
    if chain.is_empty() {
        return Err(bad("no certificate is in it"));
    }
    let key = PrivateKeyDer::from_pem_slice(identity.private_key.as_bytes())
        .map_err(|_| bad("no private key is in the text of its key"))?;
    config
        .with_client_auth_cert(chain, key)
        .map_err(|_| bad("its private key is of another certificate or of an unknown kind"))
}

fn roots(options: &Options) -> Result<rustls::RootCertStore, HubError> {
    let mut roots = rustls::RootCertStore::empty();
    let Some(path) = &options.ca_file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let text = "the system has no certificates to check https:// addresses with";
            return Err(HubError::new(&codes::NET_NO_ROOTS, text)
                .hint("install ca-certificates, or name a file of them with --cacert FILE"));
        }
        return Ok(roots);
    };
    let bad = |why: String| {
        let text = format!("{}: {why}", path.display());
        let from = options.ca_from.as_deref().unwrap_or("--cacert");
        HubError::new(&codes::NET_BAD_CA_FILE, text)
            .hint(format!("--cacert takes a file of PEM certificates; this one is from {from}"))
    };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("no certificate is in it".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::{Options, client};

    #[test]
    fn a_bad_proxy_is_refused_without_repeating_its_password() {
        for address in
            ["http://user:hunter2@", "ftp://user:hunter2@proxy", "http://user:hunter2@[x"]
        {
            let options = Options { https_proxy: Some(address.to_owned()), ..Options::default() };
            let error = client(&options).unwrap_err();
            assert_eq!(error.code().name, "net.bad_proxy");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        let shown =
            format!("{:?}", Options { https_proxy: Some("hunter2".into()), ..Options::default() });
        assert!(!shown.contains("hunter2"), "{shown}");
        let fine = Options { https_proxy: Some("proxy:3128".into()), ..Options::default() };
        assert!(client(&fine).is_ok());
    }

    #[test]
    fn the_host_of_a_proxy_is_read_from_its_address() {
        let host = |address: &str| {
            let options = Options { https_proxy: Some(address.to_owned()), ..Options::default() };
            assert_eq!(options.proxy_host(true), None);
            options.proxy_host(false)
        };
        assert_eq!(host("Proxy:3128").as_deref(), Some("proxy"));
        assert_eq!(host("http://user:hunter2@proxy.:3128/").as_deref(), Some("proxy."));
        assert_eq!(host("https://10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(host("ftp://proxy"), None);
    }

    #[test]
    fn an_address_has_the_proxy_of_its_scheme_unless_it_is_exempt() {
        let options = Options {
            https_proxy: Some("user:hunter2@proxy:3128".to_owned()),
            http_proxy: Some("https://plain".to_owned()),
            no_proxy: Some("exempt.example, .inner.example,10.0.0.0/8".to_owned()),
            ..Options::default()
        };
        let proxy = |url: &str| options.proxy_of(&url.parse().unwrap());
        assert_eq!(proxy("https://hub.example/").as_deref(), Some("http://proxy:3128"));
        assert_eq!(proxy("http://hub.example:8080/api").as_deref(), Some("https://plain"));
        for past in ["https://exempt.example/", "http://a.inner.example/", "https://10.1.2.3:8/"] {
            assert_eq!(proxy(past), None, "{past}");
        }
        assert_eq!(Options::default().proxy_of(&"http://a/".parse().unwrap()), None);
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let options =
            Options { needs_tls: true, ca_file: Some(path.clone()), ..Options::default() };
        for content in [
            None,
            Some(""),
            Some("nothing"),
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ] {
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            let error = client(&options).unwrap_err();
            assert_eq!(error.code().name, "net.bad_ca_file", "{content:?}");
        }
    }
}
