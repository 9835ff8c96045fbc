//! What AWS checks when a document is written, in AWS's words.
//!
//! IAM has accepted other things in other years: what is stored at AWS already is read with
//! [`Document::parse`]. The texts were observed at IAM between 2020 and 2026; where one is ours because
//! nothing was observed, the line says so. The order is AWS's: JSON and shape, then the version, then
//! what IAM calls legacy parsing, then everything else.

mod date;
mod resource;

pub(crate) use self::{date::is_date, resource::is_taken};

use crate::{
    Document, Effect,
    json::{self, Items, Members, Node, Read, Value},
    parse::{DOCUMENT_ELEMENTS, STATEMENT_ELEMENTS},
};

/// A document that AWS does not store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct StorageError {
    /// AWS's error code.
    pub code: &'static str,
    /// AWS's message.
    pub message: String,
}

impl StorageError {
    fn new(message: impl Into<String>) -> Self {
        Self { code: "MalformedPolicyDocument", message: message.into() }
    }

    fn syntax() -> Self {
        Self::new("Syntax errors in policy.")
    }

    fn legacy() -> Self {
        Self::new("The policy failed legacy parsing")
    }
}

/// Checks a policy for a user, group or role, a managed policy, a boundary or a session policy.
///
/// # Errors
/// AWS's refusal: the first in AWS's order.
///
/// ```
/// use postern_policy::stored::check_identity_policy;
/// let error = check_identity_policy(
///     r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3", "Resource": "*"}}"#,
/// )
/// .unwrap_err();
/// assert_eq!(
///     error.message,
///     "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
/// );
/// ```
pub fn check_identity_policy(text: &str) -> Result<Document, StorageError> {
    let read = json::read(text).map_err(|_| StorageError::syntax())?;
    let draft = Draft::shape(&read)?;
    if draft.version != Some("2012-10-17") {
        return Err(StorageError::new("Policy document must be version 2012-10-17 or greater."));
    }
    draft.legacy_parsing()?;
    let resources = resource::check(&draft.statements)?;
    if draft.statements.iter().any(|statement| statement.has("Principal") || statement.has("NotPrincipal")) {
        return Err(StorageError::new("Policy document should not specify a principal."));
    }
    draft.sids()?;
    draft.actions_exist()?;
    resources.map_or(Ok(()), Err)?;
    draft.vendors()?;
    if draft.statements.iter().any(|statement| statement.is_without("Resource", "NotResource")) {
        return Err(StorageError::new("Policy statement must contain resources."));
    }
    Document::parse(text).map_err(|_| StorageError::syntax())
}

/// Checks a role's trust policy. Whether its principals exist is for the account to say: see
/// [`Document::principals`].
///
/// # Errors
/// AWS's refusal: the first in AWS's order.
pub fn check_trust_policy(text: &str) -> Result<Document, StorageError> {
    let read = json::read(text).map_err(|_| StorageError::new("This policy contains invalid Json"))?;
    let draft = Draft::shape(&read)?;
    draft.legacy_parsing()?;
    if draft.statements.iter().any(|statement| statement.has("Resource") || statement.has("NotResource")) {
        return Err(StorageError::new("Has prohibited field Resource"));
    }
    let unnamed =
        |statement: &StatementDraft<'_>| !statement.has("Principal") && !statement.has("NotPrincipal");
    if draft.statements.iter().any(unnamed) {
        // Our words: no text was observed.
        return Err(StorageError::new("Missing required field Principal"));
    }
    draft.sids()?;
    draft.actions_exist()?;
    draft.vendors()?;
    let document = Document::parse(text).map_err(|_| StorageError::syntax())?;
    let not_principal = |statement: &crate::Statement| {
        statement.effect() == Effect::Allow
            && statement.principals().is_some_and(crate::Principals::is_negated)
    };
    if document.statements().iter().any(not_principal) {
        // Our words. "NotPrincipal with Allow is not supported" (IAM User Guide).
        return Err(StorageError::new("Allow with NotPrincipal is not allowed."));
    }
    let foreign = |statement: &crate::Statement| {
        statement.actions().is_negated()
            || !statement.actions().patterns().iter().all(|action| is_assumption(action.text()))
    };
    if document.statements().iter().any(foreign) {
        return Err(StorageError::new("AssumeRole policy may only specify STS AssumeRole actions."));
    }
    Ok(document)
}

/// The size that AWS compares with its quotas: the characters that are not white space.
#[must_use]
pub fn size(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}

/// Whether a trust policy may speak of this action.
pub(crate) fn is_assumption(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.starts_with("sts:assumerole")
        || action == "sts:tagsession"
        || action == "sts:setsourceidentity"
        || action == "sts:*"
}

/// A document whose shape is right: every element is known and of its type.
struct Draft<'a> {
    version: Option<&'a str>,
    statements: Vec<StatementDraft<'a>>,
}

/// One of its statements.
pub(super) struct StatementDraft<'a> {
    members: Members<'a>,
}

impl<'a> StatementDraft<'a> {
    fn get(&self, name: &str) -> Option<Node<'a>> {
        { self.members }.find(|m| m.key == name).map(|m| m.node)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.text()
    }

    /// An element's values, be it one or a list.
    fn list(&self, name: &str) -> Option<Items<'a>> {
        self.get(name).map(Node::listed)
    }

    /// Whether an element, or its negated form, is missing or lists nothing.
    fn is_without(&self, name: &str, negated: &str) -> bool {
        self.list(name).or_else(|| self.list(negated)).is_none_or(|items| items.len() == 0)
    }

    /// The texts of an element, of which there may be none.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.list(name).into_iter().flatten().filter_map(Node::text)
    }
}

