//! The well-known forms of values, tested without expressions.

use crate::domain::connector::field::Format;

/// Whether the value has the form.
pub(super) fn fits(format: Format, value: &str) -> bool {
    match format {
        Format::Email => email(value),
        Format::Url => {
            let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
                && no_space(value)
                && url::Url::parse(value).is_ok_and(|url| url.host_str().is_some())
        }
        Format::Uri => value.split_once(':').is_some_and(|(scheme, rest)| {
            let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(fine)
                && !rest.is_empty()
                && no_space(rest)
        }),
        Format::Uuid => {
            let lengths = value.split('-').map(str::len);
            lengths.eq([8, 4, 4, 4, 12])
                && value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        }
        Format::Date => date(value),
        Format::Datetime => {
            value.split_once('T').is_some_and(|(day, time)| date(day) && time_of_day(time))
        }
    }
}

fn no_space(value: &str) -> bool {
    !value.chars().any(char::is_whitespace)
}

/// One `@`, something before it, and a dot within what follows.
fn email(value: &str) -> bool {
    let Some((user, domain)) = value.split_once('@') else { return false };
    let dot = domain.char_indices().any(|(at, c)| c == '.' && at > 0 && at + 1 < domain.len());
    !user.is_empty() && dot && !domain.contains('@') && no_space(value)
}

fn date(value: &str) -> bool {
    shape(value, "0000-00-00") && value.parse::<jiff::civil::Date>().is_ok()
}

/// `hh:mm:ss`, then an optional fraction, then an optional zone.
fn time_of_day(value: &str) -> bool {
    let Some((clock, rest)) = value.split_at_checked(8) else { return false };
    let below = |range: std::ops::Range<usize>, limit: u8| {
        clock.get(range).and_then(|text| text.parse::<u8>().ok()).is_some_and(|n| n < limit)
    };
    if !shape(clock, "00:00:00") || !below(0..2, 24) || !below(3..5, 60) || !below(6..8, 61) {
        return false;
    }
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
        None => rest,
    };
    let offset = zone.strip_prefix(['+', '-']);
    zone.is_empty()
        || zone == "Z"
        || offset.is_some_and(|text| shape(text, "00:00") || shape(text, "0000"))
}

/// Whether digits stand where the shape has zeros, and the same characters elsewhere.
fn shape(value: &str, shape: &str) -> bool {
    value.len() == shape.len()
        && value.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::{Format, fits};

    #[test]
    fn each_format_accepts_its_own_and_refuses_its_neighbours() {
        let cases: [(Format, &[&str], &[&str]); 6] = [
            (
                Format::Email,
                &["a@b.co", "a.b+c@d.e.f"],
                &["a@b", "@b.co", "a@b.", "a b@c.d", "a@@b.c"],
            ),
            (
                Format::Url,
                &["https://a.b", "http://a.b/c?d"],
                &["a.b", "https://", "https:///x", "https://a b"],
            ),
            (Format::Uri, &["urn:a:b", "https://a"], &["a", ":a", "urn:", "1a:b", "urn:a b"]),
            (
                Format::Uuid,
                &["0190F3A2-7c1e-7aaa-8bbb-0123456789ab"],
                &[
                    "0190f3a2",
                    "0190f3a2-7c1e-7aaa-8bbb-0123456789ag",
                    "0190f3a27c1e7aaa8bbb0123456789ab",
                ],
            ),
            (Format::Date, &["2026-02-28"], &["2026-02-30", "26-02-28", "2026-2-8", "2026-02-28T"]),
            (
                Format::Datetime,
                &["2026-02-28T09:00:00", "2026-02-28T09:00:00.5Z", "2026-02-28T09:00:00+02:00"],
                &[
                    "2026-02-28",
                    "2026-02-28T24:00:00",
                    "2026-02-28T09:00",
                    "2026-02-28T09:00:00.",
                    "2026-02-28T09:00:00 Z",
                ],
            ),
        ];
        for (format, fine, bad) in cases {
            for value in fine {
                assert!(fits(format, value), "{format:?} {value}");
            }
            for value in bad.iter().chain(&["", "é", "T", "éééé"]) {
                assert!(!fits(format, value), "{format:?} {value}");
            }
        }
    }
}
