//! Where a policy is attached.

use std::fmt;

use crate::{Document, Effect, Statement, stored};

/// Where a policy is attached, which decides what it must and must not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// To a user, group or role, inline or managed.
    Identity,
    /// To a role, saying who may assume it.
    Trust,
    /// To another resource: a bucket, key, queue.
    Resource,
    /// To a user or role as its permissions boundary.
    Boundary,
    /// To a session, passed when it is made.
    Session,
    /// To an organization's root, unit or account, limiting its principals.
    Scp,
    /// To an organization's root, unit or account, limiting access to its resources.
    Rcp,
}

impl PolicyKind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Identity, Self::Trust, Self::Resource, Self::Boundary, Self::Session, Self::Scp, Self::Rcp];

    /// The name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Trust => "trust",
            Self::Resource => "resource",
            Self::Boundary => "boundary",
            Self::Session => "session",
            Self::Scp => "scp",
            Self::Rcp => "rcp",
        }
    }

    /// The kind of this name.
    ///
    /// ```
    /// use postern_policy::lint::PolicyKind;
    /// assert_eq!(PolicyKind::from_name("trust"), Some(PolicyKind::Trust));
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What the document looks like.
    ///
    /// One with principals is a trust policy if all that it speaks of is the assumption of roles, also where
    /// a resource strayed into it, and otherwise a resource policy; one without is an identity policy.
    /// Boundaries, session policies and SCPs look like identity policies, RCPs like resource policies: they
    /// have to be named.
    ///
    /// ```
    /// use postern_policy::{Document, lint::PolicyKind};
    /// let kind = |statement: &str| {
    ///     PolicyKind::infer(&Document::parse(&format!(r#"{{"Statement": {statement}}}"#)).unwrap())
    /// };
    /// assert_eq!(
    ///     kind(r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}"#),
    ///     PolicyKind::Trust
    /// );
    /// assert_eq!(kind(r#"{"Effect": "Allow", "Action": "s3:*", "Principal": "*", "Resource": "*"}"#), PolicyKind::Resource);
    /// assert_eq!(kind(r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#), PolicyKind::Identity);
    /// ```
    #[must_use]
    pub fn infer(document: &Document) -> Self {
        let statements = document.statements();
        let principals = statements.iter().any(|statement| statement.principals().is_some());
        let resources = statements.iter().any(|statement| statement.resources().is_some());
        let assumption = |text: &str| {
            let text = text.to_ascii_lowercase();
            text.starts_with("sts:") || text == "*"
        };
        let assumes = statements
            .iter()
            .all(|statement| statement.actions().patterns().iter().all(|pattern| assumption(pattern.text())));
        // A resource control policy has resources, too, and only denies.
        let grants = statements.iter().any(|statement| statement.effect() == Effect::Allow);
        match (principals, resources) {
            (true, false) if assumes => Self::Trust,
            (true, true) if assumes_only(document) && grants => Self::Trust,
            (true, _) => Self::Resource,
            // Neither: somebody forgot the principal of a trust policy.
            (false, false) if assumes && !statements.is_empty() => Self::Trust,
            (false, _) => Self::Identity,
        }
    }

    /// Whether the policy belongs to the principal that asks.
    pub(super) const fn is_attached(self) -> bool {
        matches!(self, Self::Identity | Self::Boundary | Self::Session | Self::Scp)
    }
}

/// Whether every action is one that trust policies decide about, and none is `*`.
fn assumes_only(document: &Document) -> bool {
    let mut actions = document.statements().iter().map(Statement::actions);
    actions
        .all(|a| !a.is_negated() && a.patterns().iter().all(|pattern| stored::is_assumption(pattern.text())))
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
