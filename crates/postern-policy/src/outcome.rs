//! A decision and what decided it.

use std::fmt;

use crate::{PolicyRef, PolicyStack, Request};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It goes through.
    Allowed,
    /// Nothing allows it.
    ImplicitlyDenied,
    /// A statement denies it.
    ExplicitlyDenied,
}

/// A kind of policy, by its place in the evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The principal's own policies.
    Identity,
    /// The policies of the user's groups.
    Group,
    /// The permissions boundary.
    Boundary,
    /// The session policies.
    Session,
    /// The resource's policy.
    Resource,
    /// The role's trust policy.
    Trust,
    /// Service control policies.
    Scp,
    /// Resource control policies.
    Rcp,
}

impl Layer {
    /// The layer as AWS's `AccessDenied` texts call it, without its article.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity | Self::Group => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Resource => "resource-based policy",
            Self::Trust => "role trust policy",
            Self::Scp => "service control policy",
            Self::Rcp => "resource control policy",
        }
    }
}

/// The place of a statement in a [`PolicyStack`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The layer.
    pub layer: Layer,
    /// The level of the organization, counted from 0, for SCPs and RCPs.
    pub level: usize,
    /// The policy in its layer, counted from 0.
    pub policy: usize,
    /// The statement in its document, counted from 0.
    pub statement: usize,
}

impl Place {
    /// The policy that is meant.
    #[must_use]
    pub fn policy<'a>(&self, stack: &PolicyStack<'a>) -> Option<PolicyRef<'a>> {
        let among = |policies: &'a [PolicyRef<'a>]| policies.get(self.policy).copied();
        match self.layer {
            Layer::Identity => among(stack.identity),
            Layer::Group => among(stack.groups),
            Layer::Boundary => among(stack.boundary),
            Layer::Session => stack.session.and_then(among),
            Layer::Resource | Layer::Trust => stack.resource,
            Layer::Scp => stack.scps.get(self.level).and_then(|level| among(level.policies)),
            Layer::Rcp => stack.rcps.get(self.level).and_then(|level| among(level.policies)),
        }
    }
}

/// What a kind of credential may never call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// The root user cannot assume roles.
    RootAssumesNoRole,
    /// A federated user calls neither IAM nor STS, except `GetCallerIdentity`.
    FederatedUser,
    /// A role session cannot get session or federation tokens.
    RoleSession,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deciding {
    /// This statement: the first that denies, or one that grants.
    Statement(Place),
    /// No statement of this layer allows the action.
    Silent {
        /// The layer.
        layer: Layer,
        /// The level of the organization, for SCPs.
        level: usize,
    },
    /// The root user needs no policy; a federated user of its own none but the session policies.
    RootUser,
    /// The operation needs no permission and heeds no policy.
    NeedsNoPermission,
    /// The kind of credential rules the operation out.
    CredentialLimit(Limit),
}

/// A decision with what decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Evaluation {
    /// The decision.
    pub decision: Decision,
    /// What decided.
    pub deciding: Deciding,
}

impl Evaluation {
    pub(crate) const fn new(decision: Decision, deciding: Deciding) -> Self {
        Self { decision, deciding }
    }

    pub(crate) const fn silent(layer: Layer, level: usize) -> Self {
        Self::new(Decision::ImplicitlyDenied, Deciding::Silent { layer, level })
    }

    /// Whether the request goes through.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allowed
    }

    /// The end of AWS's `AccessDenied` message, which names one kind of policy (*IAM User Guide*,
    /// Troubleshoot access denied error messages). None where the request is allowed, across accounts,
    /// and where no policy is the reason.
    #[must_use]
    pub fn reason<'a>(&self, request: &Request<'a>, stack: &PolicyStack<'a>) -> Option<Reason<'a>> {
        if request.is_cross_account() || self.is_allowed() {
            return None;
        }
        match self.deciding {
            Deciding::Statement(place) => {
                let policy_arn = place.policy(stack).and_then(|policy| policy.arn);
                Some(Reason { layer: place.layer, explicit: true, action: request.action, policy_arn })
            }
            Deciding::Silent { layer, .. } => {
                Some(Reason { layer, explicit: false, action: request.action, policy_arn: None })
            }
            _ => None,
        }
    }
}

/// Why a request was refused, in AWS's words.
///
/// ```
/// # use postern_policy::{Layer, Reason};
/// let reason = Reason { layer: Layer::Identity, explicit: false, action: "sts:AssumeRole", policy_arn: None };
/// assert_eq!(reason.to_string(), "because no identity-based policy allows the sts:AssumeRole action");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// The kind of policy.
    pub layer: Layer,
    /// Whether it denies, or only does not allow.
    pub explicit: bool,
    /// The action of the request.
    pub action: &'a str,
    /// The ARN of the policy that denies, where it has one.
    pub policy_arn: Option<&'a str>,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = self.layer.as_str();
        if !self.explicit {
            return write!(f, "because no {layer} allows the {} action", self.action);
        }
        let article = match self.layer {
            Layer::Identity | Layer::Group => "an",
            Layer::Trust => "the",
            _ => "a",
        };
        write!(f, "with an explicit deny in {article} {layer}")?;
        match self.policy_arn {
            // Not for resource-based and trust policies, which have no ARN of their own.
            Some(arn) if !matches!(self.layer, Layer::Resource | Layer::Trust) => write!(f, ": {arn}"),
            _ => Ok(()),
        }
    }
}
