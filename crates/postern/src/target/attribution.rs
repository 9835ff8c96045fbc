//! Whose work it is and why, told to CloudTrail.

use std::str::FromStr;

use clap::Args;
use postern_broker::{AssumeRole, SessionTag};
use postern_types::{RoleArn, RoleSessionName};

use super::no_role_assumed;
use crate::{daily::Destination, errors::CliError};

/// What is to be seen in CloudTrail beside the person.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct AttributionArgs {
    /// Why: stands behind the person's name in CloudTrail, alice@ticket-123
    #[arg(long, value_name = "TEXT", help_heading = "Attribution")]
    reason: Option<String>,
    /// A session tag, where the role's trust policy permits sts:TagSession; may
    /// be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Attribution")]
    tag: Vec<Tag>,
    /// A session tag that roles assumed from this one keep; may be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Attribution")]
    transitive_tag: Vec<Tag>,
}

/// The most session tags that AWS takes.
const MOST_TAGS: usize = 50;

/// `KEY=VALUE` within AWS's rules for session tags.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    key: String,
    value: String,
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("a tag is KEY=VALUE")?;
        let taken = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if let Some(c) = text.chars().find(|c| !taken(*c)) {
            return Err(format!("AWS takes no `{}` in session tags", c.escape_default()));
        }
        match (key.chars().count(), value.chars().count()) {
            (1..=128, 0..=256) if key.to_ascii_lowercase().starts_with("aws:") => {
                Err("keys that begin with `aws:` are AWS's own".to_owned())
            }
            (1..=128, 0..=256) => Ok(Self { key: key.to_owned(), value: value.to_owned() }),
            (0, _) => Err("a tag is KEY=VALUE".to_owned()),
            _ => Err("a key has 128 characters at most, a value 256".to_owned()),
        }
    }
}

impl AttributionArgs {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.reason.is_none() && self.tag.is_empty() && self.transitive_tag.is_empty()
    }

    /// Writes it into the request for the last role.
    pub(super) fn attribute(
        &self,
        destination: &mut Destination,
        of_estate: &dyn Fn(&RoleArn) -> bool,
        warn: &dyn Fn(&str),
    ) -> Result<(), CliError> {
        if self.is_empty() {
            return Ok(());
        }
        let Some(request) = destination.way.hops.last_mut() else {
            return Err(no_role_assumed(&destination.name, "--reason and --tag"));
        };
        if let Some(reason) = &self.reason {
            let (name, change) = session_name(&request.session_name, reason)?;
            if let Some(change) = change {
                warn(&format!("{change}: CloudTrail will show `{name}`"));
            }
            request.session_name = name;
        }
        let tagged = !self.tag.is_empty() || !self.transitive_tag.is_empty();
        if tagged && of_estate(&request.role) {
            return Err(CliError::usage(format!(
                "AWS would refuse session tags: the trust policy of {} permits sts:AssumeRole and not \
                 sts:TagSession, as all that postern writes do",
                request.role
            ))
            .hint("say it with --reason, which stands behind the person's name in CloudTrail"));
        }
        self.add_tags(request)
    }

    fn add_tags(&self, request: &mut AssumeRole) -> Result<(), CliError> {
        let plain = self.tag.iter().map(|tag| (tag, false));
        for (Tag { key, value }, transitive) in plain.chain(self.transitive_tag.iter().map(|tag| (tag, true)))
        {
            if request.tags.iter().any(|there| there.key.to_lowercase() == key.to_lowercase()) {
                return Err(CliError::usage(format!("the session tag `{key}` is given twice"))
                    .hint("AWS takes each key once and does not tell upper from lower case"));
            }
            let (key, value) = (key.as_str().into(), value.as_str().into());
            request.tags.push(SessionTag { key, value, transitive });
        }
        if request.tags.len() > MOST_TAGS {
            return Err(CliError::usage(format!(
                "AWS takes {MOST_TAGS} session tags, not {}",
                request.tags.len()
            )));
        }
        Ok(())
    }
}

/// The session's name with the reason behind it, and what of the reason could not be kept.
fn session_name(
    name: &RoleSessionName,
    reason: &str,
) -> Result<(RoleSessionName, Option<&'static str>), CliError> {
    let taken = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    // Blanks and the like become one `-`, however many there are.
    let words: Vec<&str> = reason.split(|c| !taken(c)).filter(|word| !word.is_empty()).collect();
    let kept = words.join("-");
    let room = RoleSessionName::MAX_LEN.saturating_sub(name.as_str().len() + 1);
    let cut: String = kept.chars().take(room).collect();
    if cut.is_empty() {
        return Err(CliError::usage(if kept.is_empty() {
            format!("`--reason {reason}` holds no character that AWS takes in the name of a session")
        } else {
            format!("the session's name `{name}` leaves no room for a reason")
        })
        .hint("a session's name has 64 characters at most, of A-Z a-z 0-9 _ + = , . @ -"));
    }
    let change = match (cut.len() < kept.len(), kept == reason) {
        (true, _) => Some("the reason is cut, as a session's name has 64 characters at most"),
        (false, false) => Some("the reason is written in the characters that AWS takes"),
        (false, true) => None,
    };
    let full = format!("{name}@{cut}");
    let parsed = full.parse().map_err(|error| {
        CliError::usage(format!("`{full}` cannot be the name of a session")).caused_by(error)
    })?;
    Ok((parsed, change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_stands_behind_the_name_as_far_as_it_fits() {
        let name = |name: &str, reason: &str| {
            let named = session_name(&name.parse().unwrap(), reason);
            named.map(|(name, change)| (name.to_string(), change.map(|c| c.contains("cut"))))
        };
        let some = |name: &str, change| Some((name.to_owned(), change));
        assert_eq!(name("alice", "ticket-123").ok(), some("alice@ticket-123", None));
        assert_eq!(name("alice", "#12: fix it/now").ok(), some("alice@12-fix-it-now", Some(false)));
        assert_eq!(name("al", &"x".repeat(61)).ok(), some(&format!("al@{}", "x".repeat(61)), None));
        assert_eq!(name("al", &"x".repeat(62)).ok(), some(&format!("al@{}", "x".repeat(61)), Some(true)));
        assert!(name("alice", "größe").unwrap().0.starts_with("alice@gr-"));
        let nothing = name("alice", "???").unwrap_err();
        assert!(nothing.message.contains("no character that AWS takes"), "{}", nothing.message);
        let full = name(&"n".repeat(63), "x").unwrap_err();
        assert!(full.message.contains("leaves no room"), "{}", full.message);
    }

    #[test]
    fn tags_are_held_to_the_rules_of_aws() {
        let tag = |text: &str| text.parse::<Tag>();
        assert_eq!(tag("a=b=c").unwrap(), Tag { key: "a".into(), value: "b=c".into() });
        assert_eq!(tag("empty=").unwrap().value, "");
        for bad in ["none", "=x", "aws:x=y", "AWS:x=y", "a=b\n", "a=<b>", &format!("{}=x", "k".repeat(129))] {
            assert!(tag(bad).is_err(), "{bad}");
        }
    }
}
