//! The decision (*IAM User Guide*, Policy evaluation logic).
//!
//! An explicit deny anywhere wins. Then every layer that limits must allow: SCPs at each level,
//! boundary, session policies. What grants is an identity policy, or a resource policy that names the
//! principal; across accounts it takes both.

use crate::{
    Context, Deciding, Decision, Effect, Evaluation, Layer, Level, Naming, PolicyRef, PolicyStack, Principal,
    Request, Statement, Truth,
    action::ActionText,
    arn::ArnText,
    controlled::is_controlled,
    document::conditions_hold,
    outcome::{Limit, Place},
    words::same_folded,
};

/// Decides a request.
///
/// ```
/// use postern_policy::{Context, Decision, Document, PolicyRef, PolicyStack, Principal, Request, evaluate};
/// let document = Document::parse(r#"{"Version": "2012-10-17", "Statement": [
///     {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*",
///      "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#).unwrap();
/// let alice = Principal::from_arn("arn:aws:iam::111111111111:user/alice").unwrap();
/// let identity = [PolicyRef { name: "look", arn: None, document: &document }];
/// let stack = PolicyStack { identity: &identity, ..PolicyStack::default() };
/// let decide = |context: &Context| {
///     let request = Request {
///         principal: &alice, action: "ec2:DescribeInstances", resource: "*", resource_account: None, context,
///     };
///     evaluate(&request, &stack).decision
/// };
/// assert_eq!(decide(&Context::new()), Decision::ImplicitlyDenied);
/// assert_eq!(decide(&Context::new().with("aws:MultiFactorAuthPresent", true)), Decision::Allowed);
/// ```
#[must_use]
pub fn evaluate(request: &Request<'_>, stack: &PolicyStack<'_>) -> Evaluation {
    let question = Question::new(request, stack);
    if question.needs_no_permission() {
        return Evaluation::new(Decision::Allowed, Deciding::NeedsNoPermission);
    }
    question.decide(stack)
}

/// What one layer of policies says.
#[derive(Clone, Copy, Default)]
struct Found {
    deny: Option<Place>,
    allow: Option<Place>,
}

/// A request, cut into the parts that statements are compared with.
pub(crate) struct Question<'a> {
    principal: &'a Principal,
    pub(crate) action: ActionText<'a>,
    assumption: bool,
    pub(crate) resource: ArnText<'a>,
    context: &'a Context,
    /// Same account, other account, or no account of its own.
    pub(crate) side: Side,
    bounded: bool,
    limited: bool,
    /// Whether the resource's policy was given.
    has_resource_policy: bool,
}

/// Where the principal stands, seen from the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    SameAccount,
    OtherAccount,
    /// A service, a provider's user, nobody: the resource policy alone decides.
    Outside,
}

impl<'a> Question<'a> {
    pub(crate) fn new(request: &Request<'a>, stack: &PolicyStack<'_>) -> Self {
        let resource = ArnText::new(request.resource);
        let side = match request.principal.account() {
            None => Side::Outside,
            account if request.owner_by(&resource) == account => Side::SameAccount,
            Some(_) => Side::OtherAccount,
        };
        let action = ActionText::new(request.action);
        // Root users, services and nobody in particular have no policies of their own, nor limits on these.
        let has_own = side != Side::Outside && !matches!(request.principal, Principal::Root { .. });
        let is_federated = matches!(request.principal, Principal::FederatedUser { .. });
        Self {
            principal: request.principal,
            assumption: is_assumption(&action),
            action,
            resource,
            context: request.context,
            side,
            bounded: has_own && !stack.boundary.is_empty(),
            limited: has_own && (stack.session.is_some() || is_federated),
            has_resource_policy: stack.resource.is_some(),
        }
    }

    fn is(&self, action: &str) -> bool {
        self.action.whole.eq_ignore_ascii_case(action)
    }

    fn service_is(&self, service: &str) -> bool {
        self.action.parts.is_some_and(|(s, _)| s.eq_ignore_ascii_case(service))
    }

    /// Whether the action is one that a role's trust policy decides about.
    pub(crate) const fn is_assumption(&self) -> bool {
        self.assumption
    }

