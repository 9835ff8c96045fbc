//! How much fits: AWS's quotas, read from the account where they can be.

use std::collections::BTreeMap;

/// The quotas that decide whether a design fits (*IAM User Guide*, "IAM and AWS STS quotas").
///
/// Sizes count characters other than white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// A role's trust policy.
    pub trust_policy_size: usize,
    /// All inline policies of one group together.
    pub group_policy_size: usize,
    /// All inline policies of one role together.
    pub role_policy_size: usize,
    /// One version of a managed policy.
    pub managed_policy_size: usize,
    /// Groups that one user may be a member of.
    pub groups_per_user: usize,
    /// Managed policies that one role may have attached.
    pub attached_policies_per_role: usize,
    /// Versions that a managed policy may have.
    pub versions_per_policy: usize,
    /// Users in the account.
    pub users: usize,
    /// Groups in the account.
    pub groups: usize,
    /// Roles in the account.
    pub roles: usize,
}

impl Quotas {
    /// What every account has before anyone asks AWS for more.
    pub const DEFAULT: Self = Self {
        trust_policy_size: 2_048,
        group_policy_size: 5_120,
        role_policy_size: 10_240,
        managed_policy_size: 6_144,
        groups_per_user: 10,
        attached_policies_per_role: 10,
        versions_per_policy: 5,
        users: 5_000,
        groups: 300,
        roles: 1_000,
    };

    /// The quotas that `GetAccountSummary` tells; what it leaves out keeps AWS's default.
    #[must_use]
    pub fn from_summary(summary: &BTreeMap<String, i64>) -> Self {
        let or = |key: &str, default: usize| {
            summary.get(key).and_then(|n| usize::try_from(*n).ok()).unwrap_or(default)
        };
        let d = Self::DEFAULT;
        Self {
            trust_policy_size: or("AssumeRolePolicySizeQuota", d.trust_policy_size),
            group_policy_size: or("GroupPolicySizeQuota", d.group_policy_size),
            role_policy_size: or("RolePolicySizeQuota", d.role_policy_size),
            managed_policy_size: or("PolicySizeQuota", d.managed_policy_size),
            groups_per_user: or("GroupsPerUserQuota", d.groups_per_user),
            attached_policies_per_role: or("AttachedPoliciesPerRoleQuota", d.attached_policies_per_role),
            versions_per_policy: or("VersionsPerPolicyQuota", d.versions_per_policy),
            users: or("UsersQuota", d.users),
            groups: or("GroupsQuota", d.groups),
            roles: or("RolesQuota", d.roles),
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self::DEFAULT
    }
}
