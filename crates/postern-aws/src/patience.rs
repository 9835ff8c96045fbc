//! Reading where AWS asks for fewer requests, fails, or loses an answer.
//!
//! The SDK tries a few times within a second or two. An account with many objects, or a busy one, wants more:
//! pauses that grow, and differ from account to account, so that those who were refused together do not come
//! back together.

use std::{future::Future, time::Duration};

use postern_types::Timestamp;

use crate::{AwsError, Connection, Kind, Unreachable};

/// Rounds after the first where AWS asks for patience.
const THROTTLED: u32 = 6;
/// Rounds after the first where there was no answer, or none of use.
const UNANSWERED: u32 = 3;
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(15);

/// Asks, and where that is worth it asks again. `tell` hears why before each pause.
pub(crate) async fn patiently<T, F>(
    connection: &Connection,
    tell: &dyn Fn(&AwsError),
    ask: impl Fn() -> F,
) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    let first = connection.aws.patience().first_pause.saturating_mul(2);
    let mut round = 0;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let rounds = match error.kind {
            Kind::Throttled => THROTTLED,
            _ if is_passing(&error) => UNANSWERED,
            _ => 0,
        };
        if round >= rounds {
            return Err(error);
        }
        tell(&error);
        let pause = first.saturating_mul(1 << round).min(LONGEST);
        tokio::time::sleep(jittered(pause, connection.aws.clock().machine())).await;
        round += 1;
    }
}

/// Whether the failure may be gone a moment later: the connection was cut, or AWS failed.
pub(crate) fn is_passing(error: &AwsError) -> bool {
    match error.kind {
        Kind::Unreachable(why) => why == Unreachable::Cut,
        Kind::NotImplemented => false,
        _ => error.answer.as_ref().is_some_and(|answer| answer.status >= 500),
    }
}

/// The pause, shortened by up to a half: enough of chance is in the clock's last digits.
pub(crate) fn jittered(pause: Duration, now: Timestamp) -> Duration {
    let share = now.subsec_nanosecond().unsigned_abs() / 1_000 % 1_000;
    pause - pause.saturating_mul(share) / 2_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_loses_at_most_its_half() {
        let pause = Duration::from_secs(2);
        for (nanoseconds, expected) in [(0, 2_000), (999_000, 1_001), (500_000, 1_500), (123_500_000, 1_500)]
        {
            let now = Timestamp::new(1, nanoseconds).unwrap();
            assert_eq!(jittered(pause, now), Duration::from_millis(expected), "{nanoseconds}");
        }
    }
}
