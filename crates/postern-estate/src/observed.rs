//! What AWS answered, as plain data: the way into an actual [`Account`].
//!
//! The fields are those of `GetAccountAuthorizationDetails`, plus what it leaves out: a role's
//! `MaxSessionDuration` and description (`ListRoles`), the alias (`ListAccountAliases`), the password
//! policy (`GetAccountPasswordPolicy`), quotas (`GetAccountSummary`), and, where someone looked, a
//! policy's tags (`ListPolicyTags`) and a user's credentials. Documents are taken as they come, in
//! clear or percent-encoded.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use percent_encoding::percent_decode_str;
use postern_types::{ParseError, PolicyArn, PolicyName, SessionDuration};

use crate::{
    Account, Credentials, Group, ManagedPolicy, PasswordPolicy, PolicyDocument, PolicyVersion, Quotas, Role,
    Tags, User,
};

/// An inline policy: its name and its document.
pub type InlinePolicy = (String, String);

/// Everything read in one account.
#[derive(Clone, Debug, Default)]
pub struct AccountDetails {
    /// `UserDetailList`
    pub users: Vec<UserDetail>,
    /// `GroupDetailList`
    pub groups: Vec<GroupDetail>,
    /// `RoleDetailList`
    pub roles: Vec<RoleDetail>,
    /// `Policies`, the customer-managed ones (others are left out of the estate).
    pub policies: Vec<ManagedPolicyDetail>,
    /// `AccountAliases`
    pub aliases: Vec<String>,
    /// The password policy; none where `GetAccountPasswordPolicy` answers `NoSuchEntity`.
    pub password_policy: Option<PasswordPolicy>,
    /// `SummaryMap`; empty for AWS's default quotas.
    pub summary: BTreeMap<String, i64>,
}

/// `UserDetail`
#[derive(Clone, Debug, Default)]
pub struct UserDetail {
    /// `UserName`
    pub user_name: String,
    /// `UserId`
    pub user_id: String,
    /// `Path`
    pub path: String,
    /// `GroupList`
    pub groups: Vec<String>,
    /// `UserPolicyList`
    pub inline: Vec<InlinePolicy>,
    /// `AttachedManagedPolicies`, their ARNs
    pub attached: Vec<String>,
    /// `PermissionsBoundary`, its ARN
    pub boundary: Option<String>,
    /// `Tags`
    pub tags: Vec<(String, String)>,
    /// Access keys, MFA devices and password, if someone looked.
    pub credentials: Option<Credentials>,
}

/// `GroupDetail`
#[derive(Clone, Debug, Default)]
pub struct GroupDetail {
    /// `GroupName`
    pub group_name: String,
    /// `Path`
    pub path: String,
    /// `GroupPolicyList`
    pub inline: Vec<InlinePolicy>,
    /// `AttachedManagedPolicies`, their ARNs
    pub attached: Vec<String>,
}

/// `RoleDetail`, with what `ListRoles` adds.
#[derive(Clone, Debug, Default)]
pub struct RoleDetail {
    /// `RoleName`
    pub role_name: String,
    /// `RoleId`
    pub role_id: String,
    /// `Path`
    pub path: String,
    /// `AssumeRolePolicyDocument`
    pub trust: String,
    /// `RolePolicyList`
    pub inline: Vec<InlinePolicy>,
    /// `AttachedManagedPolicies`, their ARNs
    pub attached: Vec<String>,
    /// `PermissionsBoundary`, its ARN
    pub boundary: Option<String>,
    /// `Tags`
    pub tags: Vec<(String, String)>,
    /// `InstanceProfileList`, their names
    pub instance_profiles: Vec<String>,
    /// `MaxSessionDuration` of `ListRoles`, in seconds
    pub max_session_seconds: Option<u32>,
    /// `Description` of `ListRoles`
    pub description: Option<String>,
}

/// `ManagedPolicyDetail`
#[derive(Clone, Debug, Default)]
pub struct ManagedPolicyDetail {
    /// `PolicyName`
    pub policy_name: String,
    /// `Arn`
    pub arn: String,
    /// `Path`
    pub path: String,
    /// `PolicyVersionList`: id, document, whether it is the default, in any order
    pub versions: Vec<(String, String, bool)>,
    /// Tags of `ListPolicyTags`, if someone looked.
    pub tags: Option<Vec<(String, String)>>,
}

/// Something in AWS's answer that is not what AWS answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {problem}")]
pub struct DetailError {
    /// The object as AWS names it, such as `role developer`.
    pub object: String,
    /// What is wrong with it.
    pub problem: String,
}

