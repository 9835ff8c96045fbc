//! Numbers, dates, addresses and bytes as the operators compare them.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use jiff::{Timestamp, civil, tz::TimeZone};

/// An integer or decimal number, exact to eighteen places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(i128);

impl Number {
    const PLACES: usize = 18;
    const MAX_DIGITS: usize = 19;
    /// The number 1 in units of the last place.
    pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;

    /// The number in units of its last place.
    pub(crate) const fn scaled(self) -> i128 {
        self.0
    }

    /// The number that is so many units of the last place.
    pub(crate) const fn from_scaled(scaled: i128) -> Self {
        Self(scaled)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        if whole.len() > Self::MAX_DIGITS || fraction.len() > Self::PLACES {
            return None;
        }
        let padding = std::iter::repeat_n(b'0', Self::PLACES - fraction.len());
        let mut sum: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
            sum = sum * 10 + i128::from(char::from(digit).to_digit(10)?);
        }
        Some(Self(if negative { -sum } else { sum }))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / Self::ONE, self.0.abs() % Self::ONE);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:018}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// A date: "one of the W3C implementations of the ISO 8601 date formats or epoch (UNIX) time"
/// (*IAM User Guide*, Date condition operators).
///
/// A date without a time is its first moment in UTC; AWS does not say.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let local = match text.len() {
        // `2026-11`
        7 => {
            let (year, month) = text.split_once('-')?;
            civil::Date::new(year.parse().ok()?, month.parse().ok()?, 1)
                .ok()?
                .to_datetime(civil::Time::midnight())
        }
        10 => text.parse::<civil::Date>().ok()?.to_datetime(civil::Time::midnight()),
        _ => text.parse::<civil::DateTime>().ok()?,
    };
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// An address block; an address alone is a block of one.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    IpNet::from_str(text).ok().or_else(|| address(text).map(IpNet::from))
}

pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Whether two Base64 texts hold the same bytes; none where one of them is no Base64.
pub(crate) fn same_bytes(left: &str, right: &str) -> Option<bool> {
    is_base64(left)?;
    is_base64(right)?;
    Some(bytes(left).eq(bytes(right)))
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

fn is_base64(text: &str) -> Option<()> {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let whole = padding == 0 || text.len().is_multiple_of(4);
    let good = padding <= 2 && whole && body.len() % 4 != 1 && body.bytes().all(|b| sextet(b).is_some());
    good.then_some(())
}

fn bytes(text: &str) -> impl Iterator<Item = u8> {
    let mut left = text.trim_end_matches('=').bytes();
    let mut buffer = 0_u32;
    let mut bits = 0;
    std::iter::from_fn(move || {
        while bits < 8 {
            buffer = ((buffer & 0xff) << 6) | sextet(left.next()?)?;
            bits += 6;
        }
        bits -= 8;
        u8::try_from((buffer >> bits) & 0xff).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value() {
        for (a, b) in [
            ("1", "1.0"),
            ("0010", "10"),
            ("-0", "0"),
            ("+3.50", "3.5"),
            ("3600", "3600.000"),
            (".5", "0.50"),
            ("1.", "1"),
        ] {
            assert_eq!(Number::parse(a).unwrap(), Number::parse(b).unwrap(), "{a} {b}");
        }
        for (less, more) in
            [("-2", "-1.5"), ("9", "10"), ("0.1", "0.11"), ("9007199254740992", "9007199254740993")]
        {
            assert!(Number::parse(less).unwrap() < Number::parse(more).unwrap(), "{less} {more}");
        }
        for bad in ["", "-", ".", "-.", "1e3", "0x10", " 1", "1 ", "１", "99999999999999999999"] {
            assert_eq!(Number::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_iso_or_epoch() {
        // IAM User Guide, Condition operators, Date: ISO 8601 "or in epoch (UNIX) time".
        let noon = date("2026-02-17T12:00:00Z").unwrap();
        for same in
            ["1771329600", "2026-02-17T13:00:00+01:00", "2026-02-17T12:00Z", "2026-02-17T12:00:00.000Z"]
        {
            assert_eq!(date(same), Some(noon), "{same}");
        }
        assert_eq!(date("2026-02-17"), date("2026-02-17T00:00:00Z"));
        assert_eq!(date("2026-02"), date("2026-02-01T00:00:00Z"));
        for bad in ["", "soon", "2026-13-01", "99999999999999999999", "2026-02-30T00:00:00Z", "-"] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn base64_compares_bytes() {
        assert_eq!(same_bytes("QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA"), Some(true));
        assert_eq!(same_bytes("AAAA", "AAAB"), Some(false));
        assert_eq!(same_bytes("", ""), Some(true));
        assert_eq!(same_bytes("A", "AAAA"), None);
        assert_eq!(same_bytes("AAAA", "A A="), None);
    }
}
