//! From what is to what should be, in an order that is safe to stop in anywhere.
//!
//! Steps come in phases, each through all accounts:
//!
//! 1. **prepare**: what gives nobody anything: empty groups, users without groups, boundaries before the
//!    roles that they bound, roles with boundary and trust and no policy yet;
//! 2. **narrow**: everything that goes: memberships, grants, trusts, policies, whole objects;
//! 3. **widen** in the accounts people work in: boundaries, policies, then trusts;
//! 4. **grant** in the bastion: what groups may assume, then who is a member;
//! 5. **clean up**: what nothing uses any more.
//!
//! A change that both takes and gives is done in two steps, by way of what both have in common. So
//! until the end of phase 2 nobody can do more than before, and from then on nobody more than after.
//!
//! Only what is ours is touched: users and roles that carry the estate's tag, groups and policies under
//! `/postern/`. What is ours and not in the design goes, with these exceptions: a user who holds
//! credentials is only locked out; what only denies is left, because to remove it would widen access;
//! and the administrators' way in is never removed altogether.

mod bastion;
mod guards;
mod roles;
mod teardown;

pub use teardown::{teardown, teardown_with_credentials};

use std::collections::BTreeMap;

use postern_types::{AccountId, IamPath, PolicyArn, PolicyName};

use crate::{
    ADMIN_ROLE, Account, Action, BREAK_GLASS_GROUP, Conflict, ConflictKind, DeclaredBreakGlass, Desired,
    Estate, Kind, MANAGED_TAG, ManagedPolicy, Notice, NoticeKind, PATH, Plan, PolicyDocument, Reach, Step,
    StepKey, Tags, apply, design::tags, organization,
};

/// When a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Prepare,
    Narrow,
    Widen,
    Grant,
    CleanUp,
    /// Only of a [`teardown`]: the administrators' way in goes.
    WayIn,
}

impl Phase {
    const fn reach(self) -> Reach {
        match self {
            Self::Prepare | Self::CleanUp => Reach::Keeps,
            Self::Narrow | Self::WayIn => Reach::Narrows,
            Self::Widen | Self::Grant => Reach::Widens,
        }
    }
}

/// The steps from the actual estate to the desired one. Accounts that are not desired are left alone.
#[must_use]
pub fn diff(actual: &Estate, desired: &Desired) -> Plan {
    let mut planner = Planner { desired, steps: Vec::new(), conflicts: Vec::new(), notices: Vec::new() };
    for (id, wanted) in &desired.estate.accounts {
        match actual.accounts.get(id) {
            Some(found) => At { planner: &mut planner, id: *id, found, wanted }.plan(),
            None => planner.conflict(*id, Kind::Account, &id.to_string(), ConflictKind::NotRead),
        }
    }
    for role in &desired.one_sided {
        if desired.estate.accounts.contains_key(&role.account()) {
            planner.notice(role.account(), Kind::Role, role.name().as_str(), NoticeKind::OneSided);
        }
    }
    if let Some(DeclaredBreakGlass { people, accounts }) = desired.break_glass.clone() {
        let what = NoticeKind::BreakGlass { people, accounts };
        planner.notice(desired.bastion, Kind::Group, BREAK_GLASS_GROUP, what);
    }
    planner.finish(actual)
}

struct Planner<'a> {
    desired: &'a Desired,
    steps: Vec<(Phase, Reach, AccountId, Action)>,
    conflicts: Vec<Conflict>,
    notices: Vec<Notice>,
}

