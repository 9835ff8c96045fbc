//! Requests that are put to the evaluation, so that it says what a document lets in.

use std::sync::LazyLock;

use super::{PolicyKind, sample};
use crate::{
    Condition, Context, Decision, Document, Effect, PolicyRef, PolicyStack, Principal, PrincipalPattern,
    PrincipalType, Request, Statement, evaluate,
};

/// Denies that are evaluated beside an Allow; no policy that AWS stores has more.
pub(super) const MAX_DENIES: usize = 100;

/// Statements with more conditions are not evaluated: each adds a key to the context that the others are tested in.
pub(super) const MAX_CONDITIONS: usize = 500;
/// The account that owns the resource: none that a policy names.
const OWNER: &str = "827364554637";

/// What every caller may do by policies of its own.
static ALLOW_ALL: LazyLock<Option<Document>> = LazyLock::new(|| {
    Document::parse(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#)
        .ok()
});

/// A resource policy that leaves the decision to the caller's own account.
static DELEGATES: LazyLock<Option<Document>> = LazyLock::new(|| {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"918273645546"},"Action":"*"}}"#;
    Document::parse(text).ok()
});

/// Someone who asks, and what the request says of them.
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) context: Context,
}

/// The MFA keys as the three kinds of credential of a user have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mfa {
    /// N1: a long-term key; both keys are missing.
    LongTermKey,
    /// N2: a session taken without MFA; the presence key is false.
    SessionWithout,
    /// M: a session taken with MFA.
    Session,
}

pub(super) const PRESENT: &str = "aws:multifactorauthpresent";
pub(super) const AGE: &str = "aws:multifactorauthage";

pub(super) fn is_mfa(condition: &Condition) -> bool {
    matches!(condition.folded_key(), PRESENT | AGE)
}

impl Mfa {
    pub(super) fn set(self, context: &mut Context) {
        use crate::ContextValue::Absent;
        context.set(PRESENT, Absent);
        context.set(AGE, Absent);
        match self {
            Self::LongTermKey => {}
            Self::SessionWithout => context.set(PRESENT, false),
            Self::Session => {
                context.set(PRESENT, true);
                context.set(AGE, "60");
            }
        }
    }
}

impl Caller {
    /// The user of this name.
    pub(super) fn user(account: &str, name: &str) -> Option<Self> {
        Self::of(Principal::from_arn(&format!("arn:aws:iam::{account}:user/{name}"))?)
    }

    /// Someone whom a principal pattern names.
    pub(super) fn named(pattern: &PrincipalPattern) -> Option<Self> {
        let text = pattern.text();
        match pattern.kind() {
            PrincipalType::Aws if pattern.is_everyone() => Self::user(sample::ACCOUNT, "somebody"),
            PrincipalType::Aws => {
                if let Some(account) = pattern.account() {
                    return Self::user(&account.to_string(), "somebody");
                }
                if pattern.is_unique_id() {
                    return Self::by_id(text);
                }
                Self::of(Principal::from_arn(text)?)
            }
            PrincipalType::Service => Self::service(text),
            PrincipalType::Federated => Self::of(Principal::WebIdentity { provider: text.into() }),
            PrincipalType::CanonicalUser => None,
        }
    }

    /// An AWS service that calls with its own identity.
    pub(super) fn service(name: &str) -> Option<Self> {
        let mut caller = Self::of(Principal::Service { name: name.into() })?;
        caller.context.set("aws:PrincipalServiceName", name);
        Some(caller)
    }

    /// Someone who signs nothing.
    pub(super) fn anonymous() -> Option<Self> {
        let mut caller = Self::of(Principal::Anonymous)?;
        caller.context.set("aws:PrincipalType", "Anonymous");
        caller.context.set("aws:userid", "anonymous");
        Some(caller)
    }

    /// Someone with a unique id, as AWS stores principals.
    fn by_id(id: &str) -> Option<Self> {
        let kind = if id.starts_with("AROA") { "role" } else { "user" };
        let arn = format!("arn:aws:iam::{}:{kind}/somebody", sample::ACCOUNT);
        let principal = match Principal::from_arn(&arn)? {
            Principal::User { arn, .. } => Principal::User { arn, id: id.parse().ok() },
            Principal::RoleSession { role, session, .. } => {
                Principal::RoleSession { role, session, id: id.parse().ok() }
            }
            other => other,
        };
        Self::of(principal)
    }

