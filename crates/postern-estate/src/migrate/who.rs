//! Who or what is behind an IAM user, with the reasons that speak for it.
//!
//! Nothing here is certain but what AWS says: a password is a person's, a name is a hint. So every judgement carries its
//! reasons, and says where it is a guess; the migration file is there to be corrected.

use std::collections::BTreeSet;

use postern_types::{AccessKeyId, SignedDuration, Timestamp, UserName};

use super::{Better, Usage};
use crate::{MANAGED_TAG, PATH, User};

mod words;

/// What is known of a user.
#[derive(Clone, Copy)]
pub struct Witness<'a> {
    /// The name.
    pub name: &'a UserName,
    /// The user as it stands in the account.
    pub user: &'a User,
    /// What it used; none where nobody looked.
    pub usage: Option<&'a Usage>,
    /// Whether the estate file has a person of this name.
    pub is_declared: bool,
}

/// When it is judged, and how long a user may rest before it counts as unused.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// When the account was read.
    pub now: Timestamp,
    /// How long ago the last use must be.
    pub unused_after: SignedDuration,
}

/// What a user is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What it is.
    pub guess: Guess,
    /// Whether AWS's data say so; else it is a guess from names and habits.
    pub is_sure: bool,
    /// What speaks for it, each in a few words.
    pub reasons: Vec<String>,
}

/// Person, program, nobody, or none of postern's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// Someone.
    Person,
    /// A program, and what would serve it better than keys.
    Machine(Better),
    /// Nobody, as far as can be told.
    Unused,
    /// Not to be touched.
    Keep,
}

impl Window {
    /// Ninety days: what credential reports and auditors go by.
    pub const UNUSED_AFTER: SignedDuration = SignedDuration::from_hours(90 * 24);

    /// Whether something happened in the window. What is later than now did.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.now.checked_sub(self.unused_after).is_ok_and(|start| at >= start)
    }

    /// `today`, `1 day ago`, `34 days ago`
    #[must_use]
    pub fn ago(&self, at: Timestamp) -> String {
        match self.now.duration_since(at).as_hours() / 24 {
            ..1 => "today".to_owned(),
            1 => "1 day ago".to_owned(),
            days => format!("{days} days ago"),
        }
    }

    fn days_since(&self, at: Timestamp) -> i64 {
        self.now.duration_since(at).as_hours() / 24
    }
}

/// What a user could sign in with, and whether all of it is known.
struct Holdings {
    password: bool,
    mfa: bool,
    active_keys: usize,
    /// Credentials of single services, such as SSH keys.
    rare: bool,
    /// Whether somebody looked at password and keys.
    is_known: bool,
    /// Whether AWS was asked when each was used last.
    uses_are_known: bool,
}

impl Holdings {
    fn of(witness: &Witness<'_>) -> Self {
        let held = witness.user.credentials.as_ref();
        let usage = witness.usage;
        let of_report = usage.and_then(|usage| usage.password);
        let unnamed = usage.map_or(0, |usage| usage.unnamed_keys.iter().filter(|key| key.active).count());
        let used = |id: &AccessKeyId| usage.is_some_and(|usage| usage.keys.contains_key(id));
        let held_keys: BTreeSet<&AccessKeyId> = held
            .iter()
            .flat_map(|held| &held.access_keys)
            .filter(|(_, key)| key.active)
            .map(|(id, _)| id)
            .collect();
        // Keys without an id in the report are the same as those with one that it says nothing of.
        let unasked = held_keys.iter().filter(|id| !used(id)).count();
        let reported_keys =
            usage.iter().flat_map(|usage| usage.access_keys()).filter(|key| key.active).count();
        let password =
            held.is_some_and(|held| held.login_profile) || of_report.is_some_and(|password| password.enabled);
        let rare = held.and_then(|held| held.rare.as_ref()).is_some_and(|rare| {
            let all = [&rare.ssh_public_keys, &rare.service_specific, &rare.signing_certificates];
            all.iter().any(|kind| kind.values().any(|active| *active))
        });
        // A credential report tells when a user was made; the rest of what is known of a user's use does not.
        let reported = usage.is_some_and(|usage| usage.created.is_some());
        let key_uses = usage.is_some() && unasked <= unnamed;
        let services = usage.is_some_and(|usage| usage.services.is_some());
        Self {
            password,
            mfa: held.is_some_and(|held| !held.mfa_devices.is_empty())
                || usage.is_some_and(|usage| usage.mfa),
            active_keys: held_keys.len().max(reported_keys),
            rare,
            is_known: held.is_some() || reported,
            uses_are_known: key_uses && (!password || of_report.is_some()) && (!rare || services),
        }
    }

    const fn opens_nothing(&self) -> bool {
        !self.password && self.active_keys == 0 && !self.rare
    }
}

/// What a user is taken for.
#[must_use]
pub fn judge(witness: &Witness<'_>, window: &Window) -> Judgement {
    let holdings = Holdings::of(witness);
    if is_ours(witness.user) {
        return judged(Guess::Keep, true, ["postern made it".to_owned()]);
    }
    if let Some(reason) = unused(witness, &holdings, window) {
        // Credentials of single services, where nobody looked for them, would show in the services that were used.
        let looked = witness.user.credentials.as_ref().is_some_and(|held| held.rare.is_some())
            || witness.usage.is_some_and(|usage| usage.services.is_some());
        return judged(Guess::Unused, looked || !holdings.opens_nothing(), [reason]);
    }
    let words = words::of(witness.name.as_str());
    if let Some(word) = words::emergency(&words) {
        let reason = format!("its name says `{word}`: a way in for emergencies, it seems");
        return judged(Guess::Keep, false, [reason]);
    }
    if let Some(judgement) = certain_person(witness, &holdings, window, &words) {
        return judgement;
    }
    by_habit(witness, &holdings, window, &words)
}

