//! `postern.toml`, the estate it describes, the estate that is, and the plan between the two.
//!
//! ```text
//! text ──Design::parse──▶ Design ──desired──▶ Desired ─┐
//!                                                       ├─ diff ─▶ Plan ──confirm──▶ ReviewedPlan
//! AWS's answers ──observed::AccountDetails──▶ Estate ──┘
//! ```
//!
//! The crate is pure: it reads no file, opens no connection, knows no clock. Whoever collects the
//! actual estate fills in the plain structs of [`observed`]; whoever executes a plan matches on
//! [`Action`], which has one variant for each IAM call.

mod apply;
mod cap;
pub mod changes;
pub mod contain;
mod credentials;
mod design;
mod desired;
mod diff;
mod document;
mod documents;
mod draft;
mod drift;
pub mod emit;
mod estate;
mod format;
mod invitation;
mod json;
pub mod migrate;
mod narrow;
pub mod observed;
mod organization;
mod parameters;
mod plan;
mod plan_json;
mod quota;
mod schema;
pub mod snapshot;
mod span;
mod step;
mod written;

pub use apply::{StepError, apply_step};
pub use cap::{CapReport, CapViolation, Lifted, UnreadPolicy};
pub use credentials::{AccessKey, Credentials, RareCredentials};
pub use design::{
    AccountDesign, AccountName, AddressBlock, Administrators, AlsoAdministrator, Bastion, BoundaryChoice,
    BreakGlass, Design, DesignError, EstateName, Exception, GroupDesign, Guards, MayAssume, NewPerson,
    OrganizationDesign, Person, PolicySource, RoleAccounts, RoleDesign, RolePattern, ThirdParty,
    ThirdPartyName, with_person, without_person,
};
pub use desired::{DeclaredBreakGlass, Desired};
pub use diff::{diff, teardown, teardown_with_credentials};
pub use document::PolicyDocument;
pub use draft::{Draft, DraftAccount, DraftGroup, DraftPerson, DraftRole, ExistingAccount};
pub use drift::foreign;
pub use estate::{
    Account, AccountAlias, Estate, Gap, Group, MANAGED_TAG, ManagedPolicy, PasswordPolicy, PolicyVersion,
    Role, Snapshot, TAGS_TAG, Tags, User,
};
pub use format::{FormatError, format_estate};
pub use invitation::{INVITATION_POLICY, INVITATION_TAG, invitation, invited_until};
pub use organization::{
    Attachment, DeniedPrincipal, DesiredOrganization, MemberAccount, Organization, OrganizationAction,
    OrganizationDeny, OrganizationTarget, OrganizationalUnit, ServiceControlPolicy,
};
pub use parameters::Parameters;
pub use plan::{
    Action, Change, Conflict, ConflictKind, Kind, Notice, NoticeKind, OrganizationProblem, Plan,
    Precondition, Reach, ReviewedPlan, Step, StepKey,
};
pub use plan_json::{PlanJson, StepJson};
pub use postern_policy::{Span, line_column};
pub use quota::Quotas;
pub use schema::{KnownKey, json_schema, known_keys};
pub use span::Spanned;

/// The path of everything that postern makes.
pub const PATH: &str = "/postern/";
/// The administrators' role, made in every account.
pub const ADMIN_ROLE: &str = "postern-admin";
/// The role for the day on which all other ways in fail.
pub const BREAK_GLASS_ROLE: &str = "postern-break-glass";
/// The permissions boundary of the roles that people work in.
pub const CAP_POLICY: &str = "postern-cap";
/// The administrators' group in the bastion.
pub const ADMINISTRATORS_GROUP: &str = "administrators";
/// The group of those who may break the glass.
pub const BREAK_GLASS_GROUP: &str = "break-glass";
/// The group by which people manage keys and devices of their own.
pub const SELF_SERVICE_GROUP: &str = "self-service";
/// What the group of a person with roles of their own begins with.
pub const PERSON_GROUP_PREFIX: &str = "person-";
/// The one inline policy of each group.
pub const GROUP_POLICY: &str = "postern";