impl Planner<'_> {
    fn conflict(&mut self, account: AccountId, kind: Kind, name: &str, why: ConflictKind) {
        let key = StepKey { account, kind, name: name.to_owned() };
        self.conflicts.push(Conflict { key, kind: why });
    }

    fn notice(&mut self, account: AccountId, kind: Kind, name: &str, what: NoticeKind) {
        let key = StepKey { account, kind, name: name.to_owned() };
        self.notices.push(Notice { key, kind: what });
    }

    /// Puts the steps in order, and finds out what each of them will meet.
    fn finish(mut self, actual: &Estate) -> Plan {
        // Stable: within a phase an account's steps keep the order in which they were thought of.
        let bastion = self.desired.bastion;
        self.steps.sort_by_key(|(phase, _, account, _)| (*phase, *account != bastion, *account));
        let mut estate = actual.clone();
        let guards = self.organization(actual);
        let mut steps = Vec::with_capacity(self.steps.len());
        for (_, risk, account, action) in std::mem::take(&mut self.steps) {
            steps.push(step(&mut estate, account, action, risk));
        }
        if self.conflicts.is_empty() {
            self.unused_policies(&mut estate, &mut steps);
        }
        // After everything else: by whatever way the accounts are entered, they would bar it.
        for (risk, account, action) in guards {
            steps.push(step(&mut estate, account, action, risk));
        }
        Plan { steps, conflicts: self.conflicts, notices: self.notices }
    }

    /// Policies of ours that the design does not have, once all else is done.
    fn unused_policies(&mut self, estate: &mut Estate, steps: &mut Vec<Step>) {
        for (id, wanted) in &self.desired.estate.accounts {
            let Some(found) = estate.accounts.get(id).cloned() else { continue };
            for (name, policy) in &found.policies {
                if wanted.policies.contains_key(name) || policy.path.as_str() != PATH {
                    continue;
                }
                if !self.owns_policy(policy) {
                    self.notice(*id, Kind::Policy, name.as_str(), NoticeKind::Stranger);
                    continue;
                }
                let arn = PolicyArn::new(self.desired.partition, *id, &policy.path, name);
                if let Some(by) = apply::user_of_policy(&found, &arn) {
                    self.notice(*id, Kind::Policy, name.as_str(), NoticeKind::StillInUse { by });
                    continue;
                }
                for version in policy.versions.iter().filter(|version| !version.is_default) {
                    let action =
                        Action::DeletePolicyVersion { policy: arn.clone(), version: version.id.clone() };
                    steps.push(step(estate, *id, action, Reach::Keeps));
                }
                steps.push(step(estate, *id, Action::DeletePolicy { policy: arn }, Reach::Keeps));
            }
        }
    }

    fn owns(&self, tags: &Tags) -> bool {
        tags.get(MANAGED_TAG).is_some_and(|owner| owner == self.desired.name.as_str())
    }

    /// Users and roles are ours where they carry our tag and lie under our path.
    fn owns_at(&self, tags: &Tags, path: &IamPath) -> bool {
        self.owns(tags) && path.as_str() == PATH
    }

    /// A policy whose tags were not read is ours by its path.
    fn owns_policy(&self, policy: &ManagedPolicy) -> bool {
        policy.path.as_str() == PATH && policy.tags.as_ref().is_none_or(|tags| self.owns(tags))
    }
}

/// The step, and the estate behind it.
fn step(estate: &mut Estate, account: AccountId, action: Action, risk: Reach) -> Step {
    let (precondition, inverse) = if let Action::Organization(action) = &action {
        let now = estate.organization.as_ref();
        let inverse = organization::inverse(now, action).map(Action::Organization);
        (organization::precondition(now, action), inverse)
    } else {
        let now = estate.accounts.entry(account).or_default();
        (apply::precondition(now, &action), apply::inverse(now, &action))
    };
    // A refusal can only follow from a conflict, and then the plan cannot be confirmed.
    let _ = apply::apply(estate, account, &action);
    Step { account, action, precondition, inverse, risk }
}

/// One account: what is found there, and what is wanted.
struct At<'p, 'a> {
    planner: &'p mut Planner<'a>,
    id: AccountId,
    found: &'p Account,
    wanted: &'p Account,
}

impl At<'_, '_> {
    fn plan(&mut self) {
        self.settings();
        self.policies();
        self.groups();
        self.users();
        self.roles();
    }

    fn push(&mut self, phase: Phase, action: Action) {
        self.planner.steps.push((phase, phase.reach(), self.id, action));
    }

    fn conflict(&mut self, kind: Kind, name: &str, why: ConflictKind) {
        self.planner.conflict(self.id, kind, name, why);
    }