    /// Whether nothing is granted without the resource's own policy.
    ///
    /// Every role has a trust policy. Where none is given the question is what the caller's own policies
    /// say, which AWS's simulator answers alike.
    pub(crate) fn needs_resource_policy(&self) -> bool {
        let is_key = || self.resource.resource().starts_with("key/");
        (self.is_assumption() && self.has_resource_policy) || (self.service_is("kms") && is_key())
    }

    /// "No permissions are required" (*STS API Reference*, GetCallerIdentity and GetSessionToken).
    pub(crate) fn needs_no_permission(&self) -> bool {
        let by_key = matches!(self.principal, Principal::User { .. } | Principal::Root { .. });
        self.is("sts:GetCallerIdentity") || (by_key && self.is("sts:GetSessionToken"))
    }

    /// What a kind of credential may not call whatever its policies say.
    pub(crate) fn credential_limit(&self) -> Option<Limit> {
        if !self.service_is("sts") && !self.service_is("iam") {
            return None;
        }
        match self.principal {
            // IAM User Guide, AWS account root user: root cannot assume roles.
            Principal::Root { .. } if self.is("sts:AssumeRole") => Some(Limit::RootAssumesNoRole),
            // STS API Reference, GetFederationToken, "Permissions".
            Principal::FederatedUser { .. } => Some(Limit::FederatedUser),
            // STS API Reference, AssumeRole, "Permissions".
            Principal::RoleSession { .. }
                if self.is("sts:GetSessionToken") || self.is("sts:GetFederationToken") =>
            {
                Some(Limit::RoleSession)
            }
            _ => None,
        }
    }

    /// SCPs bind the principals of member accounts, except service-linked roles.
    pub(crate) fn scps_apply(&self) -> bool {
        self.principal.account().is_some() && !self.principal.is_service_linked()
    }

    /// RCPs reach some services only, and do not bind service-linked roles.
    pub(crate) fn rcps_apply(&self) -> bool {
        // AWS KMS Developer Guide, Resource control policies: "kms:RetireGrant permission is not effective
        // in an RCP, even if the Action element specifies an asterisk".
        self.action.parts.is_some_and(|(service, _)| is_controlled(service))
            && !self.is("kms:RetireGrant")
            && !self.principal.is_service_linked()
    }

    /// Whether the caller has policies of its own: services and nobody in particular have none, and those of root
    /// users are not asked.
    pub(crate) fn has_identity_policies(&self) -> bool {
        self.side != Side::Outside && !self.principal.has_all_of_root()
    }

    /// Whether the caller may be a session that policies were passed for.
    pub(crate) fn has_session_policies(&self) -> bool {
        self.side != Side::Outside && !matches!(self.principal, Principal::Root { .. })
    }

    fn decide(&self, stack: &PolicyStack<'_>) -> Evaluation {
        let scps = !stack.scps.is_empty() && self.scps_apply();
        let rcps = !stack.rcps.is_empty() && self.rcps_apply();
        let scp = if scps { self.levels(Layer::Scp, stack.scps) } else { Ok(()) };
        let rcp = if rcps { self.levels(Layer::Rcp, stack.rcps) } else { Ok(()) };
        let resource = stack.resource.as_ref().map(|policy| self.resource_policy(policy)).unwrap_or_default();
        let has_identity = self.has_identity_policies();
        let look = |layer, policies| if has_identity { self.scan(layer, policies) } else { Found::default() };
        let identity = look(Layer::Identity, stack.identity);
        let groups = look(Layer::Group, stack.groups);
        let boundary = look(Layer::Boundary, stack.boundary);
        let passed = stack.session.filter(|_| self.has_session_policies()).unwrap_or_default();
        let session = self.scan(Layer::Session, passed);

        let organization = [scp, rcp].into_iter().find_map(|levels| levels.err()?.deny);
        let found = organization.or(resource.deny).or(identity.deny).or(groups.deny);
        if let Some(place) = found.or(boundary.deny).or(session.deny) {
            return Evaluation::new(Decision::ExplicitlyDenied, Deciding::Statement(place));
        }
        if let Some(limit) = self.credential_limit() {
            return Evaluation::new(Decision::ImplicitlyDenied, Deciding::CredentialLimit(limit));
        }
        if let Err(Blocked { level, .. }) = scp {
            return Evaluation::silent(Layer::Scp, level);
        }
        let own = identity.allow.or(groups.allow);
        let bounded = self.bounded && boundary.allow.is_none();
        let limited = self.limited && session.allow.is_none();
        self.combine(&Findings { resource, own, bounded, limited })
    }

