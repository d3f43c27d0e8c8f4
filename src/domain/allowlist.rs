//! A project's list of addresses from which its keys may be used (KP-8).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::words::escaped;

/// Most entries of one list: every request is compared with each of them.
pub const MOST_ENTRIES: usize = 256;
/// Longest text of an entry: two IPv6 addresses with a dash.
const ENTRY_CHARS: usize = 2 * 45 + 1;

/// One entry: an address, a range `a-b`, or a block such as `10.0.0.0/8`.
///
/// IPv4 addresses that are written as IPv6 (`::ffff:10.0.0.1`) are taken for what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    first: IpAddr,
    last: IpAddr,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Single,
    Range,
    Block(u8),
}

/// The text is not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{shown}` is not an address, a range such as 10.0.0.1-10.0.0.9, or a block such as 10.0.0.0/8{why}"
)]
pub struct BadEntry {
    shown: String,
    why: String,
}

impl BadEntry {
    fn new(text: &str, why: impl Into<String>) -> Self {
        Self { shown: escaped(text, ENTRY_CHARS), why: why.into() }
    }
}

impl Entry {
    fn contains(&self, address: IpAddr) -> bool {
        // Addresses of different families are never within one another's bounds.
        match (self.first, self.last, address) {
            (IpAddr::V4(first), IpAddr::V4(last), IpAddr::V4(it)) => first <= it && it <= last,
            (IpAddr::V6(first), IpAddr::V6(last), IpAddr::V6(it)) => first <= it && it <= last,
            _ => false,
        }
    }

    fn block(text: &str, address: &str, prefix: &str) -> Result<Self, BadEntry> {
        let bad = || BadEntry::new(text, "");
        let written: IpAddr = address.parse().map_err(|_| bad())?;
        let digits = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix: u8 =
            if digits { prefix.parse().map_err(|_| bad())? } else { return Err(bad()) };
        let first = written.to_canonical();
        // `::ffff:10.0.0.0/104` is `10.0.0.0/8`; shorter prefixes reach beyond IPv4.
        let mapped = written.is_ipv6() && first.is_ipv4();
        let prefix = if mapped { prefix.checked_sub(96).ok_or_else(bad)? } else { prefix };
        let (network, last): (IpAddr, IpAddr) = match first {
            IpAddr::V4(it) if prefix <= 32 => {
                let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                let bits = it.to_bits();
                (
                    Ipv4Addr::from_bits(bits & !hosts).into(),
                    Ipv4Addr::from_bits(bits | hosts).into(),
                )
            }
            IpAddr::V6(it) if prefix <= 128 => {
                let hosts = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
                let bits = it.to_bits();
                (
                    Ipv6Addr::from_bits(bits & !hosts).into(),
                    Ipv6Addr::from_bits(bits | hosts).into(),
                )
            }
            _ => return Err(bad()),
        };
        if network != first {
            return Err(BadEntry::new(text, format!(": that block begins at {network}")));
        }
        Ok(Self { first, last, form: Form::Block(prefix) })
    }

    fn range(text: &str, first: &str, last: &str) -> Result<Self, BadEntry> {
        let bad = || BadEntry::new(text, "");
        let first = first.parse::<IpAddr>().map_err(|_| bad())?.to_canonical();
        let last = last.parse::<IpAddr>().map_err(|_| bad())?.to_canonical();
        if first.is_ipv4() != last.is_ipv4() {
            return Err(BadEntry::new(text, ": both ends must be of one family"));
        }
        if first > last {
            return Err(BadEntry::new(text, ": its end lies before its beginning"));
        }
        Ok(Self { first, last, form: Form::Range })
    }
}

impl FromStr for Entry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        // The length bounds the work before anything is looked at.
        if text.len() > ENTRY_CHARS {
            return Err(BadEntry::new(text, ""));
        }
        if let Some((address, prefix)) = text.split_once('/') {
            return Self::block(text, address, prefix);
        }
        if let Some((first, last)) = text.split_once('-') {
            return Self::range(text, first, last);
        }
        let only = text.parse::<IpAddr>().map_err(|_| BadEntry::new(text, ""))?.to_canonical();
        Ok(Self { first: only, last: only, form: Form::Single })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            Form::Single => self.first.fmt(f),
            Form::Range => write!(f, "{}-{}", self.first, self.last),
            Form::Block(prefix) => write!(f, "{}/{prefix}", self.first),
        }
    }
}

/// Where keys may be used from; an empty list admits all. As text it is its entries with spaces
/// between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowlist(Vec<Entry>);

/// Too many entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an allowlist has at most {MOST_ENTRIES} entries; name ranges or blocks instead")]
pub struct TooLong;