    fn notice(&mut self, kind: Kind, name: &str, what: NoticeKind) {
        self.planner.notice(self.id, kind, name, what);
    }

    fn settings(&mut self) {
        if let Some(policy) = self.wanted.password_policy
            && self.found.password_policy != Some(policy)
        {
            self.push(Phase::Prepare, Action::UpdateAccountPasswordPolicy { policy });
        }
        if let Some(alias) = &self.wanted.alias
            && self.found.alias.as_ref() != Some(alias)
        {
            if let Some(old) = self.found.alias.clone() {
                self.push(Phase::Prepare, Action::DeleteAccountAlias { alias: old });
            }
            self.push(Phase::Prepare, Action::CreateAccountAlias { alias: alias.clone() });
        }
    }

    fn policies(&mut self) {
        for (name, wanted) in &self.wanted.policies {
            let Some(found) = self.found.policies.get(name) else {
                if !self.other_case(Kind::Policy, name.as_str(), self.found.policies.keys()) {
                    let action = Action::CreatePolicy {
                        policy: name.clone(),
                        path: wanted.path.clone(),
                        document: wanted.document.clone(),
                        tags: wanted.tags.clone().unwrap_or_default(),
                    };
                    self.push(Phase::Prepare, action);
                }
                continue;
            };
            if !self.planner.owns_policy(found) {
                let owner = found.tags.as_ref().and_then(|tags| tags.get(MANAGED_TAG)).cloned();
                self.not_ours(Kind::Policy, name.as_str(), owner, &found.path, found.tags.as_ref());
                continue;
            }
            self.managed_policy(name, found, wanted);
        }
    }

    fn managed_policy(&mut self, name: &PolicyName, found: &ManagedPolicy, wanted: &ManagedPolicy) {
        let arn = PolicyArn::new(self.planner.desired.partition, self.id, &found.path, name);
        if let (Some(has), Some(should)) = (&found.tags, &wanted.tags) {
            let keys = tags::surplus(has, should);
            if !keys.is_empty() {
                self.push(Phase::Prepare, Action::UntagPolicy { policy: arn.clone(), keys });
            }
            if let Some(tags) = missing_tags(has, should) {
                self.push(Phase::Prepare, Action::TagPolicy { policy: arn.clone(), tags });
            }
        }
        if found.document.means_the_same(&wanted.document) {
            return;
        }
        if found.versions.len() >= self.found.quotas.versions_per_policy
            && let Some(oldest) = found.versions.iter().find(|version| !version.is_default)
        {
            let version = oldest.id.clone();
            self.push(Phase::Prepare, Action::DeletePolicyVersion { policy: arn.clone(), version });
        }
        let narrows = wanted.document.stays_within(&found.document);
        let phase = if narrows { Phase::Narrow } else { Phase::Widen };
        self.push(phase, Action::CreatePolicyVersion { policy: arn, document: wanted.document.clone() });
    }

    /// Whether the name is taken by one that differs only in case: to IAM it is the same name.
    fn other_case<'n, N: AsRef<str> + 'n>(
        &mut self,
        kind: Kind,
        name: &str,
        mut names: impl Iterator<Item = &'n N>,
    ) -> bool {
        match names.find(|other| other.as_ref().eq_ignore_ascii_case(name)) {
            Some(existing) => {
                let existing = existing.as_ref().to_owned();
                self.conflict(kind, name, ConflictKind::OtherCase { existing });
                true
            }
            None => false,
        }
    }

    /// An object of a name that we want and that is not ours, or not where ours are.
    fn not_ours(
        &mut self,
        kind: Kind,
        name: &str,
        owner: Option<String>,
        path: &IamPath,
        tags: Option<&Tags>,
    ) {
        let why = if tags.is_some_and(|tags| self.planner.owns(tags)) {
            ConflictKind::OtherPath { path: path.clone() }
        } else {
            ConflictKind::NotOurs { owner }
        };
        self.conflict(kind, name, why);
    }

