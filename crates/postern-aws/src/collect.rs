//! Reading what is: one account's IAM, or those of a whole estate at once.

use std::{collections::BTreeMap, future::Future};

use aws_sdk_iam::types::{EntityType, PolicyDetail, Tag};
use postern_estate::{
    Account, Credentials, Estate, Gap, PasswordPolicy, Snapshot,
    observed::{AccountDetails, GroupDetail, InlinePolicy, ManagedPolicyDetail, RoleDetail, UserDetail},
};
use postern_types::{AccountId, Timestamp};
use tokio::sync::Semaphore;

use crate::{AwsError, Connection, Identity, Kind, Unreachable, patience::patiently, together};

/// The path under which estates keep what is theirs. Only there is it worth a call per object to read what
/// `GetAccountAuthorizationDetails` leaves out.
const ESTATE_PATH: &str = "/postern/";

/// Calls in flight per account for what is read object by object.
const AT_ONCE: usize = 8;

/// What is to be read, and who hears of it.
pub struct Reading<'a> {
    /// A connection into each account.
    pub connections: &'a BTreeMap<AccountId, Connection>,
    /// Whether each connection was already asked for its identity (see [`identities`]).
    pub identified: bool,
    /// The accounts whose alias and password policy matter; a call each.
    pub settings_of: &'a dyn Fn(AccountId) -> bool,
    /// Whether users outside the estate's path are asked for too.
    pub foreign: bool,
    /// The users whose credentials matter; three calls each.
    pub credentials_of: &'a dyn Fn(AccountId, &str) -> bool,
    /// Whether those that hardly anybody has matter too; three calls more.
    pub rare_credentials: bool,
    /// Hears how it goes.
    pub tell: &'a dyn Fn(Progress<'_>),
}

/// How a reading goes.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// An account was read, as far as it could be.
    Read(AccountId),
    /// AWS asks for patience or gave no answer, and is asked again after a pause.
    Waiting(AccountId, &'a AwsError),
}

/// Reads several accounts, all at once, and everything in them.
///
/// A call that fails leaves a gap in the snapshot that names it, never an empty list in silence. An account
/// whose objects could not be read at all is not in the estate.
///
/// `now` is asked when the last answer is in.
#[must_use]
pub fn collect(connections: &BTreeMap<AccountId, Connection>, now: &dyn Fn() -> Timestamp) -> Snapshot {
    let everything = Reading {
        connections,
        identified: false,
        settings_of: &|_| true,
        foreign: false,
        credentials_of: &|_, _| true,
        rare_credentials: false,
        tell: &|_| {},
    };
    everything.collect(now)
}

/// Reads one account that may hold anything: as [`collect`], with the credentials of every user.
#[must_use]
pub fn survey(account: AccountId, connection: &Connection, now: &dyn Fn() -> Timestamp) -> Snapshot {
    let everything = Reading {
        connections: &BTreeMap::new(),
        identified: false,
        settings_of: &|_| true,
        foreign: true,
        credentials_of: &|_, _| true,
        rare_credentials: false,
        tell: &|_| {},
    };
    let (_, found, gaps) = connection.aws.block_on(everything.read(account, connection));
    let accounts = found.map(|found| (account, found)).into_iter().collect();
    Snapshot { estate: Estate { accounts, ..Estate::default() }, taken_at: now(), gaps }
}

/// Asks each connection who it is, all at once.
#[must_use]
pub fn identities(
    connections: &BTreeMap<AccountId, Connection>,
) -> BTreeMap<AccountId, Result<Identity, AwsError>> {
    let Some(any) = connections.values().next() else { return BTreeMap::new() };
    let asked = connections.iter().map(|(account, connection)| async move {
        (*account, patiently(connection, &|_| {}, || connection.identity()).await)
    });
    any.aws.block_on(together::all(asked)).into_iter().collect()
}

