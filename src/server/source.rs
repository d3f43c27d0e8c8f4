//! Where a request comes from: the peer, or what a proxy that is trusted says of it.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// Proxies in a row that are looked through.
const HOPS: usize = 16;

/// The address that a request comes from. The header is read from its end, where the nearest proxy
/// writes: what a client put there itself stands further to the front.
pub(super) fn source(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut source = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if trusted.is_empty() || !is_trusted(&source) {
        return source;
    }
    let named = headers.get_all("x-forwarded-for").iter().rev();
    let named = named.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    for text in named.take(HOPS) {
        let Some(address) = address(text.trim()) else { return source };
        source = address;
        if !is_trusted(&source) {
            return source;
        }
    }
    source
}

/// An address as proxies write it, some with a port.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok();
    let with_port = || Some(text.parse::<std::net::SocketAddr>().ok()?.ip());
    plain.or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, header: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in header {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        source(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_header_counts_only_from_proxies_that_are_trusted() {
        let ten = &["10.0.0.0/8"];
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"], &[]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"], ten), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9"], ten), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.0.0.2"], ten), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "203.0.113.9"], ten), "203.0.113.9");
        assert_eq!(seen("::ffff:10.0.0.1", &["203.0.113.9:443"], ten), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["unknown, 10.0.0.7"], ten), "10.0.0.7");
        assert_eq!(seen("10.0.0.1", &[], ten), "10.0.0.1");
    }
}
