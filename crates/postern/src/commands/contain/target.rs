//! Whom a containment is about, as it was typed.

use postern_estate::Estate;
use postern_types::{AccessKeyId, AccountId, Arn, KeyKind, RoleArn, RoleName, UserArn, UserName};

use crate::{
    access::{AccountNames, account_label},
    errors::CliError,
};

/// What was typed, as far as the text alone tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A long-term key; whose it is, AWS knows.
    Key(AccessKeyId),
    User(AccountId, UserName),
    Role(AccountId, RoleName),
    /// A user or a role of this account; which, the account tells.
    Either(AccountId, String),
}

/// Who is contained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    User(AccountId, UserName),
    Role(AccountId, RoleName),
}

impl Target {
    pub(crate) const fn account(&self) -> AccountId {
        match self {
            Self::User(account, _) | Self::Role(account, _) => *account,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::User(_, name) => name.as_str(),
            Self::Role(_, name) => name.as_str(),
        }
    }

    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::User(..) => "user",
            Self::Role(..) => "role",
        }
    }
}

fn unknown(text: &str) -> CliError {
    CliError::usage(format!("`{text}` names nobody"))
        .hint("say USER, ACCOUNT/USER, ACCOUNT/ROLE, an ARN, or an access key id (AKIA…)")
}

/// Reads what was typed. A bare name is one of the bastion.
pub(super) fn read(text: &str, names: &AccountNames, bastion: AccountId) -> Result<Asked, CliError> {
    if text.starts_with("arn:") {
        return of_arn(text).ok_or_else(|| unknown(text));
    }
    if let Ok(key) = text.parse::<AccessKeyId>()
        && text.len() == 20
        && let Some(kind) = key.kind()
    {
        return match kind {
            KeyKind::LongTerm => Ok(Asked::Key(key)),
            KeyKind::Temporary => Err(temporary(&key, names)),
        };
    }
    let Some((account, name)) = text.split_once('/') else {
        return Ok(Asked::Either(bastion, text.to_owned()));
    };
    let by_name = names.iter().find(|(_, known)| *known == account).map(|(id, _)| *id);
    let account = by_name.or_else(|| account.parse().ok()).ok_or_else(|| {
        let known: Vec<&str> = names.values().map(String::as_str).collect();
        CliError::usage(format!("the estate file has no account `{account}`"))
            .hint(format!("there are: {}", known.join(", ")))
    })?;
    Ok(Asked::Either(account, name.to_owned()))
}

/// A session's key says which account it is of, and nothing more.
fn temporary(key: &AccessKeyId, names: &AccountNames) -> CliError {
    let place =
        key.account().map_or_else(String::new, |account| format!(" of {}", account_label(names, account)));
    CliError::usage(format!("{key} is the key of a session{place}, and AWS does not tell whose"))
        .hint("CloudTrail does: look for the event that issued it, and contain its user, or its role as ACCOUNT/ROLE")
}

fn of_arn(text: &str) -> Option<Asked> {
    if let Ok(user) = text.parse::<UserArn>() {
        return Some(Asked::User(user.account(), user.name().clone()));
    }
    if let Ok(role) = text.parse::<RoleArn>() {
        return Some(Asked::Role(role.account(), role.name().clone()));
    }
    // The session's name behind the role is its own choice.
    let arn: Arn = text.parse().ok()?;
    let (role, _) = arn.resource().strip_prefix("assumed-role/")?.split_once('/')?;
    Some(Asked::Role(arn.account()?, role.parse().ok()?))
}

/// Decides between user and role by what the account holds.
pub(super) fn decide(
    account: AccountId,
    name: &str,
    estate: &Estate,
    names: &AccountNames,
) -> Result<Target, CliError> {
    let whereabouts = account_label(names, account);
    let (user, role) = (name.parse::<UserName>(), name.parse::<RoleName>());
    let Some(found) = estate.accounts.get(&account) else {
        return Err(CliError::failed(format!(
            "{whereabouts} does not answer, so `{name}` cannot be looked up"
        ))
        .hint(format!(
            "say which it is: arn:aws:iam::{account}:user/{name} or arn:aws:iam::{account}:role/{name}"
        )));
    };
    let is_user = user.as_ref().is_ok_and(|user| found.users.contains_key(user));
    let is_role = role.as_ref().is_ok_and(|role| found.roles.contains_key(role));
    match (user, role) {
        (Ok(_), Ok(_)) if is_user && is_role => {
            Err(CliError::usage(format!("{whereabouts} has a user and a role `{name}`")).hint(format!(
                "say which: arn:aws:iam::{account}:user/{name} or arn:aws:iam::{account}:role/{name}"
            )))
        }
        (Ok(user), _) if is_user => Ok(Target::User(account, user)),
        (_, Ok(role)) if is_role => Ok(Target::Role(account, role)),
        _ => {
            let error = CliError::usage(format!("{whereabouts} has no user and no role `{name}`"));
            let elsewhere: Vec<String> = estate
                .accounts
                .iter()
                .filter(|(_, found)| {
                    found.users.keys().any(|known| known.as_str() == name)
                        || found.roles.keys().any(|known| known.as_str() == name)
                })
                .map(|(id, _)| format!("{}/{name}", names.get(id).cloned().unwrap_or_else(|| id.to_string())))
                .collect();
            Err(if elsewhere.is_empty() {
                error
            } else {
                error.hint(format!("did you mean {}?", elsewhere.join(" or ")))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_taken_apart() {
        let id = |text: &str| text.parse::<AccountId>().unwrap();
        let (home, prod) = (id("111111111111"), id("222222222222"));
        let names: AccountNames = [(home, "bastion".to_owned()), (prod, "prod".to_owned())].into();
        let asked = |text| read(text, &names, home).map_err(|error| error.message);
        assert_eq!(asked("alice"), Ok(Asked::Either(home, "alice".to_owned())));
        assert_eq!(asked("prod/developer"), Ok(Asked::Either(prod, "developer".to_owned())));
        assert_eq!(asked("222222222222/x"), Ok(Asked::Either(prod, "x".to_owned())));
        assert!(asked("nowhere/x").unwrap_err().contains("no account `nowhere`"));
        let key = "AKIAIOSFODNN7EXAMPLE";
        assert_eq!(asked(key), Ok(Asked::Key(key.parse().unwrap())));
        assert!(asked("ASIAIOSFODNN7EXAMPLE").unwrap_err().contains("key of a session"));
        assert_eq!(
            asked("arn:aws:iam::111111111111:user/postern/alice"),
            Ok(Asked::User(home, "alice".parse().unwrap()))
        );
        for arn in [
            "arn:aws:iam::222222222222:role/postern/developer",
            "arn:aws:sts::222222222222:assumed-role/developer/alice",
        ] {
            assert_eq!(asked(arn), Ok(Asked::Role(prod, "developer".parse().unwrap())), "{arn}");
        }
        assert!(asked("arn:aws:s3:::bucket").is_err());
    }
}