impl Reading<'_> {
    /// As [`collect`], of what is wanted: what is not is absent, as if it had not been there.
    #[must_use]
    pub fn collect(&self, now: &dyn Fn() -> Timestamp) -> Snapshot {
        let mut snapshot = Snapshot { estate: Estate::default(), taken_at: Timestamp::MIN, gaps: Vec::new() };
        if let Some(connection) = self.connections.values().next() {
            let reads = self.connections.iter().map(|(account, connection)| async {
                let read = self.read(*account, connection).await;
                (self.tell)(Progress::Read(*account));
                read
            });
            for (account, found, gaps) in connection.aws.block_on(together::all(reads)) {
                snapshot.gaps.extend(gaps);
                if let Some(found) = found {
                    snapshot.estate.accounts.insert(account, found);
                }
            }
        }
        snapshot.taken_at = now();
        snapshot
    }
}

/// The gaps of one account, as they come up.
struct Gaps(AccountId, Vec<Gap>);

impl Gaps {
    fn push(&mut self, call: &str, cause: String) {
        self.1.push(Gap { account: self.0, call: call.to_owned(), cause });
    }

    /// The answer; without one a gap, and nothing in its place.
    fn or_default<T: Default>(&mut self, answer: Result<T, AwsError>) -> T {
        answer.unwrap_or_else(|error| {
            self.push(&error.operation, reason(&error));
            T::default()
        })
    }
}

/// The cause without the operation, which the gap names itself.
pub(crate) fn reason(error: &AwsError) -> String {
    match &error.answer {
        Some(answer) if !answer.code.is_empty() => format!("{}: {}", answer.code, answer.message),
        Some(answer) => format!("HTTP status {}", answer.status),
        None => match error.kind {
            Kind::Unreachable(why) => why.to_string(),
            _ => error.to_string(),
        },
    }
}

impl Reading<'_> {
    async fn read(
        &self,
        account: AccountId,
        connection: &Connection,
    ) -> (AccountId, Option<Account>, Vec<Gap>) {
        let mut gaps = Gaps(account, Vec::new());
        let tell = &|error: &AwsError| (self.tell)(Progress::Waiting(account, error));
        if !self.identified {
            match patiently(connection, tell, || connection.identity()).await {
                Ok(identity) if identity.account == account => {}
                Ok(identity) => {
                    let found = identity.account;
                    gaps.push(
                        "sts:GetCallerIdentity",
                        format!("the credentials are of account {found}, not {account}"),
                    );
                    return (account, None, gaps.1);
                }
                Err(error) => {
                    gaps.push(&error.operation, reason(&error));
                    return (account, None, gaps.1);
                }
            }
        }
        let settings = (self.settings_of)(account);
        let (details, roles, aliases, passwords, summary) = tokio::join!(
            patiently(connection, tell, || authorization_details(connection)),
            patiently(connection, tell, || roles(connection)),
            patiently(connection, tell, || only_if(settings, || aliases(connection))),
            patiently(connection, tell, || only_if(settings, || password_policy(connection))),
            patiently(connection, tell, || summary(connection)),
        );
        let mut details = match details {
            Ok(details) => details,
            Err(error) => {
                gaps.push(&error.operation, reason(&error));
                return (account, None, gaps.1);
            }
        };
        let mut listed = gaps.or_default(roles);
        for role in &mut details.roles {
            if let Some((seconds, description)) = listed.remove(&role.role_name) {
                role.max_session_seconds = seconds;
                role.description = description;
            }
        }
        details.aliases = gaps.or_default(aliases);
        details.password_policy = gaps.or_default(passwords);
        details.summary = gaps.or_default(summary);
        self.one_by_one(connection, &mut details, &mut gaps).await;
        match details.into_account() {
            Ok(found) => (account, Some(found), gaps.1),
            Err(errors) => {
                for error in errors {
                    gaps.push("iam:GetAccountAuthorizationDetails", error.to_string());
                }
                (account, None, gaps.1)
            }
        }
    }

    /// Reads what has a call of its own per object: policies' tags, people's credentials.
    async fn one_by_one(&self, connection: &Connection, details: &mut AccountDetails, gaps: &mut Gaps) {
        let account = gaps.0;
        let tell = &|error: &AwsError| (self.tell)(Progress::Waiting(account, error));
        let turns = &Semaphore::new(AT_ONCE);
        let ours = |path: &str| path.starts_with(ESTATE_PATH);
        let policies = details.policies.iter().filter(|policy| ours(&policy.path)).map(|policy| async move {
            let _turn = turns.acquire().await;
            let read = patiently(connection, tell, || policy_tags(connection, &policy.arn)).await;
            (policy.arn.clone(), read)
        });
        let wanted = |user: &&UserDetail| {
            (self.foreign || ours(&user.path)) && (self.credentials_of)(account, &user.user_name)
        };
        let users = details.users.iter().filter(wanted).map(|user| async move {
            let _turn = turns.acquire().await;
            let rare = self.rare_credentials;
            let read = patiently(connection, tell, || credentials(connection, &user.user_name, rare)).await;
            (user.user_name.clone(), read)
        });
        let (policies, users) = tokio::join!(together::all(policies), together::all(users));
        let mut tags: BTreeMap<_, _> = policies.into_iter().collect();
        for policy in &mut details.policies {
            if let Some(read) = tags.remove(&policy.arn) {
                policy.tags = gaps.or_default(read.map(Some));
            }
        }
        let mut counts: BTreeMap<_, _> = users.into_iter().collect();
        for user in &mut details.users {
            if let Some(read) = counts.remove(&user.user_name) {
                user.credentials = gaps.or_default(read.map(Some));
            }
        }
    }
}

