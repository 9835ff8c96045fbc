//! How long a sealing key lives.

use postern_types::{SignedDuration, Timestamp};

/// Until when a key is held, and how long it may lie unused before that. It is held beside the key, so that
/// whoever uses the key need read no settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The last second, counted as Unix does.
    until: i64,
    /// Seconds without use; zero for no such limit.
    idle: i64,
}

impl Lease {
    pub(crate) const LEN: usize = 16;

    pub(crate) fn new(until: Timestamp, idle: Option<SignedDuration>) -> Self {
        Self { until: until.as_second(), idle: idle.map_or(0, |idle| idle.as_secs().max(1)) }
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (until, idle) = bytes.split_at_mut(8);
        until.copy_from_slice(&self.until.to_be_bytes());
        idle.copy_from_slice(&self.idle.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let ([until, idle], _) = bytes.as_chunks::<8>() else {
            return Self { until: 0, idle: 0 };
        };
        Self { until: i64::from_be_bytes(*until), idle: i64::from_be_bytes(*idle) }
    }

    pub(crate) fn ends_when_idle(self) -> bool {
        self.idle > 0
    }

    /// The second in which a key ends that was used last in this one.
    pub(crate) fn end(self, used: i64) -> i64 {
        if self.idle > 0 { self.until.min(used.saturating_add(self.idle)) } else { self.until }
    }

    /// How long a key lives that is used now; none where its time is over.
    pub(crate) fn left(self, now: i64) -> Option<SignedDuration> {
        let left = self.end(now).saturating_sub(now);
        (left > 0).then(|| SignedDuration::from_secs(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_at_its_time_or_when_nobody_uses_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let plain = Lease::new(at(1_000), None);
        assert_eq!((plain.end(100), plain.ends_when_idle()), (1_000, false));
        assert_eq!(plain.left(400), Some(SignedDuration::from_secs(600)));
        let idle = Lease::new(at(1_000), Some(SignedDuration::from_secs(60)));
        assert_eq!((idle.end(100), idle.end(990), idle.ends_when_idle()), (160, 1_000, true));
        assert_eq!(idle.left(100), Some(SignedDuration::from_secs(60)));
        assert_eq!((idle.left(1_000), idle.left(5_000)), (None, None));
        for lease in [plain, idle, Lease { until: -1, idle: i64::MAX }] {
            assert_eq!(Lease::from_bytes(lease.to_bytes()), lease);
        }
    }
}
