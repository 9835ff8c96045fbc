//! The effect of a change in words: who gets in where they did not before, who no longer does, who may write IAM.

use std::collections::{BTreeMap, BTreeSet};

use postern_prove::{Effect, Grant, Held, Writers};
use postern_types::{RoleArn, UserArn};
use serde_json::{Value, json};

use super::plan::counted;
use crate::{
    access::AccountNames,
    output::{BAD, BOLD, DIM, GOOD, WARN, paint, prose},
};

/// Names that are listed before the rest is counted.
const LISTED: usize = 6;

/// Accounts of a role that are named before they are counted.
const ACCOUNTS: usize = 3;

/// What is to be said of a change's effect.
pub(crate) enum Outlook {
    /// What it does.
    Told(Box<Effect>),
    /// It was not worked out, and why.
    NotTold(String),
}

/// The effect in lines, under a heading.
pub(crate) fn render(outlook: &Outlook, names: &AccountNames, width: usize) -> String {
    let lines = match outlook {
        Outlook::NotTold(why) => vec![(paint(DIM, "?"), format!("not worked out: {why}"))],
        Outlook::Told(effect) => lines(effect, names),
    };
    let mut text = format!("{}\n", paint(BOLD, "Effect"));
    for (mark, line) in lines {
        text.push_str(&prose(&format!("{mark} {line}"), "  ", "      ", width));
        text.push('\n');
    }
    text.push('\n');
    text
}

/// The effect for programs.
pub(crate) fn json(outlook: &Outlook) -> Value {
    let effect = match outlook {
        Outlook::Told(effect) => effect,
        Outlook::NotTold(why) => return json!({"not_told": why}),
    };
    let grant = |grant: &Grant| json!({"user": grant.user.as_str(), "credential": grant.held.as_str(), "role": grant.role.as_str()});
    let unknown = effect.unknown.iter().map(|(unknown, why)| {
        let mut value = grant(unknown);
        if let Some(members) = value.as_object_mut() {
            members.insert("why".to_owned(), why.as_str().into());
        }
        value
    });
    json!({
        "gained": effect.gained.iter().map(grant).collect::<Vec<_>>(),
        "lost": effect.lost.iter().map(grant).collect::<Vec<_>>(),
        "unknown": unknown.collect::<Vec<_>>(),
        "iam_writes_gained": effect.writes_gained,
        "iam_writes_lost": effect.writes_lost,
    })
}

type Line = (String, String);

fn lines(effect: &Effect, names: &AccountNames) -> Vec<Line> {
    let (plus, minus, alarm) = (paint(GOOD, "+"), paint(GOOD, "-"), paint(BAD, "!"));
    let mut lines = Vec::new();
    for (users, roles) in by_users(&effect.gained, |held| !held.is_without_mfa()) {
        let reach = if users.len() == 1 { "reaches" } else { "reach" };
        let text = format!("{} {reach} {} with MFA{}", who(&users), where_to(&roles, names), whom(&users));
        lines.push((plus.clone(), text));
    }
    for (users, roles) in by_users(&effect.lost, |held| !held.is_without_mfa()) {
        let text = format!("{} no longer {} {}", who(&users), reach(&users), where_to(&roles, names));
        lines.push((minus.clone(), format!("{text}{}", whom(&users))));
    }
    for (users, roles) in by_users(&effect.lost, Held::is_without_mfa) {
        let text = format!("{} no longer {} {}", who(&users), reach(&users), where_to(&roles, names));
        lines.push((minus.clone(), format!("{text} without MFA{}", whom(&users))));
    }
    let open = by_users(&effect.gained, Held::is_without_mfa);
    for (users, roles) in &open {
        let text = format!("{} {} {} WITHOUT MFA", who(users), reach(users), where_to(roles, names));
        lines.push((alarm.clone(), paint(BAD, &format!("{text}{}", whom(users)))));
    }
    if open.is_empty() {
        lines.push((paint(DIM, "="), "nobody new without MFA".to_owned()));
    }
    lines.extend(writer_lines(&effect.writes_gained, names, true));
    lines.extend(writer_lines(&effect.writes_lost, names, false));
    if effect.writes_gained.is_empty() {
        lines.push((paint(DIM, "="), "nobody new may write to IAM".to_owned()));
    }
    if !effect.unknown.is_empty() {
        let example = effect.unknown.iter().next().map(|(grant, why)| {
            format!(", such as {} in {}: {why}", grant.user.name(), label(&grant.role, names))
        });
        let text = format!(
            "{} cannot be told{}",
            counted(effect.unknown.len(), "way in"),
            example.unwrap_or_default()
        );
        lines.push((paint(WARN, "?"), text));
    }
    lines
}

fn reach(users: &BTreeSet<&UserArn>) -> &'static str {
    if users.len() == 1 { "reaches" } else { "reach" }
}

/// Roles that the same users get into, by those users.
fn by_users(
    grants: &BTreeSet<Grant>,
    wanted: impl Fn(Held) -> bool,
) -> BTreeMap<BTreeSet<&UserArn>, BTreeSet<&RoleArn>> {
    let mut of_role: BTreeMap<&RoleArn, BTreeSet<&UserArn>> = BTreeMap::new();
    for grant in grants.iter().filter(|grant| wanted(grant.held)) {
        of_role.entry(&grant.role).or_default().insert(&grant.user);
    }
    let mut found: BTreeMap<BTreeSet<&UserArn>, BTreeSet<&RoleArn>> = BTreeMap::new();
    for (role, users) in of_role {
        found.entry(users).or_default().insert(role);
    }
    found
}

