//! What each user could do, and what the roles of the estate leave of what they used.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{
    ADMIN_ROLE, Account, Desired, Estate,
    migrate::{Entry, Judgement, Kind, Proposal, Usage},
};
use postern_prove::{Answer, Caller, Change, Doer, Held, Reach, ServiceOutlook, SessionFacts, World};
use postern_types::{AccountId, PolicyArn, Region, RoleArn, RoleName, UserArn, UserName};

use super::Source;
use crate::estate_file::EstateFile;

/// A user before and after.
pub(crate) struct UserOutlook {
    pub(crate) name: UserName,
    pub(crate) judgement: Judgement,
    pub(crate) entry: Entry,
    /// With the key alone; none for a user without an active one.
    pub(crate) by_key: Option<Power>,
    /// With MFA, or signed in to the console.
    pub(crate) with_mfa: Power,
    pub(crate) has_password: bool,
    /// What it used; none where that was not read.
    pub(crate) usage: Option<Usage>,
    /// What is left of each service that a person used.
    pub(crate) services: Vec<ServiceOutlook>,
}

/// What someone may do with a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Power {
    /// The calls by which rights grow.
    pub(crate) iam_writes: BTreeSet<&'static str>,
    /// The roles that are reached, at once or over others.
    pub(crate) roles: BTreeSet<RoleName>,
    /// Whether anything can be done at all, for all that is known.
    pub(crate) is_any: bool,
}

/// Calls by which whoever may make them on anyone gives themselves the rest.
const ADMINISTERS: [&str; 4] =
    ["iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:PutRolePolicy", "iam:CreatePolicyVersion"];

impl Power {
    /// Whether it is an administrator's.
    pub(crate) fn administers(&self) -> bool {
        ADMINISTERS.iter().any(|call| self.iam_writes.contains(call))
    }
}

/// Looks at every user of a proposal. Beside them come the policies that count and are not known.
pub(crate) fn of(
    file: &EstateFile,
    desired: &Desired,
    source: &Source,
    proposal: Proposal,
) -> (Vec<UserOutlook>, Vec<String>) {
    let managed = |arn: &PolicyArn| postern_sandbox::aws_managed_policy_text(arn.as_str()).map(str::to_owned);
    let before = estate_of(source.id, source.found.clone());
    let after = estate_of(source.id, with_roles(&source.found, desired.estate.accounts.get(&source.id)));
    let worlds =
        [World::new(&before, desired.partition, &managed), World::new(&after, desired.partition, &managed)];
    let [before, after] = &worlds;
    let looker = Looker {
        file,
        source,
        desired,
        before,
        after,
        region: file.design.region.value.clone(),
        sessions: BTreeMap::new(),
    };
    let outlooks = looker.look(proposal);
    let missing: BTreeSet<String> = worlds
        .iter()
        .flat_map(World::missing)
        .map(|missing| format!("{} of {}: {}", missing.policy, missing.holder, missing.problem))
        .collect();
    (outlooks, missing.into_iter().collect())
}

fn estate_of(id: AccountId, account: Account) -> Estate {
    Estate { accounts: [(id, account)].into(), ..Estate::default() }
}

/// The account as it will be once the estate's roles stand beside what is there.
fn with_roles(found: &Account, desired: Option<&Account>) -> Account {
    let mut account = found.clone();
    if let Some(desired) = desired {
        account.roles.extend(desired.roles.iter().map(|(name, role)| (name.clone(), role.clone())));
        account.policies.extend(desired.policies.iter().map(|(name, policy)| (name.clone(), policy.clone())));
    }
    account
}

struct Looker<'a> {
    file: &'a EstateFile,
    source: &'a Source,
    desired: &'a Desired,
    before: &'a World<'a>,
    after: &'a World<'a>,
    region: Region,
    /// Sessions of the estate's roles, each made once: they remember what they were asked.
    sessions: BTreeMap<RoleName, Doer>,
}

