//! Logos: pictures of bounded size, known by what is in them and not by what they are called.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// Largest picture, in bytes.
pub const LARGEST_BYTES: usize = 64 * 1024;

/// What a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Drawn by lines.
    Svg,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Svg, Self::Png, Self::Jpeg, Self::Webp];

    /// The word for it in the store.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    /// What it is called in `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else {
            std::str::from_utf8(bytes).ok().filter(|text| is_svg(text)).map(|_| Self::Svg)
        }
    }
}

/// Whether a text is a drawing: its first element is, and it is of the namespace without which no
/// browser shows it. Entities of its own are not taken: nothing that draws needs them.
fn is_svg(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let (end, inner) = if let Some(inner) = rest.strip_prefix("<?") {
            ("?>", inner)
        } else if let Some(inner) = rest.strip_prefix("<!--") {
            ("-->", inner)
        } else if let Some(inner) = rest.strip_prefix("<!DOCTYPE") {
            (">", inner)
        } else {
            break;
        };
        let Some((skipped, after)) = inner.split_once(end) else { return false };
        if end == ">" && skipped.contains('[') {
            return false;
        }
        rest = after.trim_start();
    }
    let after_name = |c: char| c.is_whitespace() || c == '>' || c == '/';
    let Some(inner) = rest.strip_prefix("<svg").filter(|rest| rest.starts_with(after_name)) else {
        return false;
    };
    let start = inner.split_once('>').map_or(inner, |(start, _)| start);
    start.contains("http://www.w3.org/2000/svg")
}

/// A picture that can't be a logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLogo {
    /// It is too large.
    #[error("a logo has at most {LARGEST_BYTES} bytes, this one has {0}")]
    TooLarge(usize),
    /// Nobody knows what it is.
    #[error("a logo is an SVG, PNG, JPEG or WebP picture, and this is none of them")]
    Unknown,
}

/// A picture that was looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    kind: Kind,
    bytes: Vec<u8>,
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({})", self.mark())
    }
}

impl Logo {
    /// Looks at a picture.
    ///
    /// # Errors
    /// When it is too large or no picture.
    pub fn read(bytes: Vec<u8>) -> Result<Self, BadLogo> {
        if bytes.len() > LARGEST_BYTES {
            return Err(BadLogo::TooLarge(bytes.len()));
        }
        let kind = Kind::of(&bytes).ok_or(BadLogo::Unknown)?;
        Ok(Self { kind, bytes })
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The picture itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What names it: another picture has another mark.
    #[must_use]
    pub fn mark(&self) -> LogoMark {
        let digest = Sha256::digest(&self.bytes);
        let mut hash = String::with_capacity(32);
        for byte in digest.iter().take(16) {
            _ = write!(hash, "{byte:02x}");
        }
        LogoMark { kind: self.kind, hash }
    }
}

/// What names a picture: its kind, and a hash of it in 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoMark {
    /// What the picture is.
    pub kind: Kind,
    hash: String,
}

impl LogoMark {
    /// The hash.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl fmt::Display for LogoMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.hash)
    }
}

/// The text is no mark of a logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no mark of a logo")]
pub struct BadMark;

impl FromStr for LogoMark {
    type Err = BadMark;

    fn from_str(text: &str) -> Result<Self, BadMark> {
        let (kind, hash) = text.split_once(':').ok_or(BadMark)?;
        let kind = Kind::ALL.into_iter().find(|one| one.as_str() == kind).ok_or(BadMark)?;
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hash.len() != 32 || !hash.bytes().all(digit) {
            return Err(BadMark);
        }
        Ok(Self { kind, hash: hash.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::{BadLogo, Kind, LARGEST_BYTES, Logo, LogoMark};

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>";

    fn kind(bytes: impl Into<Vec<u8>>) -> Option<Kind> {
        Logo::read(bytes.into()).ok().map(|logo| logo.kind())
    }

    #[test]
    fn pictures_are_known_by_what_is_in_them() {
        assert_eq!(kind(*b"\x89PNG\r\n\x1a\n..."), Some(Kind::Png));
        assert_eq!(kind([0xff, 0xd8, 0xff, 0xe0, 0]), Some(Kind::Jpeg));
        assert_eq!(kind(*b"RIFF\x10\0\0\0WEBPVP8 "), Some(Kind::Webp));
        assert_eq!(kind(SVG), Some(Kind::Svg));
        let before = [
            "\u{feff}",
            "  \n",
            "<?xml version=\"1.0\"?>\n",
            "<!-- <svg> -->",
            "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"x.dtd\">",
        ];
        for before in before {
            assert_eq!(kind(format!("{before}{SVG}")), Some(Kind::Svg), "{before}");
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let no_svg = [
            "",
            "<",
            "<svg",
            "<svg>",
            "<svgx xmlns=\"http://www.w3.org/2000/svg\">",
            "<html><svg xmlns=\"http://www.w3.org/2000/svg\"/></html>",
            "<svg/><x xmlns=\"http://www.w3.org/2000/svg\"/>",
            "<!-- <svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            "GIF89a",
            "%PDF-1.7",
        ];
        for text in no_svg {
            assert_eq!(kind(text), None, "{text}");
        }
        let entities = format!("<!DOCTYPE svg [<!ENTITY a \"b\">]>{SVG}");
        assert_eq!(kind(entities), None);
        assert_eq!(kind(*b"RIFF\x10\0\0\0WAVE"), None);
        assert_eq!(kind([0xff, 0xfe, b'<', 0]), None);
        let largest = format!("{SVG}{}", " ".repeat(LARGEST_BYTES - SVG.len()));
        assert_eq!(kind(largest.clone()), Some(Kind::Svg));
        let error = Logo::read(format!("{largest} ").into_bytes()).unwrap_err();
        assert_eq!(error, BadLogo::TooLarge(LARGEST_BYTES + 1));
    }

    #[test]
    fn a_mark_is_read_as_it_is_written_and_names_one_picture() {
        let mark = Logo::read(SVG.into()).unwrap().mark();
        assert_eq!(mark.to_string().parse(), Ok(mark.clone()));
        assert_ne!(Logo::read(format!("{SVG} ").into()).unwrap().mark(), mark);
        let upper = mark.to_string().to_uppercase();
        for bad in ["", "svg", "svg:", "gif:00", &upper, &format!("{mark}0")] {
            assert!(bad.parse::<LogoMark>().is_err(), "{bad}");
        }
    }
}