fn judged(guess: Guess, is_sure: bool, reasons: impl IntoIterator<Item = String>) -> Judgement {
    Judgement { guess, is_sure, reasons: reasons.into_iter().collect() }
}

fn is_ours(user: &User) -> bool {
    user.path.as_str() == PATH && user.tags.contains_key(MANAGED_TAG)
}

/// Why nobody uses it. Without knowing of every use there is no such reason.
fn unused(witness: &Witness<'_>, holdings: &Holdings, window: &Window) -> Option<String> {
    let used = witness.usage.and_then(Usage::last_used);
    if used.is_some_and(|at| window.holds(at)) || !holdings.is_known {
        return None;
    }
    if holdings.opens_nothing() {
        return Some("holds no password and no active key".to_owned());
    }
    if !holdings.uses_are_known {
        return None;
    }
    let created = witness.usage.and_then(|usage| usage.created)?;
    if window.holds(created) {
        return None;
    }
    Some(match used {
        Some(at) => format!("last used {}", window.ago(at)),
        None => format!("never used in the {} days since it was made", window.days_since(created)),
    })
}

const KEYS_ALONE: &str = "has access keys, but neither password nor MFA device";

/// A person, where something says so that programs do not have.
fn certain_person(
    witness: &Witness<'_>,
    holdings: &Holdings,
    window: &Window,
    words: &[String],
) -> Option<Judgement> {
    let mut reasons = Vec::new();
    if holdings.password {
        let used = witness.usage.and_then(|usage| usage.password?.last_used);
        let used = used.map_or_else(String::new, |at| format!(", used {}", window.ago(at)));
        reasons.push(format!("has a password for the console{used}"));
    }
    if holdings.mfa {
        reasons.push("has an MFA device".to_owned());
    }
    if witness.is_declared {
        if reasons.is_empty() && holdings.is_known {
            reasons.push(KEYS_ALONE.to_owned());
        }
        reasons.push("the estate file has a person of this name".to_owned());
    }
    if reasons.is_empty() {
        return None;
    }
    let program = words::program(words);
    let signed_in = witness.usage.is_some_and(|usage| usage.password.is_some_and(|p| p.last_used.is_some()));
    // A password that nobody signs in with may have been given to a program by mistake.
    let is_sure = program.is_none() || signed_in || holdings.mfa;
    if let (Some(word), false) = (program, is_sure) {
        reasons.push(format!("but its name says `{word}`"));
    }
    Some(judged(Guess::Person, is_sure, reasons))
}

/// Access keys and nothing else: what it is called and what it does must tell.
fn by_habit(witness: &Witness<'_>, holdings: &Holdings, window: &Window, words: &[String]) -> Judgement {
    let mut reasons = Vec::new();
    if holdings.is_known && holdings.active_keys > 0 {
        reasons.push(KEYS_ALONE.to_owned());
    } else if !holdings.is_known {
        reasons.push("which credentials it holds was not read".to_owned());
    }
    let services: Vec<&str> = witness
        .usage
        .iter()
        .flat_map(|usage| usage.used_services())
        .map(|service| service.namespace.as_str())
        .collect();
    let used = match services.as_slice() {
        [] => None,
        few @ ([_] | [_, _] | [_, _, _]) => Some(format!("used {} only", few.join(", "))),
        many => Some(format!("used {} services", many.len())),
    };
    let last_key = witness.usage.and_then(|usage| {
        usage.access_keys().filter_map(|key| key.last_used.as_ref()).map(|used| used.at).max()
    });
    let program = words::program(words);
    if let Some(word) = program {
        reasons.push(format!("its name says `{word}`"));
    }
    reasons.extend(used);
    reasons.extend(last_key.map(|at| format!("key used {}", window.ago(at))));
    let many = services.len() > 5;
    let person = program.is_none() && (many || words::sounds_like_a_person(witness.name.as_str()));
    if person {
        reasons.push(if many {
            "as a person does".to_owned()
        } else {
            "its name could be a person's".to_owned()
        });
        return judged(Guess::Person, false, reasons);
    }
    let (better, why) = words::better(words, &services);
    reasons.push(why.to_owned());
    // Name and habit together are as much as there is to know.
    let is_sure = program.is_some() && holdings.is_known && !many;
    judged(Guess::Machine(better), is_sure, reasons)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_are_cut_into_words() {
        for (name, expected) in [
            ("ci-deploy", "ci deploy"),
            ("ciDeploy_2", "ci deploy"),
            ("GitHubActions", "git hub actions"),
            ("alice.smith@ci.example.com", "alice smith"),
            ("SVC+backup=1", "svc backup"),
            ("42", ""),
        ] {
            assert_eq!(words::of(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn names_of_people_and_programs_are_told_apart() {
        for person in ["alice", "alice.smith", "AliceSmith", "a.smith@example.com", "jean-luc.picard"] {
            assert!(words::sounds_like_a_person(person), "{person}");
        }
        for other in ["ci", "backup2", "svc-alice", "x77", "deploy@example.com", "k8s-node", "a.b.c.d", "42"]
        {
            assert!(!words::sounds_like_a_person(other), "{other}");
        }
    }
}
