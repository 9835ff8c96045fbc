//! What the families of operations share: looking things up, checking, writing.

use std::collections::BTreeSet;

use postern_policy::Document;
use postern_types::Arn;

use crate::{
    ServiceError,
    managed::ManagedPolicy,
    model::{Account, Group, Policy, PolicyText, Role, Tag, User},
    operation::Needs,
    wire::{Rule, Xml},
};

/// The path of a new entity: any text here, judged by [`check_path`] in the words that AWS uses for it.
pub(super) const ANY_PATH: Rule = Rule::text(1, 512);

/// `[\w+=,.@-]` between slashes, as policies want their paths and prefixes.
pub(super) const POLICY_PATH: Rule = Rule::pattern(1, 512, r"((/[A-Za-z0-9\.,\+@=_-]+)*)/", |text| {
    text.starts_with('/')
        && text.ends_with('/')
        && !text.contains("//")
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | ',' | '+' | '@' | '=' | '_' | '-'))
});

/// Refuses a path that does not begin and end with a slash.
pub(super) fn check_path(path: &str) -> Result<(), ServiceError> {
    let formed = path.starts_with('/')
        && path.ends_with('/')
        && path.chars().all(|c| matches!(c, '\u{21}'..='\u{7e}'));
    if formed {
        Ok(())
    } else {
        Err(ServiceError::validation(
            "The specified value for path is invalid. It must begin and end with / and contain only \
             alphanumeric characters and/or / characters.",
        ))
    }
}

pub(super) fn missing(kind: &str, name: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("The {kind} with name {name} cannot be found."))
}

pub(super) fn user_missing(name: &str) -> ServiceError {
    missing("user", name)
}

pub(super) fn find_user_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut User, ServiceError> {
    account.users.get_mut(name).ok_or_else(|| missing("user", name))
}

pub(super) fn find_group<'a>(account: &'a Account, name: &str) -> Result<&'a Group, ServiceError> {
    account.groups.get(name).ok_or_else(|| missing("group", name))
}

pub(super) fn find_group_mut<'a>(
    account: &'a mut Account,
    name: &str,
) -> Result<&'a mut Group, ServiceError> {
    account.groups.get_mut(name).ok_or_else(|| missing("group", name))
}

pub(super) fn find_role<'a>(account: &'a Account, name: &str) -> Result<&'a Role, ServiceError> {
    account.roles.get(name).ok_or_else(|| missing("role", name))
}

/// A role that the account may change: service-linked ones are AWS's.
pub(super) fn find_role_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Role, ServiceError> {
    let role = account.roles.get_mut(name).ok_or_else(|| missing("role", name))?;
    check_own(role)?;
    Ok(role)
}

/// Refuses to change a service-linked role.
pub(super) fn check_own(role: &Role) -> Result<(), ServiceError> {
    if role.path.starts_with("/aws-service-role/") {
        return Err(ServiceError::unmodifiable(format!(
            "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
            role.name
        )));
    }
    Ok(())
}

// Managed policies, the account's own and AWS's.

/// A managed policy that can be attached here.
#[derive(Clone, Copy)]
pub(super) enum Managed<'a> {
    /// The account's own.
    Own(&'a Policy),
    /// AWS's.
    Aws(&'static ManagedPolicy),
}

impl<'a> Managed<'a> {
    /// The policy of this ARN, if this account can use it.
    pub(super) fn find(account: &'a Account, arn: &str) -> Option<Self> {
        account.policy_by_arn(arn).map(Self::Own).or_else(|| ManagedPolicy::find(arn).map(Self::Aws))
    }

    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Own(policy) => &policy.name,
            Self::Aws(policy) => policy.name,
        }
    }

    pub(super) fn path(self) -> &'a str {
        match self {
            Self::Own(policy) => &policy.path,
            Self::Aws(policy) => policy.path,
        }
    }

    /// The version in force.
    pub(super) fn document(self) -> Option<&'a Document> {
        match self {
            Self::Own(policy) => policy.in_force().map(|version| &*version.policy.document),
            Self::Aws(policy) => policy.document(),
        }
    }
}

