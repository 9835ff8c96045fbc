//! Whether there is a request that is allowed.

use std::collections::BTreeMap;

use postern_policy::{
    Condition, Context, ContextValue, Decision, Document, PolicyRef, PolicyStack, Request, Statement,
    Version,
    classes::{self, Budget},
    evaluate,
};

use crate::caller::{Caller, Tie};

/// Whether a caller may do something, in some request or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A request with this context is allowed: the evaluator said so.
    Allowed(Box<Context>),
    /// No request is allowed.
    Never,
    /// It cannot be told, and why.
    Unknown(String),
}

impl Answer {
    /// Whether it is sure that no request is allowed.
    #[must_use]
    pub const fn is_never(&self) -> bool {
        matches!(self, Self::Never)
    }
}

/// Combinations of values that are tried before giving up.
const LIMIT: usize = 50_000;

/// A key that the caller's credential leaves open, and one value of each class that the policies tell apart.
struct Axis {
    key: Box<str>,
    values: Vec<ContextValue>,
}

/// What is asked for, of one role or resource.
pub(crate) struct Question<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    /// The resource's policy: a role's trust policy.
    pub(crate) trust: Option<&'a Document>,
}

/// What `sts:AssumeRole` needs besides, where the request carries one of these keys (*IAM User Guide*, "Monitor and
/// control actions taken with assumed roles", "Pass session tags in AWS STS").
pub(crate) const SOURCE_IDENTITY: (&str, &str) = ("sts:sourceidentity", "sts:SetSourceIdentity");
pub(crate) const SESSION_TAGS: (&str, &str) = ("aws:requesttag/", "sts:TagSession");
const TAG_KEYS: &str = "aws:tagkeys";

impl Question<'_> {
    pub(crate) fn answer(&self) -> Answer {
        let fixed = self.caller.fixed();
        let (axes, complete) = match self.axes(&fixed) {
            Ok(axes) => axes,
            Err(reason) => return self.unless_denied(&fixed, reason),
        };
        let combinations = axes.iter().try_fold(1_usize, |all, axis| all.checked_mul(axis.values.len()));
        if combinations.is_none_or(|all| all > LIMIT) {
            let widest = axes.iter().max_by_key(|axis| axis.values.len()).map(|axis| &*axis.key);
            let reason =
                format!("too many combinations of condition keys, above all of {}", widest.unwrap_or("-"));
            return self.unless_denied(&fixed, reason);
        }
        let resource = self.trust.map(|document| PolicyRef { name: "trust policy", arn: None, document });
        let found = self.caller.with_stack(resource, |stack| {
            let mut search = Search { question: self, stack, axes: &axes, always_denied: true, asked: false };
            let mut context = fixed;
            let found = search.from(0, &mut context).then_some(context);
            (found, search.asked && search.always_denied)
        });
        match found {
            (None, true) => Answer::Never,
            _ if self.caller.incomplete => Answer::Unknown("a policy of the caller is not known".to_owned()),
            (Some(context), _) => Answer::Allowed(Box::new(context)),
            (None, _) if !complete => {
                Answer::Unknown("a condition key is compared as a text, or with another key".to_owned())
            }
            (None, _) => Answer::Never,
        }
    }

    /// Never, where a statement without conditions denies it; else unknown.
    fn unless_denied(&self, fixed: &Context, reason: String) -> Answer {
        let denies = |policy: &crate::world::Policy| {
            policy.document.statements().iter().any(|statement| {
                statement.effect() == postern_policy::Effect::Deny
                    && statement.conditions().is_empty()
                    && self.concerns(statement, self.action, fixed)
            })
        };
        if self.caller.policies().any(denies) { Answer::Never } else { Answer::Unknown(reason) }
    }

    fn concerns(&self, statement: &Statement, action: &str, fixed: &Context) -> bool {
        statement.actions().matches(action)
            && statement.resources().is_none_or(|resources| resources.matches(self.resource, fixed))
    }

    /// Whether a policy variable stands for something that the credential leaves open: then two keys hang together, which
    /// the classes of each alone do not tell.
    fn has_open_variable(&self, statement: &Statement, fixed: &Context) -> bool {
        let resources = statement.resources().into_iter().flat_map(|resources| resources.patterns());
        let texts = resources.map(|pattern| pattern.text());
        let values = statement.conditions().iter().flat_map(|condition| condition.values());
        texts.chain(values.map(|value| value.text())).any(|text| has_open_variable(text, self.caller, fixed))
    }

    /// The keys that are left open among the conditions of statements about this action, and whether their values are
    /// all of them.
    fn axes(&self, fixed: &Context) -> Result<(Vec<Axis>, bool), String> {
        let mut by_key: BTreeMap<&str, Vec<(Version, &Condition)>> = BTreeMap::new();
        let mut complete = true;
        let documents = self.caller.policies().map(|policy| &*policy.document).chain(self.trust);
        for document in documents {
            for statement in document.statements() {
                let asked = [self.action, SOURCE_IDENTITY.1, SESSION_TAGS.1];
                let count = if self.trust.is_some() { asked.len() } else { 1 };
                if !asked.iter().take(count).any(|action| statement.actions().matches(action)) {
                    continue;
                }
                complete &= !self.has_open_variable(statement, fixed);
                for condition in statement.conditions() {
                    by_key.entry(condition.folded_key()).or_default().push((document.version(), condition));
                }
            }
        }
        let mut axes = Vec::new();
        let mut budget = Budget::default();
        for (key, conditions) in by_key {
            let tie = self.caller.tie(key);
            let values = match tie {
                Tie::OneOf(values) if values.len() == 1 => continue,
                Tie::OneOf(values) => values,
                Tie::Present | Tie::Free => {
                    let found = classes::values(&conditions, fixed, &mut budget)
                        .map_err(|gave_up| gave_up.to_string())?;
                    // A sample of a text need not be a value that the key can have, though its class holds one.
                    let in_kind =
                        !has_form(key) || conditions.iter().all(|(_, condition)| is_in_kind(condition));
                    complete &= found.complete && in_kind;
                    let all = found.classes.into_iter().map(|class| class.sample);
                    all.filter(|value| tie == Tie::Free || is_possible(key, value)).collect()
                }
            };
            axes.push(Axis { key: key.into(), values });
        }
        Ok((axes, complete))
    }
}

