//! How long a session is to last.

use std::{fmt, str::FromStr, time::Duration};

use crate::{ParseError, SignedDuration};

/// A session's lifetime in whole seconds, written `15m`, `1h`, `12h` or `3600s`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionDuration(u32);

impl SessionDuration {
    /// One hour: the default of `AssumeRole`, and its cap under role chaining.
    pub const HOUR: Self = Self(3_600);

    /// A lifetime of so many seconds.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The lifetime in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl From<SessionDuration> for SignedDuration {
    fn from(duration: SessionDuration) -> Self {
        Self::from_secs(i64::from(duration.0))
    }
}

impl From<SessionDuration> for Duration {
    fn from(duration: SessionDuration) -> Self {
        Self::from_secs(u64::from(duration.0))
    }
}

impl FromStr for SessionDuration {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || {
            ParseError::new("duration", format!("`{text}` is not a duration such as `15m`, `1h` or `12h`"))
        };
        let (number, unit) = match text.char_indices().next_back() {
            Some((at, 's')) => (text.get(..at), 1),
            Some((at, 'm')) => (text.get(..at), 60),
            Some((at, 'h')) => (text.get(..at), 3_600),
            _ => (None, 1),
        };
        let digits = number.filter(|n| n.bytes().all(|b| b.is_ascii_digit())).ok_or_else(wrong)?;
        let number: u32 = digits.parse().map_err(|_| wrong())?;
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for SessionDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s if s >= 3_600 && s % 3_600 == 0 => write!(f, "{}h", s / 3_600),
            s if s >= 60 && s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

impl fmt::Debug for SessionDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip() {
        for (text, seconds) in [("15m", 900), ("1h", 3_600), ("90m", 5_400), ("36h", 129_600), ("7s", 7)] {
            let duration: SessionDuration = text.parse().unwrap();
            assert_eq!(duration.seconds(), seconds);
            assert_eq!(duration.to_string(), text);
        }
        for bad in ["", "h", "12", "1.5h", "-1h", "1d", "4294967295h", "1h30m", "é"] {
            assert!(bad.parse::<SessionDuration>().is_err(), "{bad}");
        }
    }
}