    fn combine(&self, found: &Findings) -> Evaluation {
        let naming = found.resource.naming;
        let grant = found.resource.allow;
        let needs_resource = self.side != Side::SameAccount || self.needs_resource_policy();
        if needs_resource && grant.is_none() {
            let layer = if self.is_assumption() { Layer::Trust } else { Layer::Resource };
            return Evaluation::silent(layer, 0);
        }
        let direct = grant.filter(|_| naming > Naming::Account);
        if self.side != Side::OtherAccount
            && let Some(place) = direct
        {
            // Who is named itself is not limited, who is named by its role is (IAM User Guide, Permissions
            // boundaries; Session policies). Nothing is said of `*` but that a condition on
            // aws:PrincipalArn makes it unlimited (Principal): it names the user or session, too, and
            // passes by a boundary, as the other evaluators have it; a session policy it does not.
            // For trust policies the guide says that "if a permissions boundary is set for the user, then
            // it must allow the sts:AssumeRole action" (Update a role trust policy), which contradicts
            // the former page: the stricter one holds.
            let user_in_trust = matches!(self.principal, Principal::User { .. }) && self.is_assumption();
            if found.bounded && (naming == Naming::Role || user_in_trust) {
                return Evaluation::silent(Layer::Boundary, 0);
            }
            if found.limited && matches!(naming, Naming::Role | Naming::Everyone) {
                return Evaluation::silent(Layer::Session, 0);
            }
            return Evaluation::new(Decision::Allowed, Deciding::Statement(place));
        }
        if self.principal.has_all_of_root() {
            // A federated user has what its session policies leave of everything. The guide knows one rule for all
            // callers: the intersection, and nothing where none was passed (Permissions for GetFederationToken).
            return if found.limited {
                Evaluation::silent(Layer::Session, 0)
            } else {
                Evaluation::new(Decision::Allowed, Deciding::RootUser)
            };
        }
        match found.own {
            None => Evaluation::silent(Layer::Identity, 0),
            Some(_) if found.bounded => Evaluation::silent(Layer::Boundary, 0),
            Some(_) if found.limited => Evaluation::silent(Layer::Session, 0),
            Some(place) => Evaluation::new(Decision::Allowed, Deciding::Statement(place)),
        }
    }