/// What is asked, or nothing at all.
async fn only_if<T: Default, F: Future<Output = Result<T, AwsError>>>(
    wanted: bool,
    ask: impl FnOnce() -> F,
) -> Result<T, AwsError> {
    if wanted { ask().await } else { Ok(T::default()) }
}

async fn authorization_details(connection: &Connection) -> Result<AccountDetails, AwsError> {
    let mut details = AccountDetails::default();
    let mut pages = connection
        .iam
        .get_account_authorization_details()
        .filter(EntityType::LocalManagedPolicy)
        .filter(EntityType::User)
        .filter(EntityType::Role)
        .filter(EntityType::Group)
        .max_items(1_000)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|e| connection.error(&e, "iam:GetAccountAuthorizationDetails"))?;
        details.users.extend(page.user_detail_list().iter().map(user));
        details.groups.extend(page.group_detail_list().iter().map(group));
        details.roles.extend(page.role_detail_list().iter().map(role));
        details.policies.extend(page.policies().iter().map(policy));
    }
    Ok(details)
}

/// What only `ListRoles` tells, by role: the longest session, and the description.
async fn roles(connection: &Connection) -> Result<BTreeMap<String, (Option<u32>, Option<String>)>, AwsError> {
    let mut found = BTreeMap::new();
    let mut roles = connection.iam.list_roles().max_items(1_000).into_paginator().items().send();
    while let Some(role) = roles.next().await {
        let role = role.map_err(|e| connection.error(&e, "iam:ListRoles"))?;
        let seconds = role.max_session_duration().and_then(|s| u32::try_from(s).ok());
        found.insert(role.role_name().to_owned(), (seconds, role.description().map(str::to_owned)));
    }
    Ok(found)
}

pub(crate) async fn aliases(connection: &Connection) -> Result<Vec<String>, AwsError> {
    let mut found = Vec::new();
    let mut aliases = connection.iam.list_account_aliases().into_paginator().items().send();
    while let Some(alias) = aliases.next().await {
        found.push(alias.map_err(|e| connection.error(&e, "iam:ListAccountAliases"))?);
    }
    Ok(found)
}

/// None where the account has none of its own, which AWS answers as an error.
pub(crate) async fn password_policy(connection: &Connection) -> Result<Option<PasswordPolicy>, AwsError> {
    let output = match connection.iam.get_account_password_policy().send().await {
        Ok(output) => output,
        Err(error) => {
            let error = connection.error(&error, "iam:GetAccountPasswordPolicy");
            return if error.kind == Kind::NotFound { Ok(None) } else { Err(error) };
        }
    };
    Ok(output.password_policy().map(|policy| PasswordPolicy {
        minimum_length: policy.minimum_password_length().and_then(|n| u8::try_from(n).ok()).unwrap_or(6),
        require_symbols: policy.require_symbols(),
        require_numbers: policy.require_numbers(),
        require_uppercase: policy.require_uppercase_characters(),
        require_lowercase: policy.require_lowercase_characters(),
        allow_users_to_change: policy.allow_users_to_change_password(),
        max_age_days: positive(policy.max_password_age()),
        reuse_prevention: positive(policy.password_reuse_prevention()),
        hard_expiry: policy.hard_expiry().unwrap_or(false),
    }))
}