    fn of(principal: Principal) -> Option<Self> {
        let mut context = Context::new()
            .with("aws:SecureTransport", true)
            .with("aws:ViaAWSService", false)
            .with("aws:PrincipalIsAWSService", matches!(principal, Principal::Service { .. }))
            .with("aws:EpochTime", "1800000000")
            .with("aws:CurrentTime", "2027-01-15T08:00:00Z");
        if let Some(account) = principal.account() {
            context.set("aws:PrincipalAccount", account.to_string());
            context.set("aws:ResourceAccount", OWNER);
        }
        match &principal {
            Principal::User { arn, id } => {
                context.set("aws:PrincipalArn", arn.to_string());
                context.set("aws:PrincipalType", "User");
                context.set("aws:username", arn.name().as_str());
                let id = id.as_ref().map_or("AIDAQXZEUSOMEBODY2223", |id| id.as_str());
                context.set("aws:userid", id);
            }
            Principal::RoleSession { role, .. } => {
                context.set("aws:PrincipalArn", role.to_string());
                context.set("aws:PrincipalType", "AssumedRole");
                context.set("aws:userid", "AROAQXZEUSOMEBODY2223:session");
                context.set("aws:TokenIssueTime", "2027-01-15T07:59:00Z");
            }
            _ => {}
        }
        Some(Self { principal, context })
    }

    /// Makes all conditions hold but those on MFA and those that the filter leaves out; false where one
    /// of them cannot be met.
    pub(super) fn meets(&mut self, statement: &Statement, but: impl Fn(&Condition) -> bool) -> bool {
        if statement.conditions().len() > MAX_CONDITIONS {
            return false;
        }
        let wanted = statement.conditions().iter().filter(|condition| !is_mfa(condition) && !but(condition));
        wanted.into_iter().all(|condition| sample::satisfy(condition, &mut self.context))
    }
}

/// A statement and all that its document denies.
pub(super) fn alone(document: &Document, number: usize) -> Option<Document> {
    let statement = document.statements().get(number)?;
    let denies = document.statements().iter().filter(|s| s.effect() == Effect::Deny).take(MAX_DENIES);
    Some(document.with_statements(std::iter::once(statement).chain(denies).cloned().collect()))
}

/// All that a document denies.
pub(super) fn denies(document: &Document) -> Document {
    let denies = document.statements().iter().filter(|s| s.effect() == Effect::Deny).take(MAX_DENIES);
    document.with_statements(denies.cloned().collect())
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
}

/// Decides by the document, with everything else on the caller's side.
pub(super) fn decide(
    document: &Document,
    kind: PolicyKind,
    caller: &Caller,
    ask: Ask<'_>,
    mfa: Mfa,
) -> Option<Decision> {
    let mut context = caller.context.clone();
    mfa.set(&mut context);
    let reference = |document| PolicyRef { name: "policy", arn: None, document };
    let own = [reference(document)];
    let all = [reference(ALLOW_ALL.as_ref()?)];
    let (identity, resource, account): (&[PolicyRef<'_>], Option<PolicyRef<'_>>, Option<&str>) =
        if kind.is_attached() {
            (&own, Some(reference(DELEGATES.as_ref()?)), None)
        } else {
            // Across accounts both sides must allow, so that the answer is the document's.
            (&all, Some(reference(document)), Some(OWNER))
        };
    let stack = PolicyStack { identity, resource, ..PolicyStack::default() };
    let request = Request {
        principal: &caller.principal,
        action: ask.action,
        resource: ask.resource,
        resource_account: match account {
            Some(account) => Some(account.parse().ok()?),
            None => caller.principal.account(),
        },
        context: &context,
    };
    Some(evaluate(&request, &stack).decision)
}

/// Whether the document allows it.
pub(super) fn allows(document: &Document, kind: PolicyKind, caller: &Caller, ask: Ask<'_>, mfa: Mfa) -> bool {
    decide(document, kind, caller, ask, mfa) == Some(Decision::Allowed)
}

/// An action that the statement covers: the wanted one if it does, or one like its first pattern.
pub(super) fn action_of(statement: &Statement, wanted: &str) -> Option<String> {
    if statement.actions().matches(wanted) {
        return Some(wanted.to_owned());
    }
    if statement.actions().is_negated() {
        return ["ec2:RunInstances", "iam:CreateUser"]
            .into_iter()
            .find(|a| statement.actions().matches(a))
            .map(str::to_owned);
    }
    let text = statement.actions().patterns().first()?.text();
    let action = if text == "*" { "ec2:RunInstances".to_owned() } else { sample::instantiate(text, "x") };
    statement.actions().matches(&action).then_some(action)
}

/// A resource that the statement covers.
pub(super) fn resource_of(statement: &Statement, context: &Context, fallback: &str) -> Option<String> {
    let Some(resources) = statement.resources() else { return Some(fallback.to_owned()) };
    if resources.matches(fallback, context) {
        return Some(fallback.to_owned());
    }
    let fill = |text: &str| sample::instantiate(&sample::filled(text, context), "x");
    resources.patterns().iter().map(|p| fill(p.text())).find(|text| resources.matches(text, context))
}