/// A single person by name, several by their number; [`whom`] has the names.
fn who(users: &BTreeSet<&UserArn>) -> String {
    match users.first() {
        Some(user) if users.len() == 1 => user.name().to_string(),
        _ => format!("{} people", users.len()),
    }
}

fn whom(users: &BTreeSet<&UserArn>) -> String {
    if users.len() == 1 {
        return String::new();
    }
    format!(": {}", listed(users.iter().map(|user| user.name().to_string()).collect()))
}

/// `dev/developer, prod/developer and readonly in 40 accounts`
fn where_to(roles: &BTreeSet<&RoleArn>, names: &AccountNames) -> String {
    let mut accounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for role in roles {
        let account = role.account();
        let account = names.get(&account).cloned().unwrap_or_else(|| account.to_string());
        accounts.entry(role.name().to_string()).or_default().push(account);
    }
    let labels = accounts.into_iter().flat_map(|(role, mut accounts)| {
        accounts.sort_unstable();
        if accounts.len() > ACCOUNTS {
            return vec![format!("{role} in {} accounts", accounts.len())];
        }
        accounts.into_iter().map(|account| format!("{account}/{role}")).collect()
    });
    listed(labels.collect())
}

fn label(role: &RoleArn, names: &AccountNames) -> String {
    where_to(&BTreeSet::from([role]), names)
}

fn listed(mut items: Vec<String>) -> String {
    let more = items.len().saturating_sub(LISTED);
    // One more to list is no longer than to say that there is one.
    if more > 1 {
        items.truncate(LISTED);
        return format!("{} and {more} more", items.join(", "));
    }
    match items.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => items.concat(),
    }
}

fn writer_lines(writers: &Writers, names: &AccountNames, gained: bool) -> Vec<Line> {
    let mut same: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
    for (arn, actions) in writers {
        let shown = arn
            .parse::<RoleArn>()
            .map_or_else(|_| arn.rsplit('/').next().unwrap_or(arn).to_owned(), |role| label(&role, names));
        same.entry(actions.iter().copied().collect()).or_default().push(shown);
    }
    let line = |(actions, who): (Vec<&str>, Vec<String>)| {
        let may = if gained { "may write to IAM" } else { "may no longer write to IAM" };
        let actions = match &actions[..] {
            [one, two, rest @ ..] if rest.len() > 1 => format!("{one}, {two} and {} more", rest.len()),
            few => few.join(", "),
        };
        let mark = if gained { paint(WARN, "!") } else { paint(GOOD, "-") };
        (mark, format!("{} {may}: {actions}", listed(who)))
    };
    same.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(user: &str, held: Held, role: &str) -> Grant {
        let (account, role) = role.split_once('/').unwrap();
        Grant {
            user: format!("arn:aws:iam::111111111111:user/postern/{user}").parse().unwrap(),
            held,
            role: format!("arn:aws:iam::{account}:role/postern/{role}").parse().unwrap(),
        }
    }

    fn plain(effect: Effect) -> String {
        let names = AccountNames::from([
            ("222222222222".parse().unwrap(), "prod".to_owned()),
            ("333333333333".parse().unwrap(), "dev".to_owned()),
        ]);
        anstream::adapter::strip_str(&render(&Outlook::Told(Box::new(effect)), &names, 80)).to_string()
    }

    #[test]
    fn people_with_the_same_roles_share_a_line() {
        let mut effect = Effect::default();
        for role in ["222222222222/developer", "333333333333/developer", "222222222222/readonly"] {
            for user in ["alice", "bob", "carol"] {
                effect.gained.insert(grant(user, Held::SessionWithMfa, role));
            }
        }
        effect.lost.insert(grant("dan", Held::SessionWithMfa, "222222222222/readonly"));
        assert_eq!(
            plain(effect),
            "Effect\n  \
             + 3 people reach dev/developer, prod/developer and prod/readonly with MFA:\n      \
             alice, bob and carol\n  \
             - dan no longer reaches prod/readonly\n  \
             = nobody new without MFA\n  \
             = nobody new may write to IAM\n\n"
        );
    }

    #[test]
    fn what_opens_without_mfa_and_who_writes_iam_stands_out() {
        let mut effect = Effect::default();
        effect.gained.insert(grant("eve", Held::LongTermKey, "222222222222/admin"));
        effect.gained.insert(grant("eve", Held::SessionWithoutMfa, "222222222222/admin"));
        let role = "arn:aws:iam::222222222222:role/postern/admin".to_owned();
        let actions = ["iam:CreateUser", "iam:PassRole", "iam:PutUserPolicy", "iam:PutRolePolicy"];
        effect.writes_gained.insert(role, actions.into_iter().collect());
        let text = plain(effect);
        assert!(text.contains("! eve reaches prod/admin WITHOUT MFA\n"), "{text}");
        assert!(
            text.contains("! prod/admin may write to IAM: iam:CreateUser, iam:PassRole and 2 more"),
            "{text}"
        );
        assert!(!text.contains("nobody new"), "{text}");
    }
}
