//! From JSON to a document: every departure from the grammar is reported with its place.

use std::sync::Arc;

use crate::{
    ActionPattern, Actions, Condition, Document, Effect, Operator, PrincipalType, Principals, Problem,
    ResourcePattern, Resources, Span, Statement, Version,
    candidates::StatementIndex,
    json::{self, MAX_PROBLEMS, Member, Members, Node, Read, Value},
    principal::PrincipalPattern,
};

/// In the order of AWS's grammar, in which they are printed.
pub(crate) const DOCUMENT_ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
/// In the order of AWS's grammar, in which they are printed.
pub(crate) const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Nothing longer is taken for a misspelling: the comparison's cost grows with the square.
pub(crate) const LONGEST_NAME: usize = 40;

pub(crate) fn document(text: &str) -> Result<Document, Vec<Problem>> {
    compile(json::read(text).map_err(|problem| vec![problem])?, false)
}

/// The document at the beginning of a text, and where it ends.
pub(crate) fn front(text: &str) -> Result<(Document, usize), Vec<Problem>> {
    let (read, end) = json::read_front(text).map_err(|problem| vec![problem])?;
    Ok((compile(read, true)?, end))
}

fn compile(mut read: Read<'_>, maybe_empty: bool) -> Result<Document, Vec<Problem>> {
    let problems = std::mem::take(&mut read.duplicates);
    let mut parser = Parser { problems, variables: false, maybe_empty };
    let document = read.root().map(|root| parser.document(root));
    if let Some(document) = document
        && parser.problems.is_empty()
    {
        return Ok(document);
    }
    parser.problems.sort_by_key(|problem| problem.span);
    parser.problems.truncate(MAX_PROBLEMS);
    Err(parser.problems)
}

struct Parser {
    problems: Vec<Problem>,
    /// Whether `${…}` is a variable in this document.
    variables: bool,
    /// Whether lists may be empty.
    maybe_empty: bool,
}

