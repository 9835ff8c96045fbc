//! A plan: the IAM calls that make the actual estate the desired one, in an order that is safe to
//! stop in anywhere.

use std::{collections::BTreeSet, fmt};

use postern_types::{
    AccessKeyId, AccountId, GroupName, IamPath, MfaSerial, PolicyArn, PolicyName, RoleName, SessionDuration,
    UserName,
};

use crate::{AccountAlias, OrganizationAction, PasswordPolicy, PolicyDocument, Tags};

/// One IAM call and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the parameters of the IAM call that the variant names")]
pub enum Action {
    CreateAccountAlias {
        alias: AccountAlias,
    },
    DeleteAccountAlias {
        alias: AccountAlias,
    },
    UpdateAccountPasswordPolicy {
        policy: PasswordPolicy,
    },

    CreateUser {
        user: UserName,
        path: IamPath,
        tags: Tags,
    },
    TagUser {
        user: UserName,
        tags: Tags,
    },
    UntagUser {
        user: UserName,
        keys: Vec<String>,
    },
    DeleteUserPolicy {
        user: UserName,
        policy: PolicyName,
    },
    DetachUserPolicy {
        user: UserName,
        policy: PolicyArn,
    },
    /// Only ever the inverse of [`Action::DeleteUserPolicy`].
    PutUserPolicy {
        user: UserName,
        policy: PolicyName,
        document: PolicyDocument,
    },
    /// Only ever the inverse of [`Action::DetachUserPolicy`].
    AttachUserPolicy {
        user: UserName,
        policy: PolicyArn,
    },
    PutUserPermissionsBoundary {
        user: UserName,
        boundary: PolicyArn,
    },
    DeleteUserPermissionsBoundary {
        user: UserName,
    },
    DeleteUser {
        user: UserName,
    },

    UpdateAccessKey {
        user: UserName,
        key: AccessKeyId,
        active: bool,
    },
    DeleteAccessKey {
        user: UserName,
        key: AccessKeyId,
    },
    DeleteLoginProfile {
        user: UserName,
    },
    DeactivateMfaDevice {
        user: UserName,
        device: MfaSerial,
    },
    /// The user is the one whose device it was: IAM does not ask for it.
    DeleteVirtualMfaDevice {
        user: UserName,
        device: MfaSerial,
    },
    UpdateSshPublicKey {
        user: UserName,
        key: String,
        active: bool,
    },
    DeleteSshPublicKey {
        user: UserName,
        key: String,
    },
    UpdateServiceSpecificCredential {
        user: UserName,
        credential: String,
        active: bool,
    },
    DeleteServiceSpecificCredential {
        user: UserName,
        credential: String,
    },
    UpdateSigningCertificate {
        user: UserName,
        certificate: String,
        active: bool,
    },
    DeleteSigningCertificate {
        user: UserName,
        certificate: String,
    },

    CreateGroup {
        group: GroupName,
        path: IamPath,
    },
    PutGroupPolicy {
        group: GroupName,
        policy: PolicyName,
        document: PolicyDocument,
    },
    DeleteGroupPolicy {
        group: GroupName,
        policy: PolicyName,
    },
    DetachGroupPolicy {
        group: GroupName,
        policy: PolicyArn,
    },
    /// Only ever the inverse of [`Action::DetachGroupPolicy`].
    AttachGroupPolicy {
        group: GroupName,
        policy: PolicyArn,
    },
    AddUserToGroup {
        group: GroupName,
        user: UserName,
    },
    RemoveUserFromGroup {
        group: GroupName,
        user: UserName,
    },
    DeleteGroup {
        group: GroupName,
    },

    CreatePolicy {
        policy: PolicyName,
        path: IamPath,
        document: PolicyDocument,
        tags: Tags,
    },
    /// The new version becomes the default.
    CreatePolicyVersion {
        policy: PolicyArn,
        document: PolicyDocument,
    },
    DeletePolicyVersion {
        policy: PolicyArn,
        version: String,
    },
    TagPolicy {
        policy: PolicyArn,
        tags: Tags,
    },
    UntagPolicy {
        policy: PolicyArn,
        keys: Vec<String>,
    },
    DeletePolicy {
        policy: PolicyArn,
    },