/// Some emulators say 0 for what is not set.
fn positive<T: TryFrom<i32>>(number: Option<i32>) -> Option<T> {
    number.filter(|n| *n > 0).and_then(|n| T::try_from(n).ok())
}

async fn summary(connection: &Connection) -> Result<BTreeMap<String, i64>, AwsError> {
    let output = connection
        .iam
        .get_account_summary()
        .send()
        .await
        .map_err(|e| connection.error(&e, "iam:GetAccountSummary"))?;
    let map = output.summary_map().into_iter().flatten();
    Ok(map.map(|(key, value)| (key.as_str().to_owned(), i64::from(*value))).collect())
}

pub(crate) async fn policy_tags(
    connection: &Connection,
    arn: &str,
) -> Result<Vec<(String, String)>, AwsError> {
    let mut found = Vec::new();
    let mut tags = connection.iam.list_policy_tags().policy_arn(arn).into_paginator().items().send();
    while let Some(tag) = tags.next().await {
        let tag = tag.map_err(|e| connection.error(&e, "iam:ListPolicyTags"))?;
        found.push((tag.key().to_owned(), tag.value().to_owned()));
    }
    Ok(found)
}

async fn credentials(connection: &Connection, user: &str, rare: bool) -> Result<Credentials, AwsError> {
    const OPERATION: &str = "iam:GetAccountAuthorizationDetails";
    let malformed =
        |_| AwsError::new(Kind::Unreachable(Unreachable::Malformed), OPERATION, connection.account);
    let user = user.parse().map_err(malformed)?;
    if rare { connection.credentials_in_full(&user).await } else { connection.credentials_held(&user).await }
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn inline(policies: &[PolicyDetail]) -> Vec<InlinePolicy> {
    policies.iter().map(|policy| (text(policy.policy_name()), text(policy.policy_document()))).collect()
}

fn arns(policies: &[aws_sdk_iam::types::AttachedPolicy]) -> Vec<String> {
    policies.iter().map(|policy| text(policy.policy_arn())).collect()
}

pub(crate) fn pairs(tags: &[Tag]) -> Vec<(String, String)> {
    tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
}

fn boundary(boundary: Option<&aws_sdk_iam::types::AttachedPermissionsBoundary>) -> Option<String> {
    boundary.and_then(|b| b.permissions_boundary_arn()).map(str::to_owned)
}

fn user(user: &aws_sdk_iam::types::UserDetail) -> UserDetail {
    UserDetail {
        user_name: text(user.user_name()),
        user_id: text(user.user_id()),
        path: text(user.path()),
        groups: user.group_list().to_vec(),
        inline: inline(user.user_policy_list()),
        attached: arns(user.attached_managed_policies()),
        boundary: boundary(user.permissions_boundary()),
        tags: pairs(user.tags()),
        credentials: None,
    }
}

fn group(group: &aws_sdk_iam::types::GroupDetail) -> GroupDetail {
    GroupDetail {
        group_name: text(group.group_name()),
        path: text(group.path()),
        inline: inline(group.group_policy_list()),
        attached: arns(group.attached_managed_policies()),
    }
}

fn role(role: &aws_sdk_iam::types::RoleDetail) -> RoleDetail {
    let profiles = role.instance_profile_list().iter();
    RoleDetail {
        role_name: text(role.role_name()),
        role_id: text(role.role_id()),
        path: text(role.path()),
        trust: text(role.assume_role_policy_document()),
        inline: inline(role.role_policy_list()),
        attached: arns(role.attached_managed_policies()),
        boundary: boundary(role.permissions_boundary()),
        tags: pairs(role.tags()),
        instance_profiles: profiles.map(|profile| profile.instance_profile_name().to_owned()).collect(),
        max_session_seconds: None,
        description: None,
    }
}

fn policy(policy: &aws_sdk_iam::types::ManagedPolicyDetail) -> ManagedPolicyDetail {
    let versions = policy.policy_version_list().iter();
    ManagedPolicyDetail {
        policy_name: text(policy.policy_name()),
        arn: text(policy.arn()),
        path: text(policy.path()),
        versions: versions
            .map(|v| (text(v.version_id()), text(v.document()), v.is_default_version()))
            .collect(),
        tags: None,
    }
}