/// Whether the values of a key have a form of their own, in which [`is_possible`] wants them.
fn has_form(key: &str) -> bool {
    matches!(
        key,
        "aws:multifactorauthage"
            | "aws:sourceip"
            | "aws:epochtime"
            | "aws:currenttime"
            | "aws:tokenissuetime"
    )
}

/// Whether a condition compares by that form, and not as a text.
fn is_in_kind(condition: &Condition) -> bool {
    let name = condition.operator().comparison.as_str();
    ["Numeric", "Date", "IpAddress", "NotIpAddress", "Null"].iter().any(|kind| name.starts_with(kind))
}

/// Whether a key that is always there can have this value.
fn is_possible(key: &str, value: &ContextValue) -> bool {
    let Some(text) = value.single() else { return false };
    match key {
        "aws:multifactorauthage" => text.parse::<u64>().is_ok(),
        "aws:sourceip" => text.parse::<std::net::IpAddr>().is_ok(),
        "aws:epochtime" => text.parse::<i64>().is_ok(),
        "aws:currenttime" | "aws:tokenissuetime" => {
            text.parse::<postern_types::Timestamp>().is_ok() || text.parse::<i64>().is_ok()
        }
        _ => true,
    }
}

/// Whether `${key}` stands in a text and is not settled by the credential.
pub(crate) fn has_open_variable(text: &str, caller: &Caller, fixed: &Context) -> bool {
    text.split("${").skip(1).any(|rest| {
        let key = rest.split(['}', ',']).next().unwrap_or_default().trim().to_lowercase();
        // `${*}`, `${?}` and `${$}` are escapes.
        !matches!(key.as_str(), "*" | "?" | "$")
            && fixed.get(&key).values().is_empty()
            && caller.tie(&key) != Tie::OneOf(vec![ContextValue::Absent])
    })
}

struct Search<'a, 'q> {
    question: &'a Question<'q>,
    stack: &'a PolicyStack<'a>,
    axes: &'a [Axis],
    /// Whether every request so far met an explicit deny, which no policy that is not known could undo.
    always_denied: bool,
    /// Whether there was any request.
    asked: bool,
}

impl Search<'_, '_> {
    /// Tries every combination of the axes from this one on, and leaves the first that is allowed in the context.
    fn from(&mut self, at: usize, context: &mut Context) -> bool {
        let axes = self.axes;
        let Some(axis) = axes.get(at) else { return is_consistent(context) && self.is_allowed(context) };
        axis.values.iter().any(|value| {
            context.set(&axis.key, value.clone());
            self.from(at + 1, context)
        })
    }

    fn is_allowed(&mut self, context: &Context) -> bool {
        self.asked = true;
        let mut may = |action: &str| {
            let request = Request {
                principal: &self.question.caller.principal,
                action,
                resource: self.question.resource,
                // Without a resource's policy the caller's own policies are asked, as within one account.
                resource_account: match self.question.trust {
                    Some(_) => None,
                    None => self.question.caller.principal.account(),
                },
                context,
            };
            let decision = evaluate(&request, self.stack).decision;
            self.always_denied &= decision == Decision::ExplicitlyDenied;
            decision == Decision::Allowed
        };
        if !may(self.question.action) {
            return false;
        }
        let carries = |key: &str| !context.get(key).values().is_empty();
        let tags = carries(TAG_KEYS) || context.iter().any(|(key, _)| key.starts_with(SESSION_TAGS.0));
        self.question.trust.is_none()
            || ((!carries(SOURCE_IDENTITY.0) || may(SOURCE_IDENTITY.1)) && (!tags || may(SESSION_TAGS.1)))
    }
}

/// Whether `aws:TagKeys`, where it is there, names the tags that are there.
fn is_consistent(context: &Context) -> bool {
    let keys = context.get(TAG_KEYS).values();
    keys.is_empty()
        || context
            .iter()
            .filter_map(|(key, _)| key.strip_prefix(SESSION_TAGS.0))
            .all(|tag| keys.iter().any(|key| key.eq_ignore_ascii_case(tag)))
}
