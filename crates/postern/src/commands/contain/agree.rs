//! Changing a user until two readings in a row find nothing to do and are the same.
//!
//! IAM takes some seconds until a change is seen everywhere, and somebody else may be changing the user meanwhile: what was
//! called says nothing of what stands.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use postern_aws::AwsError;
use postern_estate::{User, contain::Measure};
use postern_types::UserName;

use crate::errors::CliError;

/// How long to go on where the user never stays as it was left.
const LONGEST: Duration = Duration::from_secs(900);
/// Readings or measures that fail one after the other before it is given up.
const FAILURES: usize = 6;

/// A user who is changed.
pub(crate) trait Subject {
    /// The user as it is now; none where it is gone.
    fn read(&mut self) -> Result<Option<(UserName, User)>, AwsError>;

    /// What is still to be done.
    fn needed(&mut self, found: Option<(&UserName, &User)>) -> Result<Vec<Measure>, CliError>;

    /// Does it; what was not done, in words.
    fn take(&mut self, measures: Vec<Measure>) -> Result<Vec<String>, CliError>;

    /// Tells what was found out.
    fn say(&mut self, text: &str);

    /// Why it is not worth more rounds, after so many in which there was something to do, and so long.
    fn in_vain(&self, _rounds: usize, _since: Duration) -> Option<String> {
        None
    }
}

/// Goes on until two readings agree. What keeps them from it, in words; none where they do.
pub(crate) fn until_two_agree(
    subject: &mut impl Subject,
    settle: Duration,
    interrupted: &AtomicBool,
) -> Result<Option<String>, CliError> {
    let begun = Instant::now();
    let pause = settle.min(Duration::from_secs(2));
    let mut failures = Vec::new();
    let mut rounds = 0;
    let mut before: Option<User> = None;
    loop {
        check(interrupted)?;
        if let Some(why) = subject.in_vain(rounds, begun.elapsed()) {
            return Ok(Some(why));
        }
        if failures.len() >= FAILURES || begun.elapsed() > LONGEST {
            let last = failures.pop().unwrap_or_else(|| "the user does not stay as it was left".to_owned());
            return Ok(Some(last));
        }
        let found = match subject.read() {
            Ok(found) => found,
            Err(error) => {
                failures.push(error.to_string());
                sleep(pause);
                continue;
            }
        };
        let measures = subject.needed(found.as_ref().map(|(name, user)| (name, user)))?;
        if measures.is_empty() {
            let Some((name, user)) = found else { return Ok(None) };
            if before.as_ref() == Some(&user) {
                subject.say(&format!("two readings of {name} agree"));
                return Ok(None);
            }
            before = Some(user);
            sleep(settle);
            continue;
        }
        before = None;
        rounds += 1;
        let refused = subject.take(measures)?;
        if refused.is_empty() {
            failures.clear();
        } else {
            failures.extend(refused.into_iter().next());
            sleep(pause);
        }
    }
}

/// Stops between two calls where the person wants to stop.
pub(super) fn check(interrupted: &AtomicBool) -> Result<(), CliError> {
    if interrupted.load(Ordering::Relaxed) {
        return Err(CliError::interrupted("interrupted: what is done stays done")
            .hint("run the same command again to go on"));
    }
    Ok(())
}
