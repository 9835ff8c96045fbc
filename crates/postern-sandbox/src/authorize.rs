//! May this caller do this? Every policy that counts, looked up anew, and the one evaluator.

use std::sync::LazyLock;

use postern_policy::{
    Context, Decision, Document, Effect, FederatedBy, Level, PolicyRef, PolicyStack, Principal, Request,
    evaluate,
};
use postern_types::AccountId;

use crate::{
    ServiceError,
    caller::{Caller, CallerKind},
    context,
    managed::ManagedPolicy,
    model::{Account, PolicyText, State},
    operation::{Call, Decided, Need},
};

/// What a policy that cannot be found allows: nothing. Only an import can name one.
static NOTHING: LazyLock<Option<Document>> = LazyLock::new(|| {
    let text =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"none:None","Resource":"*"}}"#;
    Document::parse(text).ok()
});

/// Asks the policies about one need of an operation whose own action is `prefix:name`.
///
/// # Errors
/// AWS's `AccessDenied`, with its reason where AWS gives one.
pub(crate) fn authorize(
    call: &mut Call<'_>,
    prefix: &str,
    name: &str,
    need: &Need,
) -> Result<(), ServiceError> {
    let action = need.action.map_or_else(|| format!("{prefix}:{name}"), str::to_owned);
    let decided = decide(call, &action, need);
    let refusal = match decided.decision {
        Decision::Allowed => None,
        _ => Some(refusal(call.caller, &decided)),
    };
    call.decided.push(decided);
    refusal.map_or(Ok(()), Err)
}

/// `User: … is not authorized to perform: …` of IAM and STS.
pub(crate) fn refusal(caller: &Caller, decided: &Decided) -> ServiceError {
    let Decided { action, resource, reason, .. } = decided;
    let mut message =
        format!("User: {} is not authorized to perform: {action} on resource: {resource}", caller.arn);
    if let Some(reason) = reason {
        message.push(' ');
        message.push_str(reason);
    }
    ServiceError::access_denied(message)
}

/// Asks the policies about one action.
pub(crate) fn decide(call: &Call<'_>, action: &str, need: &Need) -> Decided {
    let context = context::of(call, need);
    let principal = principal_of(call.state, call.caller);
    let caller_side = CallerSide::gather(call.state, call.caller);
    let trust = need.assumed_role.and_then(|account| trust_policy(call.state, account, &need.resource));
    let (decision, reason) = match principal {
        Some(principal) => {
            caller_side.evaluate(&principal, action, need, trust, &context, call.caller.account)
        }
        None => (Decision::ImplicitlyDenied, None),
    };
    Decided { action: action.to_owned(), resource: need.resource.clone(), decision, reason }
}

/// Whether an action that is not allowed on `*` may be allowed on some resource: whether a statement allows it
/// on anything narrower.
pub(crate) fn may_touch(call: &Call<'_>, action: &str) -> bool {
    let side = CallerSide::gather(call.state, call.caller);
    let nowhere = Context::new();
    let policies = side.identity.iter().chain(&side.groups);
    policies.flat_map(|policy| policy.document.statements()).any(|statement| {
        statement.effect() == Effect::Allow
            && statement.actions().matches(action)
            && statement.resources().is_some_and(|resources| !resources.matches("*", &nowhere))
    })
}

/// The trust policy of a role by its whole ARN.
fn trust_policy<'a>(state: &'a State, account: AccountId, arn: &str) -> Option<&'a PolicyText> {
    let account = state.account(account)?;
    let role = account.roles.get(arn.rsplit('/').next()?)?;
    (account.role_arn(role) == arn).then_some(&role.trust)
}

/// The caller as the evaluator knows principals. None when an import left a name that AWS would not take.
fn principal_of(state: &State, caller: &Caller) -> Option<Principal> {
    match &caller.kind {
        CallerKind::Root => Some(Principal::Root { account: caller.account }),
        CallerKind::User { id, .. } => {
            Some(Principal::User { arn: caller.arn.parse().ok()?, id: Some(id.clone()) })
        }
        CallerKind::Role { id, role_arn, .. } => Some(Principal::RoleSession {
            role: role_arn.parse().ok()?,
            id: Some(id.clone()),
            session: caller.arn.parse().ok()?,
        }),
        CallerKind::Federated { user, .. } => {
            let account = state.account(caller.account)?;
            let by = match user {
                None => FederatedBy::Root,
                Some(id) => FederatedBy::User(account.user_arn(account.users.by_id(id)?).parse().ok()?),
            };
            Some(Principal::FederatedUser { arn: caller.arn.parse().ok()?, account: caller.account, by })
        }
    }
}