/// Refuses what is no ARN at all.
pub(super) fn check_policy_arn(arn: &str) -> Result<(), ServiceError> {
    match arn.parse::<Arn>() {
        Ok(_) => Ok(()),
        Err(_) => Err(ServiceError::validation(format!("ARN {arn} is not valid."))),
    }
}

/// Whether the ARN names a policy of AWS or of another account.
pub(super) fn is_foreign(account: &Account, arn: &str) -> bool {
    arn.parse::<Arn>().is_ok_and(|arn| arn.account() != Some(account.id))
}

pub(super) fn policy_not_found(arn: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("Policy {arn} was not found."))
}

pub(super) fn not_attachable(arn: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("Policy {arn} does not exist or is not attachable."))
}

/// Checks what is to become a permissions boundary.
pub(super) fn check_boundary(account: &Account, arn: &str) -> Result<(), ServiceError> {
    let is_policy =
        arn.parse::<Arn>().is_ok_and(|arn| arn.service() == "iam" && arn.resource().starts_with("policy/"));
    if !is_policy {
        return Err(ServiceError::invalid_input(format!("ARN {arn} is not valid.")));
    }
    match Managed::find(account, arn) {
        Some(_) => Ok(()),
        None => Err(ServiceError::no_such_entity(format!(
            "Scope ARN: {arn} does not exist or is not attachable."
        ))),
    }
}

/// How often a managed policy is attached, and how often it bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) attached: usize,
    pub(super) bounding: usize,
}

/// The uses of all managed policies by ARN, counted once for a whole answer.
pub(super) fn usages(account: &Account) -> std::collections::BTreeMap<&str, Usage> {
    let mut usages = std::collections::BTreeMap::<&str, Usage>::new();
    let users = account.users.iter().map(|user| (&user.attached, user.boundary.as_deref()));
    let groups = account.groups.iter().map(|group| (&group.attached, None));
    let roles = account.roles.iter().map(|role| (&role.attached, role.boundary.as_deref()));
    for (attached, boundary) in users.chain(groups).chain(roles) {
        for arn in attached {
            usages.entry(arn).or_default().attached += 1;
        }
        if let Some(arn) = boundary {
            usages.entry(arn).or_default().bounding += 1;
        }
    }
    usages
}

pub(super) fn usage(account: &Account, arn: &str) -> Usage {
    usages(account).get(arn).copied().unwrap_or_default()
}

// Documents.

/// Checks an identity policy as AWS does when it is written.
pub(super) fn identity_policy(text: &str) -> Result<PolicyText, ServiceError> {
    match postern_policy::stored::check_identity_policy(text) {
        Ok(document) => Ok(PolicyText::new(text, document)),
        Err(error) => Err(ServiceError::new(400, error.code, error.message)),
    }
}

/// The size that counts against quotas: characters that are not white space.
pub(super) fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

// Tags.

/// Whether tag keys differ by case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TagKeys {
    /// On users and roles `Team` and `team` are the same key.
    IgnoreCase,
    /// On everything else they are two.
    Exact,
}

impl TagKeys {
    fn form(self, key: &str) -> String {
        match self {
            Self::IgnoreCase => key.to_lowercase(),
            Self::Exact => key.to_owned(),
        }
    }

    /// Refuses the same key twice in one request, and keys that are AWS's.
    pub(super) fn check(self, tags: &[Tag]) -> Result<(), ServiceError> {
        let mut seen = BTreeSet::new();
        if !tags.iter().all(|tag| seen.insert(self.form(&tag.key))) {
            return Err(ServiceError::invalid_input(match self {
                Self::IgnoreCase => {
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive."
                }
                Self::Exact => "Duplicate tag keys found.",
            }));
        }
        // Our words: the prefix is reserved (*IAM User Guide*, "Tags for IAM resources").
        if tags.iter().any(|tag| tag.key.to_lowercase().starts_with("aws:")) {
            return Err(ServiceError::invalid_input(
                "Tag keys starting with 'aws:' are reserved for internal use.",
            ));
        }
        Ok(())
    }

