//! The time that requests are signed with: this machine's, put right by AWS's own once a refusal has shown
//! that they differ.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::SystemTime,
};

use aws_smithy_async::time::TimeSource;
use postern_types::{SignedDuration, Timestamp};

use crate::{AwsError, Kind};

/// A `Date` header has whole seconds and is some time under way: less is no difference.
const NOTICED: SignedDuration = SignedDuration::from_secs(5);

/// A clock that learns. Copies learn together.
#[derive(Clone)]
pub(crate) struct Clock {
    machine: fn() -> Timestamp,
    /// How far AWS's clock is ahead, in milliseconds.
    ahead: Arc<AtomicI64>,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("ahead", &self.ahead()).finish_non_exhaustive()
    }
}

impl Clock {
    pub(crate) fn new(machine: fn() -> Timestamp) -> Self {
        Self { machine, ahead: Arc::default() }
    }

    /// What this machine's clock shows, right or wrong.
    pub(crate) fn machine(&self) -> Timestamp {
        (self.machine)()
    }

    /// AWS's time as far as it is known.
    pub(crate) fn now(&self) -> Timestamp {
        self.machine().checked_add(self.ahead()).unwrap_or(Timestamp::MAX)
    }

    /// How far AWS's clock is known to be ahead of this machine's.
    pub(crate) fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(self.ahead.load(SeqCst))
    }

    /// Learns from a refusal what the time is. Answers whether the refused call is worth another attempt: it was
    /// refused for its time, and has a better one now.
    pub(crate) fn learn(&self, refused: &AwsError) -> bool {
        let (measured, for_its_time) = match (&refused.kind, refused.ahead) {
            (Kind::ClockSkew { by }, _) => (*by, true),
            (_, Some(by)) => (by, false),
            (_, None) => return false,
        };
        let is_news = (measured - self.ahead()).abs() >= NOTICED;
        if is_news {
            self.ahead.store(i64::try_from(measured.as_millis()).unwrap_or(0), SeqCst);
        }
        is_news && for_its_time
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::from(Self::now(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(kind: Kind, ahead: i64) -> AwsError {
        AwsError { ahead: Some(SignedDuration::from_secs(ahead)), ..AwsError::new(kind, "sts:X", None) }
    }

    #[test]
    fn a_refusal_puts_the_clock_right_once() {
        let clock = Clock::new(|| Timestamp::UNIX_EPOCH);
        let by = SignedDuration::from_mins(20);
        assert!(!clock.learn(&AwsError::new(Kind::Denied, "sts:X", None)), "it says nothing of the time");
        assert!(!clock.learn(&refusal(Kind::Denied, 3)));
        assert_eq!(clock.ahead(), SignedDuration::ZERO);
        // A wrong code's refusal has a date too, and codes are a matter of half minutes.
        assert!(!clock.learn(&refusal(Kind::Denied, -45)));
        assert_eq!(clock.now(), Timestamp::from_second(-45).unwrap());
        assert!(clock.learn(&refusal(Kind::ClockSkew { by }, 1_200)));
        assert_eq!(clock.now(), Timestamp::from_second(1_200).unwrap());
        assert!(!clock.learn(&refusal(Kind::ClockSkew { by }, 1_200)), "the second time it is no help");
    }
}