/// The text is not an allowlist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAllowlist {
    /// One of its entries can't be read.
    #[error(transparent)]
    Entry(#[from] BadEntry),
    /// It has too many.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

impl Allowlist {
    /// A list of these entries, each once.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Result<Self, TooLong> {
        let mut list = Vec::new();
        for entry in entries {
            if list.contains(&entry) {
                continue;
            }
            if list.len() == MOST_ENTRIES {
                return Err(TooLong);
            }
            list.push(entry);
        }
        Ok(Self(list))
    }

    /// Its entries, in the order given.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Whether it admits everybody.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a caller from this address may come in; an unknown address is not a listed one.
    #[must_use]
    pub fn admits(&self, source: Option<IpAddr>) -> bool {
        self.is_open()
            || source.is_some_and(|source| {
                let source = source.to_canonical();
                self.0.iter().any(|entry| entry.contains(source))
            })
    }
}

impl fmt::Display for Allowlist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.0.iter().map(Entry::to_string).collect();
        f.write_str(&entries.join(" "))
    }
}

impl FromStr for Allowlist {
    type Err = BadAllowlist;

    fn from_str(text: &str) -> Result<Self, BadAllowlist> {
        let entries = text.split_whitespace().map(Entry::from_str);
        Ok(Self::new(entries.collect::<Result<Vec<_>, _>>()?)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admits(list: &str, source: &str) -> bool {
        list.parse::<Allowlist>().unwrap().admits(Some(source.parse().unwrap()))
    }

    #[test]
    fn kp_8_an_empty_list_admits_all_and_any_other_only_what_it_names() {
        assert!(Allowlist::default().admits(None) && admits("", "8.8.8.8"));
        for (list, inside, outside) in [
            ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("10.0.0.7-10.0.1.1", "10.0.1.0", "10.0.1.2"),
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("10.0.0.7/32", "10.0.0.7", "10.0.0.6"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("2001:db8::1-2001:db8::ff", "2001:db8::a", "2001:db8::100"),
            ("8.8.8.8 10.0.0.0/8", "10.1.1.1", "9.9.9.9"),
        ] {
            assert!(admits(list, inside), "{list} admits {inside}");
            assert!(!admits(list, outside), "{list} refuses {outside}");
            assert!(!list.parse::<Allowlist>().unwrap().admits(None), "{list}");
        }
    }

    #[test]
    fn kp_8_mapped_addresses_are_compared_as_what_they_are() {
        assert!(admits("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(admits("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(admits("::ffff:10.0.0.1-::ffff:10.0.0.9", "10.0.0.5"));
        assert!(admits("::ffff:10.0.0.0/104", "10.9.9.9"));
        assert!(!admits("::ffff:10.0.0.0/104", "11.0.0.0"));
        assert!(!admits("::/0", "::ffff:10.0.0.1"));
        assert!("::ffff:10.0.0.0/95".parse::<Entry>().is_err());
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        let long = "1".repeat(10_000);
        for bad in [
            "",
            "10",
            "10.0.0",
            "10.0.0.256",
            "010.0.0.1",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/008/1",
            "10.0.0.1/8",
            "::1/129",
            "2001:db8::1/32",
            "a-b",
            "10.0.0.9-10.0.0.1",
            "10.0.0.1-::1",
            "10.0.0.1-",
            "-10.0.0.1",
            "fe80::1%eth0",
            "localhost",
            "10.0.0.1 ",
            "10.0.0.1,10.0.0.2",
            "*",
            long.as_str(),
        ] {
            let error = bad.parse::<Entry>().unwrap_err().to_string();
            assert!(error.len() < 300, "{error}");
        }
        let error = "10.1.2.3/8".parse::<Entry>().unwrap_err().to_string();
        assert!(error.ends_with(": that block begins at 10.0.0.0"), "{error}");
    }

    #[test]
    fn entries_come_once_each_and_are_bounded() {
        let entries = |count: u32| {
            (0..count).map(|n| Ipv4Addr::from_bits(n).to_string().parse::<Entry>().unwrap())
        };
        assert_eq!("10.0.0.1 ::ffff:10.0.0.1".parse::<Allowlist>().unwrap().entries().len(), 1);
        assert!(Allowlist::new(entries(256).chain(entries(256))).is_ok());
        assert_eq!(Allowlist::new(entries(257)), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_crash_and_shown_as_it_is_read(text in "[0-9a-f:./-]{0,60}|.{0,60}") {
            if let Ok(list) = text.parse::<Allowlist>() {
                prop_assert_eq!(list.to_string().parse(), Ok(list));
            }
        }

        #[test]
        fn a_block_holds_exactly_the_addresses_with_its_prefix(address: u32, other: u32, prefix in 0_u8..=32) {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            let network = Ipv4Addr::from_bits(address & mask);
            let list: Allowlist = format!("{network}/{prefix}").parse().unwrap();
            let inside = other & mask == address & mask;
            prop_assert_eq!(list.admits(Some(Ipv4Addr::from_bits(other).into())), inside);
            prop_assert!(list.admits(Some(Ipv4Addr::from_bits(address).into())));
        }
    }
}