    CreateRole {
        role: RoleName,
        path: IamPath,
        trust: PolicyDocument,
        max_session: SessionDuration,
        boundary: Option<PolicyArn>,
        tags: Tags,
    },
    UpdateAssumeRolePolicy {
        role: RoleName,
        trust: PolicyDocument,
    },
    /// Sets `MaxSessionDuration`. `UpdateRole` blanks a description that is not passed: hand on what is there.
    UpdateRole {
        role: RoleName,
        max_session: SessionDuration,
        description: Option<String>,
    },
    PutRolePermissionsBoundary {
        role: RoleName,
        boundary: PolicyArn,
    },
    DeleteRolePermissionsBoundary {
        role: RoleName,
    },
    AttachRolePolicy {
        role: RoleName,
        policy: PolicyArn,
    },
    DetachRolePolicy {
        role: RoleName,
        policy: PolicyArn,
    },
    PutRolePolicy {
        role: RoleName,
        policy: PolicyName,
        document: PolicyDocument,
    },
    DeleteRolePolicy {
        role: RoleName,
        policy: PolicyName,
    },
    TagRole {
        role: RoleName,
        tags: Tags,
    },
    UntagRole {
        role: RoleName,
        keys: Vec<String>,
    },
    RemoveRoleFromInstanceProfile {
        role: RoleName,
        instance_profile: String,
    },
    DeleteRole {
        role: RoleName,
    },

    /// A call of AWS Organizations, in the management account.
    Organization(OrganizationAction),
}

/// What kind of object a step works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The account's own settings.
    Account,
    /// An IAM user.
    User,
    /// An IAM group.
    Group,
    /// A managed policy.
    Policy,
    /// An IAM role.
    Role,
    /// The organization's own settings.
    Organization,
    /// A service control policy of the organization.
    ServiceControlPolicy,
}

impl Kind {
    /// The word in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::User => "user",
            Self::Group => "group",
            Self::Policy => "policy",
            Self::Role => "role",
            Self::Organization => "organization",
            Self::ServiceControlPolicy => "service control policy",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The object that a step works on: steps of the same key belong together on a screen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepKey {
    /// The account.
    pub account: AccountId,
    /// The object's kind.
    pub kind: Kind,
    /// The object's name; `alias` or `password-policy` for an account's settings.
    pub name: String,
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.account, self.kind, self.name)
    }
}

/// Whether an object appears, changes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// The step makes the object.
    Create,
    /// The step changes the object.
    Update,
    /// The step deletes the object.
    Delete,
}

/// What a step does to what people can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// Less can be reached, or the same.
    Narrows,
    /// Nothing that anyone can reach changes by this step alone.
    Keeps,
    /// More may be reached, though never more than before and after the whole plan together.
    Widens,
}

/// What must hold right before a step; else the estate changed since it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The object that is to be created is not there.
    Absent,
    /// The object is there and carries what it carried when the plan was made.
    Present,
    /// The document that the step replaces or deletes still means this.
    Document(PolicyDocument),
}

/// One call of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The account in which to call.
    pub account: AccountId,
    /// The call.
    pub action: Action,
    /// What must hold right before it.
    pub precondition: Precondition,
    /// The call that undoes it, where there is one.
    pub inverse: Option<Action>,
    /// What it does to what people can reach.
    pub risk: Reach,
}

/// Something of the actual estate that the plan must not touch and cannot go around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The object.
    pub key: StepKey,
    /// What is wrong.
    pub kind: ConflictKind,
}

/// Why an object stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictKind {
    /// An object of this name exists and is not tagged as this estate's.
    NotOurs {
        /// The estate whose tag it carries, if any.
        owner: Option<String>,
    },
    /// An object of this name exists under another path, which cannot be changed in place.
    OtherPath {
        /// Its path.
        path: IamPath,
    },
    /// An object exists whose name differs only in case.
    OtherCase {
        /// Its name as written at AWS.
        existing: String,
    },
    /// The account was not read.
    NotRead,
    /// The user is to go and still holds credentials.
    HoldsCredentials,
    /// The organization is not as its guards need it.
    Organization(OrganizationProblem),
}

/// Why an organization cannot have its guards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrganizationProblem {
    /// The management account is in no organization.
    None,
    /// Another account manages the organization.
    NotManagement {
        /// The one that does.
        management: AccountId,
    },
    /// It is one for consolidated billing alone.
    NoPolicies,
    /// The account is not in the organization.
    NotMember,
    /// No unit has this name.
    NoSuchUnit {
        /// The name or id.
        name: String,
    },
    /// Several units have this name.
    SeveralUnits {
        /// The name.
        name: String,
    },
}

/// Something that the reader of a plan should know, and that the plan leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The object.
    pub key: StepKey,
    /// What there is to know.
    pub kind: NoticeKind,
}

