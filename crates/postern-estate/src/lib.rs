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

mod design;
mod document;
mod estate;
pub mod observed;
mod plan;
mod quota;
mod span;

pub use design::{
    AccountDesign, AccountName, Administrators, AlsoAdministrator, Bastion, BoundaryChoice, Design,
    DesignError, EstateName, GroupDesign, MayAssume, Person, PolicySource, RoleAccounts, RoleDesign,
    RolePattern, ThirdParty,
};
pub use document::PolicyDocument;
pub use estate::{
    Account, AccountAlias, CredentialCount, Estate, Gap, Group, MANAGED_TAG, ManagedPolicy, PasswordPolicy,
    PolicyVersion, Role, Snapshot, Tags, User,
};
pub use plan::{
    Action, Change, Conflict, ConflictKind, Kind, Notice, NoticeKind, Plan, Precondition, Reach,
    ReviewedPlan, Step, StepKey,
};
pub use quota::Quotas;
pub use span::{Span, Spanned, line_column};