/// The policies on the caller's side of a request.
#[derive(Default)]
struct CallerSide<'a> {
    identity: Vec<PolicyRef<'a>>,
    groups: Vec<PolicyRef<'a>>,
    boundary: Option<PolicyRef<'a>>,
    session: Option<Vec<PolicyRef<'a>>>,
    /// What the organization leaves, level by level.
    scps: Vec<(String, Vec<PolicyRef<'a>>)>,
}

impl<'a> CallerSide<'a> {
    fn gather(state: &'a State, caller: &'a Caller) -> Self {
        let mut side = Self::default();
        let Some(account) = state.account(caller.account) else { return side };
        if let Some(organization) = state.organization_of(caller.account) {
            side.scps = organization.scps_of(caller.account);
        }
        match &caller.kind {
            CallerKind::Root => {}
            CallerKind::User { id, .. } | CallerKind::Federated { user: Some(id), .. } => {
                if let Some(user) = account.users.by_id(id) {
                    add(&mut side.identity, account, &user.inline, &user.attached);
                    for group in account.groups_of(user) {
                        add(&mut side.groups, account, &group.inline, &group.attached);
                    }
                    side.boundary = user.boundary.as_deref().and_then(|arn| managed(account, arn));
                }
            }
            CallerKind::Federated { user: None, .. } => {}
            CallerKind::Role { id, .. } => {
                if let Some(role) = account.roles.by_id(id) {
                    add(&mut side.identity, account, &role.inline, &role.attached);
                    side.boundary = role.boundary.as_deref().and_then(|arn| managed(account, arn));
                }
            }
        }
        if let Some(session) = &caller.session
            && (session.policy.is_some()
                || !session.policy_arns.is_empty()
                || matches!(caller.kind, CallerKind::Federated { .. }))
        {
            let mut policies = Vec::new();
            if let Some(policy) = &session.policy {
                policies.push(PolicyRef { name: "session", arn: None, document: &policy.document });
            }
            policies.extend(session.policy_arns.iter().filter_map(|arn| managed(account, arn)));
            side.session = Some(policies);
        }
        side
    }

    fn evaluate(
        &self,
        principal: &Principal,
        action: &str,
        need: &Need,
        trust: Option<&PolicyText>,
        context: &Context,
        own: AccountId,
    ) -> (Decision, Option<String>) {
        let resource_account = match need.assumed_role {
            // Nobody is let into a role that is not there; the evaluation would ask the caller's side alone.
            Some(_) if trust.is_none() => return (Decision::ImplicitlyDenied, None),
            Some(account) => Some(account),
            // `*` and buckets: what the sandbox is asked for lies in the caller's own account.
            None if need.resource.split(':').nth(4).is_none_or(|field| field.len() != 12) => Some(own),
            None => None,
        };
        let request = Request { principal, action, resource: &need.resource, resource_account, context };
        let scps: Vec<Level<'_>> = self.scps.iter().map(|(id, policies)| Level { id, policies }).collect();
        let stack = PolicyStack {
            identity: &self.identity,
            groups: &self.groups,
            boundary: self.boundary.as_slice(),
            session: self.session.as_deref(),
            scps: &scps,
            resource: trust.map(|trust| PolicyRef { name: "trust", arn: None, document: &trust.document }),
            ..PolicyStack::default()
        };
        let evaluation = evaluate(&request, &stack);
        // Refused, without trust, or not there at all: AssumeRole does not let its callers tell which.
        let reason = match need.assumed_role {
            Some(_) => None,
            None => evaluation.reason(&request, &stack).map(|reason| reason.to_string()),
        };
        (evaluation.decision, reason)
    }
}

fn add<'a>(
    to: &mut Vec<PolicyRef<'a>>,
    account: &'a Account,
    inline: &'a std::collections::BTreeMap<String, PolicyText>,
    attached: &'a std::collections::BTreeSet<String>,
) {
    to.extend(inline.iter().map(|(name, policy)| PolicyRef { name, arn: None, document: &policy.document }));
    to.extend(attached.iter().filter_map(|arn| managed(account, arn)));
}

/// A managed policy in force, AWS's own or the account's.
fn managed<'a>(account: &'a Account, arn: &'a str) -> Option<PolicyRef<'a>> {
    let document = match account.policy_by_arn(arn) {
        Some(policy) => policy.in_force().map(|version| &*version.policy.document),
        None => ManagedPolicy::find(arn).and_then(ManagedPolicy::document),
    };
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let document = document.or(NOTHING.as_ref())?;
    Some(PolicyRef { name, arn: Some(arn), document })
}