/// What there is to know about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// The person is no longer in the file; the user is locked out, and still holds credentials: off-board it.
    OffBoard,
    /// The person is no longer in the file; the user is locked out; whether it holds credentials was not read.
    OffBoardUnread,
    /// A policy that only denies was added by hand. It is left, since to remove it would widen access.
    DenyKept {
        /// The policy's name or ARN.
        policy: String,
    },
    /// A boundary was put on a user by hand. It is left, since to remove it would widen access.
    BoundaryKept {
        /// The boundary.
        boundary: PolicyArn,
    },
    /// A person who has no MFA device yet may enrol by an invitation. It is left until it is used.
    InvitationOpen {
        /// Until when, as the policy says it.
        until: String,
    },
    /// The file no longer names administrators; the role or group stays, being the last way in.
    LastWayInKept,
    /// An object under `/postern/` does not carry this estate's tag. It is left.
    Stranger,
    /// A policy of ours that is no longer needed is still in use by something that is not ours.
    StillInUse {
        /// What uses it.
        by: String,
    },
    /// The trust policy names nobody, its list of people being too long; the group policies alone say who.
    OneSided,
    /// The file declares a break-glass role: above the cap, for these people in these accounts.
    BreakGlass {
        /// Who may assume it.
        people: BTreeSet<UserName>,
        /// Where it stands.
        accounts: BTreeSet<AccountId>,
    },
    /// The object goes, and something that is not ours and hung on it stays.
    ForeignKept {
        /// What stays.
        what: String,
    },
    /// The object stays while everything goes: whoever carries the plan out gets in by it.
    WayInKept,
    /// The account's alias and password policy carry no mark and stay.
    SettingsKept,
    /// A user of the bastion that is not ours.
    ForeignUser {
        /// How many policies of its own it has.
        policies: usize,
        /// In how many groups it is.
        groups: usize,
    },
    /// A group of the bastion that is not ours.
    ForeignGroup {
        /// How many policies it has.
        policies: usize,
        /// How many members.
        members: usize,
    },
    /// A role of the bastion that is neither ours nor AWS's own.
    ForeignRole,
    /// The guards are made and not attached yet: no administrator holds a key and an MFA device, so that they
    /// would shut out everyone.
    GuardsWait,
    /// The guards are made and not attached yet: the plan would be carried out by root, whom they shut out.
    GuardsShutOut,
    /// The bastion manages the organization, whose guards do not bind it.
    Unbound,
}

impl NoticeKind {
    /// The notice in a word for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::OffBoard => "off-board",
            Self::OffBoardUnread => "off-board-unread",
            Self::DenyKept { .. } => "deny-kept",
            Self::BoundaryKept { .. } => "boundary-kept",
            Self::InvitationOpen { .. } => "invitation-open",
            Self::LastWayInKept => "last-way-in-kept",
            Self::Stranger => "stranger",
            Self::StillInUse { .. } => "still-in-use",
            Self::OneSided => "one-sided",
            Self::BreakGlass { .. } => "break-glass",
            Self::ForeignKept { .. } => "foreign-kept",
            Self::WayInKept => "way-in-kept",
            Self::SettingsKept => "settings-kept",
            Self::ForeignUser { .. } => "foreign-user",
            Self::ForeignGroup { .. } => "foreign-group",
            Self::ForeignRole => "foreign-role",
            Self::GuardsWait => "guards-wait",
            Self::GuardsShutOut => "guards-shut-out",
            Self::Unbound => "unbound",
        }
    }
}

/// The steps from the actual estate to the desired one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The calls, in the order in which to make them.
    pub steps: Vec<Step>,
    /// What stands in the way: a plan with conflicts cannot be confirmed.
    pub conflicts: Vec<Conflict>,
    /// What is left as it is, and why.
    pub notices: Vec<Notice>,
}

impl Plan {
    /// Whether there is nothing to do and nothing in the way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.conflicts.is_empty()
    }

    /// The same plan with only what concerns these objects.
    #[must_use]
    pub fn only(mut self, wanted: &dyn Fn(&StepKey) -> bool) -> Self {
        self.steps.retain(|step| wanted(&step.key()));
        self.conflicts.retain(|conflict| wanted(&conflict.key));
        self.notices.retain(|notice| wanted(&notice.key));
        self
    }

    /// Takes the plan as shown to, and approved by, someone who may approve it.
    ///
    /// # Errors
    /// The plan itself, when conflicts stand in its way.
    pub fn confirm(self) -> Result<ReviewedPlan, Box<Self>> {
        if self.conflicts.is_empty() { Ok(ReviewedPlan { plan: self }) } else { Err(Box::new(self)) }
    }
}

/// A plan that someone has seen and approved. Only [`Plan::confirm`] makes one.
#[derive(Clone, Debug)]
pub struct ReviewedPlan {
    plan: Plan,
}

impl ReviewedPlan {
    /// The calls, in the order in which to make them.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.plan.steps
    }

    /// The plan that was approved.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}