impl<'a> Draft<'a> {
    fn shape(read: &'a Read<'a>) -> Result<Self, StorageError> {
        let wrong = || Err(StorageError::syntax());
        // Our choice: what AWS makes of a name that stands twice was not observed.
        if !read.duplicates.is_empty() {
            return wrong();
        }
        let Some(Value::Object(members)) = read.root().map(Node::value) else { return wrong() };
        if !{ members }.all(|m| DOCUMENT_ELEMENTS.contains(&m.key)) {
            return wrong();
        }
        let top = StatementDraft { members };
        let version = top.text("Version");
        let versions = [None, Some("2008-10-17"), Some("2012-10-17")];
        if (top.has("Version") && version.is_none()) || !versions.contains(&version) {
            return wrong();
        }
        if top.has("Id") && top.text("Id").is_none() {
            return wrong();
        }
        let statements = top.list("Statement").into_iter().flatten();
        let statements: Option<Vec<StatementDraft<'a>>> = statements.map(statement).collect();
        match statements {
            Some(statements) if !statements.is_empty() => Ok(Self { version, statements }),
            _ => wrong(),
        }
    }

    /// What the older parser refuses: the case of effects, dates.
    fn legacy_parsing(&self) -> Result<(), StorageError> {
        for statement in &self.statements {
            if !matches!(statement.text("Effect"), Some("Allow" | "Deny")) {
                return Err(StorageError::legacy());
            }
            let Some(Value::Object(operators)) = statement.get("Condition").map(Node::value) else {
                continue;
            };
            for operator in operators {
                let name = operator.key.rsplit_once(':').map_or(operator.key, |(_, name)| name);
                let Value::Object(keys) = operator.node.value() else { continue };
                let mut values = keys.flat_map(|key| key.node.listed());
                let good = |node: Node<'_>| match node.value() {
                    Value::String(text) | Value::Number(text) => is_date(text),
                    _ => false,
                };
                if name.starts_with("Date") && !values.all(good) {
                    return Err(StorageError::legacy());
                }
            }
        }
        Ok(())
    }

    fn sids(&self) -> Result<(), StorageError> {
        let mut sids: Vec<&str> = self.statements.iter().filter_map(|s| s.text("Sid")).collect();
        if sids.iter().any(|sid| !sid.bytes().all(|b| b.is_ascii_alphanumeric())) {
            return Err(StorageError::new(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                 expression [0-9A-Za-z]*",
            ));
        }
        sids.retain(|sid| !sid.is_empty());
        sids.sort_unstable();
        if sids.iter().zip(sids.iter().skip(1)).any(|(a, b)| a == b) {
            return Err(StorageError::new("Statement IDs (SID) in a single policy must be unique."));
        }
        Ok(())
    }

    fn actions_exist(&self) -> Result<(), StorageError> {
        if self.statements.iter().any(|statement| statement.is_without("Action", "NotAction")) {
            return Err(StorageError::new("Policy statement must contain actions."));
        }
        Ok(())
    }

    fn vendors(&self) -> Result<(), StorageError> {
        let actions = |name: &'static str| self.statements.iter().flat_map(move |s| s.texts(name));
        actions("Action").chain(actions("NotAction")).try_for_each(vendor)
    }
}

/// What stands before an action's colon.
pub(crate) fn vendor(action: &str) -> Result<(), StorageError> {
    if action == "*" {
        return Ok(());
    }
    let Some((vendor, name)) = action.split_once(':') else {
        return Err(StorageError::new(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ));
    };
    if name.contains(':') {
        return Err(StorageError::new("Actions/Condition can contain only one colon."));
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    if vendor != "*" && !vendor.bytes().all(good) {
        return Err(StorageError::new(format!("Vendor {vendor} is not valid")));
    }
    Ok(())
}

/// A statement, if its elements are known and of their types.
fn statement(node: Node<'_>) -> Option<StatementDraft<'_>> {
    let Value::Object(mut members) = node.value() else { return None };
    let statement = StatementDraft { members };
    let known = members.all(|m| STATEMENT_ELEMENTS.contains(&m.key));
    let pairs = [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")];
    let single = pairs.iter().all(|(a, b)| !(statement.has(a) && statement.has(b)));
    let effect = statement.text("Effect")?;
    let effect = effect.eq_ignore_ascii_case("Allow") || effect.eq_ignore_ascii_case("Deny");
    let sid = !statement.has("Sid") || statement.text("Sid").is_some();
    let strings = ["Action", "NotAction", "Resource", "NotResource"]
        .iter()
        .all(|name| statement.list(name).into_iter().flatten().all(|node| node.text().is_some()));
    let condition = statement.get("Condition").is_none_or(is_condition);
    (known && single && effect && sid && strings && condition).then_some(statement)
}

fn is_condition(node: Node<'_>) -> bool {
    let Value::Object(mut operators) = node.value() else { return false };
    operators.all(|operator| {
        let Value::Object(keys) = operator.node.value() else { return false };
        let scalar =
            |node: Node<'_>| matches!(node.value(), Value::String(_) | Value::Number(_) | Value::Bool(_));
        let values = { keys }.all(|key| key.node.listed().all(scalar));
        // An unknown operator passes as long as it holds nothing.
        values && (keys.len() == 0 || crate::Operator::parse(operator.key).is_some())
    })
}