impl AccountDetails {
    /// The account that these answers describe.
    ///
    /// # Errors
    /// Everything that does not parse, at once: an object left out would look like one that is missing.
    pub fn into_account(self) -> Result<Account, Vec<DetailError>> {
        let mut errors = Vec::new();
        let mut account = Account {
            password_policy: self.password_policy,
            quotas: Quotas::from_summary(&self.summary),
            ..Account::default()
        };
        for user in self.users {
            let at = format!("user {}", user.user_name);
            keep(
                &mut account.users,
                parse(&at, &user.user_name).and_then(|n| Ok((n, user.read(&at)?))),
                &mut errors,
            );
        }
        for group in self.groups {
            let at = format!("group {}", group.group_name);
            keep(
                &mut account.groups,
                parse(&at, &group.group_name).and_then(|n| Ok((n, group.read(&at)?))),
                &mut errors,
            );
        }
        for role in self.roles {
            let at = format!("role {}", role.role_name);
            keep(
                &mut account.roles,
                parse(&at, &role.role_name).and_then(|n| Ok((n, role.read(&at)?))),
                &mut errors,
            );
        }
        for policy in self.policies {
            let at = format!("policy {}", policy.policy_name);
            match policy.read(&at) {
                Ok(None) => {}
                Ok(Some(entry)) => keep(&mut account.policies, Ok(entry), &mut errors),
                Err(error) => errors.push(error),
            }
        }
        match self.aliases.first().map(|alias| parse("account alias", alias)) {
            Some(Ok(alias)) => account.alias = Some(alias),
            Some(Err(error)) => errors.push(error),
            None => {}
        }
        if errors.is_empty() { Ok(account) } else { Err(errors) }
    }
}

fn keep<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    entry: Result<(K, V), DetailError>,
    errors: &mut Vec<DetailError>,
) {
    match entry {
        Ok((key, value)) => {
            map.insert(key, value);
        }
        Err(error) => errors.push(error),
    }
}

impl UserDetail {
    fn read(&self, at: &str) -> Result<User, DetailError> {
        Ok(User {
            path: parse(at, &self.path)?,
            // Emulators make up ids of other shapes, and nothing is lost by not knowing one.
            id: self.user_id.parse().ok(),
            tags: tags(&self.tags),
            groups: self.groups.iter().map(|g| parse(at, g)).collect::<Result<_, _>>()?,
            inline: inline(at, &self.inline)?,
            attached: self.attached.iter().map(|arn| parse(at, arn)).collect::<Result<_, _>>()?,
            boundary: self.boundary.as_ref().map(|arn| parse(at, arn)).transpose()?,
            credentials: self.credentials.clone(),
        })
    }
}

impl GroupDetail {
    fn read(&self, at: &str) -> Result<Group, DetailError> {
        Ok(Group {
            path: parse(at, &self.path)?,
            inline: inline(at, &self.inline)?,
            attached: self.attached.iter().map(|arn| parse(at, arn)).collect::<Result<_, _>>()?,
        })
    }
}

impl RoleDetail {
    fn read(&self, at: &str) -> Result<Role, DetailError> {
        Ok(Role {
            path: parse(at, &self.path)?,
            id: self.role_id.parse().ok(),
            tags: tags(&self.tags),
            trust: document(at, &self.trust)?,
            max_session: self.max_session_seconds.map(SessionDuration::from_seconds),
            description: self.description.clone(),
            inline: inline(at, &self.inline)?,
            attached: self.attached.iter().map(|arn| parse(at, arn)).collect::<Result<_, _>>()?,
            boundary: self.boundary.as_ref().map(|arn| parse(at, arn)).transpose()?,
            instance_profiles: self.instance_profiles.iter().cloned().collect(),
        })
    }
}

impl ManagedPolicyDetail {
    /// None for a policy of AWS's own, which `GetAccountAuthorizationDetails` lists too when asked for.
    fn read(&self, at: &str) -> Result<Option<(PolicyName, ManagedPolicy)>, DetailError> {
        let arn: PolicyArn = parse(at, &self.arn)?;
        if arn.account().is_none() {
            return Ok(None);
        }
        let mut versions = self.versions.clone();
        versions.sort_by_key(|(id, _, _)| id.trim_start_matches('v').parse::<u64>().unwrap_or(u64::MAX));
        let default = versions.iter().find(|(_, _, is_default)| *is_default).ok_or_else(|| DetailError {
            object: at.to_owned(),
            problem: "no version of it is the default".to_owned(),
        })?;
        let policy = ManagedPolicy {
            path: parse(at, &self.path)?,
            tags: self.tags.as_deref().map(tags),
            document: document(at, &default.1)?,
            versions: versions
                .iter()
                .map(|(id, _, is_default)| PolicyVersion { id: id.clone(), is_default: *is_default })
                .collect(),
        };
        Ok(Some((arn.name().clone(), policy)))
    }
}

fn parse<T: FromStr<Err = ParseError>>(at: &str, text: &str) -> Result<T, DetailError> {
    text.parse().map_err(|e: ParseError| DetailError { object: at.to_owned(), problem: e.to_string() })
}

fn tags(pairs: &[(String, String)]) -> Tags {
    pairs.iter().cloned().collect()
}

fn inline(at: &str, policies: &[InlinePolicy]) -> Result<BTreeMap<PolicyName, PolicyDocument>, DetailError> {
    policies.iter().map(|(name, text)| Ok((parse(at, name)?, document(at, text)?))).collect()
}

/// A document in clear begins with a brace; an encoded one with `%7B`, or with an encoded blank.
fn document(at: &str, text: &str) -> Result<PolicyDocument, DetailError> {
    if text.trim_start().starts_with('{') {
        return Ok(PolicyDocument::new(Arc::from(text)));
    }
    let clear = percent_decode_str(text).decode_utf8().map_err(|_| DetailError {
        object: at.to_owned(),
        problem: "its policy document is not UTF-8".to_owned(),
    })?;
    Ok(PolicyDocument::new(Arc::from(clear)))
}