impl Parser {
    fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.report(Problem::new(span, message));
    }

    fn report(&mut self, problem: Problem) {
        if !self.is_full() {
            self.problems.push(problem);
        }
    }

    fn empty(&mut self, node: Node<'_>, element: &str) {
        if !self.maybe_empty {
            self.problem(node.span(), format!("`{element}` is empty"));
        }
    }

    /// Whether more problems would be found for nothing: putting each into words costs more than reading on.
    fn is_full(&self) -> bool {
        self.problems.len() >= 4 * MAX_PROBLEMS
    }

    fn document(&mut self, root: Node<'_>) -> Document {
        let mut document = Document {
            version: None,
            id: None,
            statements: Arc::default(),
            span: root.span(),
            version_span: None,
            listed: false,
            denies: false,
            index: None,
        };
        let Value::Object(members) = root.value() else {
            self.problem(root.span(), format!("a policy is an object, not {}", root.kind()));
            return document;
        };
        let [version, id, statement] = self.elements(members, &DOCUMENT_ELEMENTS, "a policy");
        document.version_span = version.map(Node::span);
        document.version = version.and_then(|node| self.version(node));
        self.variables = document.version == Some(Version::V2012);
        document.id = self.optional_string(id, "Id");
        match statement {
            None => self.missing(members, &["Statement"], root.span(), "a policy needs a `Statement`"),
            Some(node) => {
                document.listed = node.is_list();
                let items = node.listed();
                if items.len() == 0 {
                    self.empty(node, "Statement");
                }
                // Room for all at once: most policies have one statement or two.
                let mut statements = Vec::with_capacity(items.len());
                statements.extend(items.filter_map(|node| self.statement(node)));
                document.statements = statements.into();
            }
        }
        if self.problems.is_empty() {
            document.denies = document.statements.iter().any(|statement| statement.effect == Effect::Deny);
            document.index = StatementIndex::new(&document.statements).map(Box::new);
        }
        document
    }

    /// The elements of these names, the first where one stands twice. What else there is is reported.
    fn elements<'n, const N: usize>(
        &mut self,
        members: Members<'n>,
        known: &[&str; N],
        of: &str,
    ) -> [Option<Node<'n>>; N] {
        let mut found = [None; N];
        for m in members {
            let slot = known.iter().zip(&mut found).find(|(name, _)| **name == m.key);
            match slot {
                Some((_, slot)) => *slot = slot.or(Some(m.node)),
                None if self.is_full() => {}
                None => self.unknown(m, known, &format!("no element of {of}")),
            }
        }
        found
    }

    fn version(&mut self, node: Node<'_>) -> Option<Version> {
        match node.value() {
            Value::String("2012-10-17") => return Some(Version::V2012),
            Value::String("2008-10-17") => return Some(Version::V2008),
            Value::String(text) => self.report(
                Problem::new(node.span(), format!("there is no version `{text}` of the policy language"))
                    .help("use `2012-10-17`"),
            ),
            _ => self.problem(node.span(), format!("`Version` is a string, not {}", node.kind())),
        }
        None
    }

    fn statement(&mut self, node: Node<'_>) -> Option<Statement> {
        if self.is_full() {
            return None;
        }
        let Value::Object(members) = node.value() else {
            self.problem(node.span(), format!("a statement is an object, not {}", node.kind()));
            return None;
        };
        let elements = self.elements(members, &STATEMENT_ELEMENTS, "a statement");
        let [sid, effect, principal, not_principal, action, not_action, resource, not_resource, condition] =
            elements;
        let sid_span = sid.map(Node::span);
        let sid = self.optional_string(sid, "Sid");
        let effect_span = effect.map_or(node.span(), Node::span);
        let effect = self.effect(node, members, effect);
        let principals = self
            .either(members, [("Principal", principal), ("NotPrincipal", not_principal)])
            .map(|(negated, node)| self.principals(negated, node));
        let actions = match self.either(members, [("Action", action), ("NotAction", not_action)]) {
            Some((negated, value)) => {
                let texts = self.texts(value, if negated { "NotAction" } else { "Action" });
                let list = exactly(texts.map(|(text, span)| ActionPattern::new(text, span)));
                Some(Actions::new(negated, list, value.span()))
            }
            None => {
                let either = ["Action", "NotAction"];
                self.missing(members, &either, node.span(), "a statement needs `Action` or `NotAction`");
                None
            }
        };
        let resources = self.either(members, [("Resource", resource), ("NotResource", not_resource)]).map(
            |(negated, value)| {
                let texts = self.texts(value, if negated { "NotResource" } else { "Resource" });
                let variables = self.variables;
                let list = exactly(texts.map(|(text, span)| ResourcePattern::new(text, span, variables)));
                Resources { negated, list, span: value.span() }
            },
        );
        let conditions = condition.map(|node| self.conditions(node)).unwrap_or_default();
        let names_principal_arn = conditions.iter().any(|condition| {
            condition.folded_key() == "aws:principalarn"
                && !condition.operator().comparison.is_negated()
                && !condition.operator().if_exists
                && condition.operator().qualifier.is_none()
        });
        Some(Statement {
            sid,
            effect: effect?,
            principals,
            actions: actions?,
            resources,
            conditions: conditions.into(),
            span: node.span(),
            sid_span,
            effect_span,
            names_principal_arn,
        })
    }

    fn effect(
        &mut self,
        statement: Node<'_>,
        members: Members<'_>,
        effect: Option<Node<'_>>,
    ) -> Option<Effect> {
        let Some(node) = effect else {
            self.missing(members, &["Effect"], statement.span(), "a statement needs an `Effect`");
            return None;
        };
        match node.value() {
            Value::String("Allow") => Some(Effect::Allow),
            Value::String("Deny") => Some(Effect::Deny),
            _ => {
                self.problem(node.span(), "`Effect` must be either `Allow` or `Deny`");
                None
            }
        }
    }

    /// The one of two elements that exclude each other, and whether it is the second, negated one.
    fn either<'n>(
        &mut self,
        members: Members<'_>,
        [(plain, node), (negated, other)]: [(&str, Option<Node<'n>>); 2],
    ) -> Option<(bool, Node<'n>)> {
        if let (Some(_), Some(_)) = (node, other)
            && let Some(m) = { members }.find(|m| m.key == negated)
        {
            self.problem(m.key_span, format!("`{plain}` and `{negated}` exclude each other"));
        }
        node.map(|node| (false, node)).or_else(|| other.map(|node| (true, node)))
    }

    fn optional_string(&mut self, node: Option<Node<'_>>, name: &str) -> Option<Box<str>> {
        let node = node?;
        if node.text().is_none() {
            self.problem(node.span(), format!("`{name}` is a string, not {}", node.kind()));
        }
        node.text().map(Box::from)
    }

    /// A string or a list of strings, not empty; spans with their quotes. What is no string is reported and
    /// stands in the list as an empty one: nobody will see the document.
    fn texts<'n>(
        &mut self,
        node: Node<'n>,
        element: &str,
    ) -> impl ExactSizeIterator<Item = (&'n str, Span)> + use<'n> {
        let items = node.listed();
        if items.len() == 0 {
            self.empty(node, element);
        }
        for item in items.filter(|item| item.text().is_none()) {
            let kind = item.kind();
            let wanted = if node.is_list() { "lists strings" } else { "is a string or a list of strings" };
            self.problem(item.span(), format!("`{element}` {wanted}, not {kind}"));
        }
        items.map(|item| (item.text().unwrap_or_default(), item.span()))
    }

    fn principals(&mut self, negated: bool, node: Node<'_>) -> Principals {
        let element = if negated { "NotPrincipal" } else { "Principal" };
        let mut list = Vec::new();
        match node.value() {
            Value::String("*") => {
                list.push(PrincipalPattern::new(PrincipalType::Aws, "*", inside(node.span()), false));
            }
            Value::Object(members) => {
                if members.len() == 0 {
                    self.empty(node, element);
                }
                for m in members {
                    let kind = PrincipalType::ALL.into_iter().find(|kind| m.key == kind.as_str());
                    let Some(kind) = kind else {
                        if self.is_full() {
                            continue;
                        }
                        let known = PrincipalType::ALL.map(PrincipalType::as_str);
                        self.unknown(m, &known, "a kind of principal");
                        continue;
                    };
                    let listed = m.node.is_list();
                    let texts = self.texts(m.node, kind.as_str());
                    list.reserve_exact(texts.len());
                    list.extend(
                        texts.map(|(text, span)| PrincipalPattern::new(kind, text, inside(span), listed)),
                    );
                }
            }
            _ => self.report(Problem::new(node.span(), format!("`{element}` is `\"*\"` or an object")).help(
                "write `{\"AWS\": …}`, `{\"Service\": …}`, `{\"Federated\": …}` or `{\"CanonicalUser\": …}`",
            )),
        }
        Principals { negated, list: list.into(), span: node.span() }
    }

    fn conditions(&mut self, node: Node<'_>) -> Vec<Condition> {
        let Value::Object(operators) = node.value() else {
            self.problem(node.span(), format!("`Condition` is an object, not {}", node.kind()));
            return Vec::new();
        };
        let keys = |m: Member<'_>| if let Value::Object(keys) = m.node.value() { keys.len() } else { 0 };
        let mut conditions = Vec::with_capacity(operators.map(keys).sum());
        for m in operators {
            let operator = Operator::parse(m.key);
            // AWS stores an unknown operator as long as it holds nothing.
            let holds_nothing = matches!(m.node.value(), Value::Object(keys) if keys.len() == 0);
            if operator.is_none() && !holds_nothing && !self.is_full() {
                let problem = Problem::new(m.key_span, format!("there is no condition operator `{}`", m.key));
                self.report(match Operator::nearest(m.key) {
                    Some(name) => problem.help(format!("did you mean `{name}`?")),
                    None => problem,
                });
            }
            let Value::Object(keys) = m.node.value() else {
                self.problem(
                    m.node.span(),
                    format!("`{}` is an object of keys, not {}", m.key, m.node.kind()),
                );
                continue;
            };
            for key in keys {
                let values = self.condition_values(key);
                let span = Span::new(key.key_span.start, key.node.span().end);
                if let Some(operator) = operator {
                    let condition = Condition::new(operator, key.key, values, span, self.variables);
                    conditions.push(condition.written(m.key, m.key_span, key.key_span));
                }
            }
        }
        conditions
    }

    /// The values of a key, which need no list and no quotes. What is no value is reported and empty.
    fn condition_values<'n>(
        &mut self,
        key: Member<'n>,
    ) -> impl ExactSizeIterator<Item = (&'n str, Span)> + use<'n> {
        let items = key.node.listed();
        for item in items.filter(|item| scalar(*item).is_none()) {
            self.problem(
                item.span(),
                format!("a value of `{}` is a string, number or boolean, not {}", key.key, item.kind()),
            );
        }
        items.map(|item| (scalar(item).unwrap_or_default(), item.span()))
    }

    /// Says what is missing, unless a misspelt element is it.
    fn missing(&mut self, mut members: Members<'_>, names: &[&str], span: Span, message: &str) {
        let mut misspelt = || members.any(|m| nearest(m.key, names).is_some());
        if !self.is_full() && !misspelt() {
            self.problem(span, message);
        }
    }

    fn unknown(&mut self, m: Member<'_>, known: &[&str], what: &str) {
        let what = if what.starts_with("no ") { what.to_owned() } else { format!("not {what}") };
        let problem = Problem::new(m.key_span, format!("`{}` is {what}", m.key));
        self.report(match nearest(m.key, known) {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem.help(format!("known are {}", list(known))),
        });
    }
}

/// A slice made in one piece: a plain `collect` takes room for four, and gives back what it does not need.
pub(crate) fn exactly<T>(items: impl ExactSizeIterator<Item = T>) -> Box<[T]> {
    let mut list = Vec::with_capacity(items.len());
    list.extend(items);
    list.into()
}

/// What a condition compares with, as text.
fn scalar(node: Node<'_>) -> Option<&str> {
    match node.value() {
        Value::String(text) | Value::Number(text) => Some(text),
        Value::Bool(value) => Some(if value { "true" } else { "false" }),
        _ => None,
    }
}

fn nearest<'k>(text: &str, known: &[&'k str]) -> Option<&'k str> {
    if text.len() > 2 * LONGEST_NAME {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (name, distance) = known
        .iter()
        .map(|name| (*name, strsim::damerau_levenshtein(&name.to_ascii_lowercase(), &lower)))
        .min_by_key(|(_, distance)| *distance)?;
    (distance <= 2 && name != text).then_some(name)
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A string's span without its quotes.
const fn inside(span: Span) -> Span {
    Span::new(span.start + 1, span.end - 1)
}