impl Looker<'_> {
    fn look(mut self, proposal: Proposal) -> Vec<UserOutlook> {
        let arns: Vec<UserArn> = self.before.users().map(|(arn, _)| arn).collect();
        let reach = Reach::of_users(self.before, &arns);
        let mut judgements = proposal.judgements;
        let mut entries = proposal.migration.users;
        let mut outlooks = Vec::with_capacity(arns.len());
        for arn in arns {
            let (Some((name, entry)), Some(judgement)) =
                (entries.remove_entry(arn.name()), judgements.remove(arn.name()))
            else {
                continue;
            };
            let usage = self.source.usage.users.get(&name).cloned();
            let services = self.services(&arn, &entry, usage.as_ref());
            outlooks.push(UserOutlook {
                by_key: self
                    .has_key(&name, usage.as_ref())
                    .then(|| self.power(&arn, Held::LongTermKey, &reach)),
                with_mfa: self.power(&arn, Held::SessionWithMfa, &reach),
                has_password: self.has_password(&name, usage.as_ref()),
                name,
                judgement,
                entry,
                usage,
                services,
            });
        }
        outlooks
    }

    fn has_key(&self, name: &UserName, usage: Option<&Usage>) -> bool {
        let held = self.source.found.users.get(name).and_then(|user| user.credentials.as_ref());
        held.is_some_and(|held| held.access_keys.values().any(|key| key.active))
            || usage.is_some_and(|usage| usage.access_keys().any(|key| key.active))
    }

    fn has_password(&self, name: &UserName, usage: Option<&Usage>) -> bool {
        let held = self.source.found.users.get(name).and_then(|user| user.credentials.as_ref());
        held.is_some_and(|held| held.login_profile)
            || usage.is_some_and(|usage| usage.password.is_some_and(|password| password.enabled))
    }

    fn power(&self, user: &UserArn, held: Held, reach: &Reach) -> Power {
        let Some(caller) = Caller::user(self.before, user, held) else { return Power::default() };
        let grants = reach.grants().filter(|grant| grant.user == *user && grant.held == held);
        let roles: BTreeSet<RoleName> = grants.map(|grant| grant.role.name().clone()).collect();
        let (any, _) = caller.first_power();
        Power { iam_writes: caller.iam_writes(), is_any: !roles.is_empty() || any != Answer::Never, roles }
    }

    fn services(&mut self, user: &UserArn, entry: &Entry, usage: Option<&Usage>) -> Vec<ServiceOutlook> {
        let Kind::Person { administrator, .. } = &entry.kind else { return Vec::new() };
        let (administrator, Some(usage)) = (*administrator, usage) else { return Vec::new() };
        let roles = self.roles(&entry.kind);
        let admin: Option<RoleName> = ADMIN_ROLE.parse().ok().filter(|_| administrator);
        for role in roles.iter().chain(&admin) {
            self.make_session(role);
        }
        let by = |held| Caller::user(self.before, user, held);
        let before: Vec<Doer> = [by(Held::LongTermKey), by(Held::SessionWithMfa)]
            .into_iter()
            .flatten()
            .map(|caller| Doer::new(caller, self.region.clone()))
            .collect();
        let after: Vec<&Doer> = roles.iter().filter_map(|role| self.sessions.get(role)).collect();
        let change = Change {
            before: &before,
            after: &after,
            administrator: admin.as_ref().and_then(|role| self.sessions.get(role)),
        };
        usage.used_services().filter_map(|service| change.outlook(service)).collect()
    }

    /// The roles of this account that someone is to get.
    fn roles(&self, kind: &Kind) -> BTreeSet<RoleName> {
        let Kind::Person { roles, .. } = kind else { return BTreeSet::new() };
        let design = &self.file.design;
        let here = design.accounts.iter().filter(|(_, account)| account.id.value == self.source.id);
        here.flat_map(|(account, _)| {
            design.roles.iter().filter(move |(name, role)| {
                role.is_made_in(account) && roles.iter().any(|pattern| pattern.matches(account, name))
            })
        })
        .map(|(name, _)| name.clone())
        .collect()
    }

    fn make_session(&mut self, name: &RoleName) {
        if self.sessions.contains_key(name) {
            return;
        }
        let role = self.desired.estate.accounts.get(&self.source.id).and_then(|a| a.roles.get(name));
        let Some(role) = role else { return };
        let arn = RoleArn::new(self.desired.partition, self.source.id, &role.path, name);
        if let Some(caller) = Caller::role_session(self.after, &arn, &SessionFacts::default()) {
            self.sessions.insert(name.clone(), Doer::new(caller, self.region.clone()));
        }
    }
}
