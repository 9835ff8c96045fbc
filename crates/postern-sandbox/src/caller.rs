//! Who signed a request, looked up anew at each one.

use std::sync::Arc;

use postern_types::{AccessKeyId, AccountId, PrincipalId, Timestamp};

use crate::model::Tag;

/// The principal behind a verified request, and what its credential carries.
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    pub(crate) kind: CallerKind,
    /// What `GetCallerIdentity` shows, and every `AccessDenied`.
    pub(crate) arn: String,
    pub(crate) key: AccessKeyId,
    /// Of temporary credentials only.
    pub(crate) session: Option<Arc<SessionFacts>>,
}

/// What kind of principal.
#[derive(Clone)]
pub(crate) enum CallerKind {
    /// The account's root user.
    Root,
    /// An IAM user, with a long-term key or a session of its own.
    User { id: PrincipalId, name: String },
    /// A role session.
    Role {
        id: PrincipalId,
        /// The role's ARN with its path.
        role_arn: String,
        session_name: String,
    },
    /// A session of `GetFederationToken`.
    Federated {
        name: String,
        /// The user whose policies count; none for root.
        user: Option<PrincipalId>,
    },
}

/// What temporary credentials carry beside their principal.
#[derive(Clone)]
pub(crate) struct SessionFacts {
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    /// When a one-time code was accepted, for sessions of `GetSessionToken`.
    pub(crate) mfa: Option<Timestamp>,
    pub(crate) source_identity: Option<String>,
    /// Session tags, those inherited included.
    pub(crate) tags: Vec<Tag>,
    /// Keys of the tags that pass on to sessions chained from this one.
    pub(crate) transitive: Vec<String>,
    /// The inline session policy.
    pub(crate) policy: Option<crate::model::PolicyText>,
    /// ARNs of managed session policies.
    pub(crate) policy_arns: Vec<String>,
}

impl Caller {
    /// `aws:userid`: also what `GetCallerIdentity` calls `UserId`.
    pub(crate) fn user_id(&self) -> String {
        match &self.kind {
            CallerKind::Root => self.account.to_string(),
            CallerKind::User { id, .. } => id.to_string(),
            CallerKind::Role { id, session_name, .. } => format!("{id}:{session_name}"),
            CallerKind::Federated { name, .. } => format!("{}:{name}", self.account),
        }
    }
}
