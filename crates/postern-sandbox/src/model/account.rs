//! One account.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::{
    AccessKeyId, AccountId, KeyKind, Partition, PrincipalId, PrincipalKind, Rng, SecretAccessKey, Timestamp,
};

use super::{
    AccessKey, Accessed, CredentialReport, Group, InstanceProfile, Jobs, MfaDevice, Named, Owner,
    PasswordPolicy, Policy, PolicyText, Role, User,
};

/// An AWS account.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) partition: Partition,
    /// What people call it; the sandbox's own, AWS shows it to nobody but Organizations.
    pub(crate) name: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) alias: Option<String>,
    pub(crate) password_policy: Option<PasswordPolicy>,
    pub(crate) credential_report: Option<CredentialReport>,
    /// Reports on what was last accessed.
    pub(crate) access_jobs: Jobs,
    pub(crate) users: Named<User>,
    pub(crate) groups: Named<Group>,
    pub(crate) roles: Named<Role>,
    pub(crate) policies: Named<Policy>,
    pub(crate) instance_profiles: Named<InstanceProfile>,
    /// By serial number.
    pub(crate) mfa_devices: BTreeMap<String, MfaDevice>,
    keys: BTreeMap<AccessKeyId, AccessKey>,
    /// The keys of each owner in the order of their creation; root under none.
    keys_of: BTreeMap<Option<PrincipalId>, Vec<AccessKeyId>>,
}

fn index_of(owner: &Owner) -> Option<PrincipalId> {
    match owner {
        Owner::Root => None,
        Owner::User(id) => Some(id.clone()),
    }
}

impl Account {
    /// An empty account: no root key, no roles. [`super::new_account`] makes one as AWS does.
    pub(crate) const fn empty(id: AccountId, partition: Partition, created: Timestamp) -> Self {
        Self {
            id,
            partition,
            name: None,
            created,
            alias: None,
            password_policy: None,
            credential_report: None,
            access_jobs: Jobs::new(),
            users: Named::new(),
            groups: Named::new(),
            roles: Named::new(),
            policies: Named::new(),
            instance_profiles: Named::new(),
            mfa_devices: BTreeMap::new(),
            keys: BTreeMap::new(),
            keys_of: BTreeMap::new(),
        }
    }

    pub(super) fn new(
        id: AccountId,
        partition: Partition,
        name: Option<String>,
        now: Timestamp,
        rng: &mut dyn Rng,
    ) -> Self {
        let mut account = Self::empty(id, partition, now);
        account.name = name;
        account.issue_key(Owner::Root, now, rng);
        for (service, role) in
            [("support", "AWSServiceRoleForSupport"), ("trustedadvisor", "AWSServiceRoleForTrustedAdvisor")]
        {
            account.add_service_linked_role(service, role, now, rng);
        }
        account
    }

    fn add_service_linked_role(&mut self, service: &str, name: &str, now: Timestamp, rng: &mut dyn Rng) {
        let trust = format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\
             \"Principal\":{{\"Service\":\"{service}.amazonaws.com\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
        );
        let Ok(document) = postern_policy::Document::parse(&trust) else {
            unreachable!("the trust policy of a service-linked role")
        };
        let role = Role {
            name: name.to_owned(),
            path: format!("/aws-service-role/{service}.amazonaws.com/"),
            id: PrincipalId::generate(PrincipalKind::Role, rng),
            created: now,
            description: None,
            max_session_duration: 3600,
            trust: PolicyText::new(&trust, document),
            tags: Vec::new(),
            boundary: None,
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            last_used: None,
            accessed: Accessed::default(),
        };
        // A name taken already leaves the role that has it.
        let _taken = self.roles.insert(role);
    }

    // Names of things.

    /// `arn:aws:iam::ACCOUNT:` and this: `user/alice`, `root`.
    pub(crate) fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.id)
    }

    pub(crate) fn root_arn(&self) -> String {
        self.arn("root")
    }

    pub(crate) fn user_arn(&self, user: &User) -> String {
        self.arn(&format!("user{}{}", user.path, user.name))
    }

    pub(crate) fn group_arn(&self, group: &Group) -> String {
        self.arn(&format!("group{}{}", group.path, group.name))
    }

    pub(crate) fn role_arn(&self, role: &Role) -> String {
        self.arn(&format!("role{}{}", role.path, role.name))
    }

    pub(crate) fn policy_arn(&self, policy: &Policy) -> String {
        self.arn(&format!("policy{}{}", policy.path, policy.name))
    }

    pub(crate) fn instance_profile_arn(&self, profile: &InstanceProfile) -> String {
        self.arn(&format!("instance-profile{}{}", profile.path, profile.name))
    }

    /// The customer managed policy of this ARN.
    pub(crate) fn policy_by_arn(&self, arn: &str) -> Option<&Policy> {
        let name = arn.rsplit('/').next()?;
        self.policies.get(name).filter(|policy| self.policy_arn(policy) == arn)
    }

    /// The members of a group in the order of their names.
    pub(crate) fn members<'a>(&'a self, group: &'a PrincipalId) -> impl Iterator<Item = &'a User> {
        self.users.iter().filter(move |user| user.groups.contains(group))
    }

    /// The groups of a user in the order of their names.
    pub(crate) fn groups_of(&self, user: &User) -> Vec<&Group> {
        let mut groups: Vec<&Group> = user.groups.iter().filter_map(|id| self.groups.by_id(id)).collect();
        groups.sort_by_cached_key(|group| super::named::folded(&group.name));
        groups
    }

    // Access keys.

    pub(crate) fn key(&self, id: &AccessKeyId) -> Option<&AccessKey> {
        self.keys.get(id)
    }

    pub(crate) fn key_mut(&mut self, id: &AccessKeyId) -> Option<&mut AccessKey> {
        self.keys.get_mut(id)
    }

    /// The keys of root or of a user, oldest first.
    pub(crate) fn keys_of(&self, owner: &Owner) -> impl Iterator<Item = &AccessKey> {
        self.keys_of.get(&index_of(owner)).into_iter().flatten().filter_map(|id| self.keys.get(id))
    }

    /// Makes a key with a fresh id and secret.
    pub(crate) fn issue_key(&mut self, owner: Owner, now: Timestamp, rng: &mut dyn Rng) -> AccessKeyId {
        let id = AccessKeyId::generate(KeyKind::LongTerm, self.id, rng);
        self.add_key(AccessKey {
            id: id.clone(),
            owner,
            secret: SecretAccessKey::generate(rng),
            active: true,
            created: now,
            last_used: None,
        });
        id
    }

    pub(crate) fn add_key(&mut self, key: AccessKey) {
        self.keys_of.entry(index_of(&key.owner)).or_default().push(key.id.clone());
        self.keys.insert(key.id.clone(), key);
    }

    pub(crate) fn remove_key(&mut self, id: &AccessKeyId) -> Option<AccessKey> {
        let key = self.keys.remove(id)?;
        if let Some(ids) = self.keys_of.get_mut(&index_of(&key.owner)) {
            ids.retain(|other| other != id);
        }
        Some(key)
    }

    /// The enabled MFA devices of root or of a user, in the order of their serial numbers.
    pub(crate) fn mfa_devices_of<'a>(&'a self, owner: &'a Owner) -> impl Iterator<Item = &'a MfaDevice> {
        self.mfa_devices.values().filter(move |d| d.enabled.as_ref().is_some_and(|e| e.owner == *owner))
    }
}
