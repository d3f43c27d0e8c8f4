//! Which addresses may be called: what is not public is refused unless the operator names its
//! network (threats 18, 19). It opens no connection.
//!
//! A literal address is judged in [`Guard::check`]; a name when it is looked up, by [`Guarded`],
//! whose answer is the very address that is dialled.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The networks that may be called although they are not public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    allowed: Arc<[IpNet]>,
}

/// Why an address is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is the address of something that is not public.
    #[error("{0} is not a public address")]
    Address(IpAddr),
    /// Without encryption only networks that the operator named are called.
    #[error("{0} would be called without encryption")]
    Plain(String),
    /// It is no address of a web server.
    #[error("this is not an address of a web server")]
    NotWeb,
    /// A user or password stands before the host.
    #[error("the address has a user name before its host")]
    User,
}

impl Guard {
    /// A guard that lets public addresses through, and these.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether any network is allowed beyond the public ones.
    #[must_use]
    pub fn allows_any(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Whether the operator named a network that holds the address.
    #[must_use]
    pub fn names(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.allowed.iter().any(|net| net.contains(&address) || net.contains(&plain))
    }

    /// Whether the address may be called; `plain` is for calls without encryption.
    ///
    /// # Errors
    /// When it may not.
    pub fn judge(&self, address: IpAddr, plain: bool) -> Result<(), Refused> {
        if self.names(address) {
            return Ok(());
        }
        if !is_public(address) {
            return Err(Refused::Address(address));
        }
        if plain { Err(Refused::Plain(address.to_string())) } else { Ok(()) }
    }

    /// Whether a whole address may be called, as far as that can be told before its host is looked
    /// up. Its host may be written in any way, since reading the address made it plain.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(Refused::NotWeb),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::User);
        }
        match url.host() {
            None | Some(Host::Domain("")) => Err(Refused::NotWeb),
            Some(Host::Ipv4(address)) => self.judge(address.into(), plain),
            Some(Host::Ipv6(address)) => self.judge(address.into(), plain),
            Some(Host::Domain(name)) if plain && !self.allows_any() => {
                Err(Refused::Plain(name.to_owned()))
            }
            // Whatever a resolver says, or does not, this name means the machine itself (RFC 6761).
            Some(Host::Domain(name)) if is_this_machine(name) => {
                let this = IpAddr::V4(Ipv4Addr::LOCALHOST);
                if self.allows_any() { Ok(()) } else { Err(Refused::Address(this)) }
            }
            Some(Host::Domain(_)) => Ok(()),
        }
    }

    /// Whether everything that a name stands for may be called: one bad address among good ones is
    /// enough to refuse, since nobody knows which one is dialled.
    ///
    /// # Errors
    /// When one of them may not.
    pub fn judge_all(&self, found: &[SocketAddr], plain: bool) -> Result<(), Refused> {
        found.iter().try_for_each(|address| self.judge(address.ip(), plain))
    }
}

/// Looks up names, and refuses those that stand for an address that may not be called.
pub struct Guarded {
    guard: Guard,
    plain: bool,
    /// The operator's own proxies: wherever they are, they may be dialled. Whether they are called
    /// as well is for others to ask before.
    exempt: Vec<String>,
    inner: Option<Arc<dyn Resolve>>,
}

impl Guarded {
    /// A resolver over `inner`, or over the system's. `plain` is for a client that speaks without
    /// encryption; the hosts of `exempt` are not judged.
    #[must_use]
    pub fn new(
        guard: Guard,
        plain: bool,
        exempt: Vec<String>,
        inner: Option<Arc<dyn Resolve>>,
    ) -> Self {
        Self { guard, plain, exempt, inner }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, plain) = (self.guard.clone(), self.plain);
        let exempt = self.exempt.iter().any(|host| host.eq_ignore_ascii_case(name.as_str()));
        let inner = self.inner.clone();
        Box::pin(async move {
            let found = look_up(name, inner).await?;
            if !exempt {
                guard.judge_all(&found, plain)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

async fn look_up(
    name: Name,
    inner: Option<Arc<dyn Resolve>>,
) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    if let Some(inner) = inner {
        return Ok(inner.resolve(name).await?.collect());
    }
    let found = tokio::net::lookup_host((name.as_str(), 0)).await;
    Ok(found.map_err(|_| NameUnknown)?.collect())
}

/// Nothing is known under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no machine is known by this name")]
pub struct NameUnknown;

/// Networks of IPv4 that are not public, with the bits of their prefix.
const CLOSED_V4: [([u8; 4], u32); 17] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Where clouds tell a machine its credentials.
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
    ([255, 255, 255, 255], 32),
];

/// Networks within the public range of IPv6 that are not public, or that wrap an IPv4 address:
/// Teredo and its neighbours, documentation, 6to4, documentation again.
const CLOSED_V6: [([u16; 2], u32); 4] =
    [([0x2001, 0], 23), ([0x2001, 0x0db8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

fn is_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !CLOSED_V4.iter().any(|(net, prefix)| {
        let mask = u32::MAX << (32 - prefix);
        bits & mask == u32::from(Ipv4Addr::from(*net)) & mask
    })
}

/// Only what lies in `2000::/3`: loopback, mapped and compatible addresses, NAT64, local, site-local
/// and multicast ones lie outside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let head = u32::from(first) << 16 | u32::from(second);
    first & 0xe000 == 0x2000
        && !CLOSED_V6.iter().any(|([one, two], prefix)| {
            let mask = u32::MAX << (32 - prefix);
            head & mask == (u32::from(*one) << 16 | u32::from(*two)) & mask
        })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use reqwest::dns::{Name, Resolve as _};
    use url::Url;

    use super::{Guard, Guarded, Refused, is_public};

    fn check(guard: &Guard, text: &str) -> Result<(), Refused> {
        guard.check(&Url::parse(text).unwrap())
    }

    #[test]
    fn threat_18_addresses_that_are_not_public_are_refused_in_every_notation() {
        let guard = Guard::default();
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "168.63.129.16",
            "0.0.0.0",
            "0.1.2.3",
            "198.18.0.1",
            "198.19.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "192.88.99.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "127.0.0.1.",
            "localhost",
            "LocalHost.",
            "a.localhost",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[::127.0.0.1]",
            "[::8.8.8.8]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::808:808]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2002:808:808::1]",
            "[2001::1]",
            "[2001:0:808:808::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[5f00::1]",
            "[100::1]",
        ] {
            let refused = check(&guard, &format!("https://{host}/x")).unwrap_err();
            assert!(matches!(refused, Refused::Address(_)), "{host}: {refused}");
        }
        for host in ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]"] {
            assert_eq!(check(&guard, &format!("https://{host}/x")), Ok(()), "{host}");
        }
    }