    /// The tags that stand when these are added: same keys are overwritten in place.
    pub(super) fn merged(self, present: &[Tag], added: &[Tag]) -> Result<Vec<Tag>, ServiceError> {
        self.check(added)?;
        let mut tags = present.to_vec();
        for tag in added {
            match tags.iter_mut().find(|old| self.form(&old.key) == self.form(&tag.key)) {
                Some(old) => *old = tag.clone(),
                None => tags.push(tag.clone()),
            }
        }
        if tags.len() > 50 {
            return Err(ServiceError::limit_exceeded("The number of tags has reached the maximum limit."));
        }
        Ok(tags)
    }

    /// The tags that stand when these keys are removed; unknown ones are nobody's business.
    pub(super) fn without(self, present: &[Tag], keys: &[String]) -> Vec<Tag> {
        let gone: BTreeSet<String> = keys.iter().map(|key| self.form(key)).collect();
        present.iter().filter(|tag| !gone.contains(&self.form(&tag.key))).cloned().collect()
    }
}

/// Whoever makes something with tags must be allowed to tag it, too.
pub(super) fn tagging(needs: Needs, action: &'static str, arn: &str, tags: &[Tag]) -> Needs {
    if tags.is_empty() { needs } else { needs.also(action, arn).request_tags(tags) }
}

// Members of answers.

/// `Tags`, left out when there are none.
pub(super) fn write_tags(xml: &mut Xml, tags: &[Tag]) {
    if !tags.is_empty() {
        write_all_tags(xml, tags);
    }
}

/// `Tags`, be they none.
pub(super) fn write_all_tags(xml: &mut Xml, tags: &[Tag]) {
    xml.list("Tags", tags, |xml, tag| {
        xml.text("Key", &tag.key);
        xml.text("Value", &tag.value);
    });
}

/// `PermissionsBoundary`, left out when there is none.
pub(super) fn write_boundary(xml: &mut Xml, boundary: Option<&str>) {
    if let Some(arn) = boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy");
            xml.text("PermissionsBoundaryArn", arn);
        });
    }
}

/// `AttachedManagedPolicies` or `AttachedPolicies`: names and ARNs.
pub(super) fn write_attached<'a>(
    xml: &mut Xml,
    name: &str,
    account: &Account,
    arns: impl IntoIterator<Item = &'a String>,
) {
    xml.list(name, arns, |xml, arn| {
        xml.text("PolicyName", Managed::find(account, arn).map_or("", |policy| policy.name()));
        xml.text("PolicyArn", arn);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(keys: &[&str]) -> Vec<Tag> {
        keys.iter().map(|key| Tag { key: (*key).to_owned(), value: format!("v-{key}") }).collect()
    }

    #[test]
    fn keys_of_tags_are_one_or_two_by_kind() {
        let twice = tags(&["Team", "team"]);
        assert!(TagKeys::IgnoreCase.check(&twice).is_err());
        assert!(TagKeys::Exact.check(&twice).is_ok());
        let merged = TagKeys::IgnoreCase.merged(&tags(&["a", "Team", "z"]), &tags(&["team"])).unwrap();
        assert_eq!(merged, tags(&["a", "team", "z"]));
        assert_eq!(TagKeys::Exact.merged(&tags(&["Team"]), &tags(&["team"])).unwrap().len(), 2);
        assert_eq!(TagKeys::IgnoreCase.without(&twice, &["TEAM".to_owned()]), []);
        assert_eq!(TagKeys::Exact.without(&twice, &["TEAM".to_owned(), "Team".to_owned()]), tags(&["team"]));
    }

    #[test]
    fn white_space_costs_nothing() {
        assert_eq!(size(" {\n \"a\":\t1 } "), size("{\"a\":1}"));
    }
}
