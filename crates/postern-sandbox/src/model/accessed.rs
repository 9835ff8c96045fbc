//! Which services and actions a user or role tried, and when last: what IAM calls "last accessed".

use std::collections::BTreeMap;

use postern_types::Timestamp;

/// More than AWS has: names come from requests, and nobody is to fill the memory with names of their own.
const SERVICES: usize = 1_000;
const ACTIONS: usize = 2_000;

/// The last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) at: Timestamp,
    pub(crate) region: String,
}

impl Attempt {
    fn note(&mut self, at: Timestamp, region: &str) {
        self.at = at;
        if self.region != region {
            region.clone_into(&mut self.region);
        }
    }
}

/// A service that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) last: Attempt,
    /// By name, without the service in front.
    pub(crate) actions: BTreeMap<String, Attempt>,
}

/// Everything that a user or role tried, by the prefix of a service's actions.
///
/// Names are kept as they were asked for; whoever reports them looks them up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accessed(pub(crate) BTreeMap<String, Access>);

impl Accessed {
    /// That an action was tried, where it can be told which.
    pub(crate) fn note(&mut self, service: &str, action: Option<&str>, at: Timestamp, region: &str) {
        let attempt = || Attempt { at, region: region.to_owned() };
        if !self.0.contains_key(service) {
            if self.0.len() >= SERVICES {
                return;
            }
            let access = Access { last: attempt(), actions: BTreeMap::new() };
            self.0.insert(service.to_owned(), access);
        }
        let Some(access) = self.0.get_mut(service) else { return };
        access.last.note(at, region);
        let Some(action) = action else { return };
        if let Some(last) = access.actions.get_mut(action) {
            last.note(at, region);
        } else if access.actions.len() < ACTIONS {
            access.actions.insert(action.to_owned(), attempt());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_attempt_counts_and_names_are_not_kept_without_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut accessed = Accessed::default();
        accessed.note("s3", Some("GetObject"), at(1), "us-east-1");
        accessed.note("s3", None, at(2), "eu-central-1");
        let s3 = accessed.0.get("s3").unwrap();
        assert_eq!((s3.last.at, s3.last.region.as_str()), (at(2), "eu-central-1"));
        assert_eq!(s3.actions.get("GetObject").map(|last| last.at), Some(at(1)));

        for number in 0..3_000 {
            accessed.note(&format!("service-{number}"), None, at(3), "us-east-1");
            accessed.note("s3", Some(&format!("Action{number}")), at(3), "us-east-1");
        }
        assert_eq!(accessed.0.len(), SERVICES);
        assert_eq!(accessed.0.get("s3").unwrap().actions.len(), ACTIONS);
    }
}