    #[test]
    fn what_is_not_a_plain_web_address_is_refused() {
        let guard = Guard::default();
        assert_eq!(check(&guard, "ftp://a.example/"), Err(Refused::NotWeb));
        assert_eq!(check(&guard, "file:///etc/passwd"), Err(Refused::NotWeb));
        assert_eq!(check(&guard, "https://u@a.example/"), Err(Refused::User));
        assert_eq!(check(&guard, "https://:p@a.example/"), Err(Refused::User));
        assert!(matches!(check(&guard, "http://a.example/"), Err(Refused::Plain(_))));
        assert!(matches!(check(&guard, "http://8.8.8.8/"), Err(Refused::Plain(_))));
    }

    #[test]
    fn a_named_network_is_let_through_and_no_other() {
        let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap(), "fd00::/16".parse().unwrap()]);
        for fine in [
            "http://127.0.0.1:8080/",
            "https://127.9.9.9/",
            "http://[fd00::5]/",
            "https://[::ffff:127.0.0.1]/",
        ] {
            assert_eq!(check(&guard, fine), Ok(()), "{fine}");
        }
        for bad in ["http://10.0.0.1/", "https://[::1]/", "https://[fd01::5]/", "http://8.8.8.8/"] {
            assert!(check(&guard, bad).is_err(), "{bad}");
        }
    }

    /// Stands for each name with what the test says.
    struct Told(Vec<&'static str>);

    impl reqwest::dns::Resolve for Told {
        fn resolve(&self, _: Name) -> reqwest::dns::Resolving {
            let told: Vec<SocketAddr> =
                self.0.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
            Box::pin(async move { Ok(Box::new(told.into_iter()) as reqwest::dns::Addrs) })
        }
    }

    async fn found(told: &[&'static str], plain: bool, exempt: &[&str]) -> Result<usize, Refused> {
        let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let exempt = exempt.iter().map(|host| (*host).to_owned()).collect();
        let inner = std::sync::Arc::new(Told(told.to_vec()));
        let resolver = Guarded::new(guard, plain, exempt, Some(inner));
        match resolver.resolve("a.example".parse().unwrap()).await {
            Ok(found) => Ok(found.count()),
            Err(error) => Err(error.downcast_ref::<Refused>().unwrap().clone()),
        }
    }

    #[tokio::test]
    async fn threat_19_a_name_is_judged_by_all_that_it_stands_for() {
        assert_eq!(found(&["8.8.8.8", "1.1.1.1"], false, &[]).await, Ok(2));
        for bad in ["10.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1"] {
            assert!(found(&["8.8.8.8", bad], false, &[]).await.is_err(), "{bad}");
            assert!(found(&[bad], false, &[]).await.is_err(), "{bad}");
        }
        assert_eq!(found(&["127.0.0.1"], true, &[]).await, Ok(1));
        assert!(found(&["8.8.8.8"], true, &[]).await.is_err());
        assert_eq!(found(&["10.0.0.1"], false, &["A.example"]).await, Ok(1));
    }

    #[test]
    fn documentation_networks_count_as_closed() {
        assert!(!is_public("2001:db8:1::".parse().unwrap()));
        assert!(is_public("2001:4860:4860::8888".parse().unwrap()));
        assert!(is_public("2003::1".parse().unwrap()));
    }
}