    /// Whether an attached policy only takes away: AWS's own that do, and customers' that can be read.
    fn only_denies(&self, arn: &PolicyArn) -> bool {
        match arn.account() {
            // AWS itself attaches the quarantine to users whose key it has found in public.
            None => {
                let name = arn.name().as_str();
                name == "AWSDenyAll" || name.starts_with("AWSCompromisedKeyQuarantine")
            }
            Some(_) => self.customer_document(arn).is_some_and(PolicyDocument::only_denies),
        }
    }

    /// Whether to detach a policy could give something back.
    fn may_deny(&self, arn: &PolicyArn) -> bool {
        arn.account().is_some() && self.customer_document(arn).is_none_or(PolicyDocument::may_deny)
    }

    fn customer_document(&self, arn: &PolicyArn) -> Option<&PolicyDocument> {
        let policy = self.found.policies.get(arn.name())?;
        (arn.account() == Some(self.id) && *arn.path() == policy.path).then_some(&policy.document)
    }
}

/// The tags that are to be set: missing ones, and those of another value. What left the file goes before that
/// ([`tags::surplus`]), so that the list of what came from it forgets nothing. Others are left alone.
fn missing_tags(found: &Tags, wanted: &Tags) -> Option<Tags> {
    let missing: Tags = wanted
        .iter()
        .filter(|(key, value)| found.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    (!missing.is_empty()).then_some(missing)
}

/// Inline policies or attachments that nobody asked for, and how to go about each.
struct Surplus<T> {
    /// Only allow: they go first.
    grants: Vec<T>,
    /// Allow and deny: to take them away may widen, so they go when everything else is narrow.
    mixed: Vec<T>,
    /// Only deny: they stay.
    denials: Vec<T>,
}

impl<T> Surplus<T> {
    fn sort(
        items: impl Iterator<Item = T>,
        only_denies: impl Fn(&T) -> bool,
        may_deny: impl Fn(&T) -> bool,
    ) -> Self {
        let mut surplus = Self { grants: Vec::new(), mixed: Vec::new(), denials: Vec::new() };
        for item in items {
            if only_denies(&item) {
                surplus.denials.push(item);
            } else if may_deny(&item) {
                surplus.mixed.push(item);
            } else {
                surplus.grants.push(item);
            }
        }
        surplus
    }

    fn inline(
        found: &BTreeMap<PolicyName, PolicyDocument>,
        unwanted: impl Fn(&PolicyName) -> bool,
    ) -> Surplus<PolicyName> {
        let document = |name: &PolicyName| found.get(name);
        Surplus::sort(
            found.keys().filter(|name| unwanted(name)).cloned(),
            |name| document(name).is_some_and(PolicyDocument::only_denies),
            |name| document(name).is_none_or(PolicyDocument::may_deny),
        )
    }

    /// All of them, what denies last: the order for something that goes altogether.
    fn all(self) -> impl Iterator<Item = T> {
        self.grants.into_iter().chain(self.mixed).chain(self.denials)
    }
}

/// A policy that hangs on an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hung {
    Attached(PolicyArn),
    Inline(PolicyName),
}

/// All policies of an object, by what it means to take them away.
type Hanging = Surplus<Hung>;

impl Hanging {
    fn on(
        at: &At<'_, '_>,
        inline: &BTreeMap<PolicyName, PolicyDocument>,
        attached: &std::collections::BTreeSet<PolicyArn>,
    ) -> Self {
        let all =
            attached.iter().cloned().map(Hung::Attached).chain(inline.keys().cloned().map(Hung::Inline));
        let document = |name: &PolicyName| inline.get(name);
        Self::sort(
            all,
            |hung| match hung {
                Hung::Attached(arn) => at.only_denies(arn),
                Hung::Inline(name) => document(name).is_some_and(PolicyDocument::only_denies),
            },
            |hung| match hung {
                Hung::Attached(arn) => at.may_deny(arn),
                Hung::Inline(name) => document(name).is_none_or(PolicyDocument::may_deny),
            },
        )
    }
}

/// Whether a role is the administrators' own.
fn is_admin_role(name: &str) -> bool {
    name == ADMIN_ROLE
}