    /// Each level must allow; a deny at any level counts first.
    fn levels(&self, layer: Layer, levels: &[Level<'_>]) -> Result<(), Blocked> {
        let mut silent = None;
        for (number, level) in levels.iter().enumerate() {
            let found = self.scan(layer, level.policies);
            if let Some(deny) = found.deny {
                return Err(Blocked { deny: Some(Place { level: number, ..deny }), level: number });
            }
            // RCPs only deny: `RCPFullAWSAccess` is attached everywhere and cannot be detached.
            if found.allow.is_none() && layer == Layer::Scp {
                silent = silent.or(Some(Blocked { deny: None, level: number }));
            }
        }
        silent.map_or(Ok(()), Err)
    }

    /// The first deny and the first allow among policies that name no principal.
    fn scan(&self, layer: Layer, policies: &[PolicyRef<'_>]) -> Found {
        let mut found = Found::default();
        for (policy, reference) in policies.iter().enumerate() {
            if found.allow.is_some() && !reference.document.denies {
                continue;
            }
            let mut candidates = reference.document.candidates(&self.action);
            if found.allow.is_some() {
                candidates.denies_only();
            }
            while let Some((statement, candidate)) = candidates.next() {
                let place = Place { layer, level: 0, policy, statement };
                match candidate.effect() {
                    Effect::Allow if found.allow.is_some() => {}
                    Effect::Allow => {
                        if self.attached_statement(layer, candidate) == Truth::Yes {
                            found.allow = Some(place);
                            if !reference.document.denies {
                                break;
                            }
                            candidates.denies_only();
                        }
                    }
                    Effect::Deny => {
                        if self.attached_statement(layer, candidate) != Truth::No {
                            found.deny = Some(place);
                            return found;
                        }
                    }
                }
            }
        }
        found
    }

    /// A statement, whose actions match, of a policy that is attached to its principal.
    ///
    /// AWS stores none without a resource or with a principal: what such a one means is unsettled.
    fn attached_statement(&self, layer: Layer, statement: &Statement) -> Truth {
        let resource = match statement.resources() {
            Some(resources) => Truth::from(resources.covers(&self.resource, self.context)),
            None => Truth::Unsettled,
        };
        if resource == Truth::No {
            return Truth::No;
        }
        let principal = match statement.principals() {
            Some(_) => self.attached_principal(layer),
            None => Truth::Yes,
        };
        resource.and(principal).and(conditions_hold(statement.conditions(), self.context))
    }

    /// A `Principal` where there should be none. An RCP's is always `*`.
    pub(crate) fn attached_principal(&self, layer: Layer) -> Truth {
        if layer == Layer::Rcp { Truth::Yes } else { Truth::Unsettled }
    }

    fn resource_policy(&self, policy: &PolicyRef<'_>) -> ResourceFound {
        let layer = if self.is_assumption() { Layer::Trust } else { Layer::Resource };
        let mut found = ResourceFound::default();
        for (number, statement) in policy.document.candidates(&self.action) {
            let place = Place { layer, level: 0, policy: 0, statement: number };
            let (truth, naming) = self.resource_statement(statement);
            match statement.effect() {
                Effect::Allow if truth == Truth::Yes && naming > found.naming => {
                    found.naming = naming;
                    found.allow = Some(place);
                }
                Effect::Deny if truth != Truth::No => {
                    found.deny = Some(place);
                    return found;
                }
                _ => {}
            }
        }
        found
    }

    /// A statement, whose actions match, of a resource's policy, and how it names the principal.
    fn resource_statement(&self, statement: &Statement) -> (Truth, Naming) {
        // A trust policy has no resource: it is the role's.
        if statement.resources().is_some_and(|resources| !resources.covers(&self.resource, self.context)) {
            return (Truth::No, Naming::No);
        }
        let (principal, naming) = self.principal_element(statement);
        if principal == Truth::No {
            return (Truth::No, naming);
        }
        (principal.and(conditions_hold(statement.conditions(), self.context)), naming)
    }

    pub(crate) fn principal_element(&self, statement: &Statement) -> (Truth, Naming) {
        let Some(principals) = statement.principals() else { return (Truth::Unsettled, Naming::No) };
        if !principals.is_negated() {
            return match principals.naming(self.principal) {
                Naming::Everyone if statement.names_principal_arn => (Truth::Yes, Naming::EveryoneByArn),
                Naming::Unknowable => (Truth::Unsettled, Naming::Unknowable),
                naming => (Truth::from(naming > Naming::No), naming),
            };
        }
        // "NotPrincipal with a Deny effect will always deny any IAM principal that has a permissions
        // boundary policy attached" (IAM User Guide, NotPrincipal).
        if self.bounded && statement.effect() == Effect::Deny {
            return (Truth::Yes, Naming::No);
        }
        let named = principals.spares(self.principal).not();
        // "NotPrincipal with Allow is not supported": it grants nothing here.
        let named = if statement.effect() == Effect::Allow { named.and(Truth::Unsettled) } else { named };
        (named, Naming::No)
    }
}

pub(crate) fn is_assumption(action: &ActionText<'_>) -> bool {
    const NAMES: [&str; 5] =
        ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "TagSession", "SetSourceIdentity"];
    let is_named = |name: &str| NAMES.iter().any(|known| same_folded(known.as_bytes(), name.as_bytes()));
    action.parts.is_some_and(|(service, name)| service.eq_ignore_ascii_case("sts") && is_named(name))
}

/// Why SCPs or RCPs stop a request.
#[derive(Clone, Copy)]
struct Blocked {
    deny: Option<Place>,
    level: usize,
}

/// What a resource's policy says, and how strongly it names the principal that it allows.
struct ResourceFound {
    deny: Option<Place>,
    allow: Option<Place>,
    naming: Naming,
}

impl Default for ResourceFound {
    fn default() -> Self {
        Self { deny: None, allow: None, naming: Naming::No }
    }
}

struct Findings {
    resource: ResourceFound,
    own: Option<Place>,
    bounded: bool,
    limited: bool,
}
