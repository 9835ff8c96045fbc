//! From JSON to a document: every departure from the grammar is reported with its place.

use std::sync::Arc;

use crate::{
    ActionPattern, Actions, Condition, Document, Effect, Operator, PrincipalType, Principals, Problem,
    ResourcePattern, Resources, Span, Statement, Version,
    candidates::StatementIndex,
    json::{self, MAX_PROBLEMS, Member, Node, Value},
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
    let read = json::read(text).map_err(|problem| vec![problem])?;
    let mut parser = Parser { problems: read.duplicates, variables: false };
    let document = parser.document(&read.root);
    if parser.problems.is_empty() {
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

    /// Whether more problems would be found for nothing: putting each into words costs more than reading on.
    fn is_full(&self) -> bool {
        self.problems.len() >= 4 * MAX_PROBLEMS
    }

    fn document(&mut self, root: &Node<'_>) -> Document {
        let mut document = Document {
            version: None,
            id: None,
            statements: Arc::default(),
            span: root.span,
            version_span: None,
            listed: false,
            denies: false,
            index: None,
        };
        let Value::Object(members) = &root.value else {
            self.problem(root.span, format!("a policy is an object, not {}", root.kind()));
            return document;
        };
        self.unknown_elements(members, &DOCUMENT_ELEMENTS, "a policy");
        document.version_span = member(members, "Version").map(|m| m.node.span);
        document.version = member(members, "Version").and_then(|m| self.version(&m.node));
        self.variables = document.version == Some(Version::V2012);
        document.id = self.optional_string(members, "Id");
        match member(members, "Statement").map(|m| &m.node) {
            None => self.missing(members, &["Statement"], root.span, "a policy needs a `Statement`"),
            Some(Node { value: Value::Array(items), span }) => {
                if items.is_empty() {
                    self.problem(*span, "`Statement` is empty");
                }
                document.listed = true;
                document.statements = items.iter().filter_map(|node| self.statement(node)).collect();
            }
            Some(node) => document.statements = self.statement(node).into_iter().collect(),
        }
        if self.problems.is_empty() {
            document.denies = document.statements.iter().any(|statement| statement.effect == Effect::Deny);
            document.index = StatementIndex::new(&document.statements).map(Box::new);
        }
        document
    }

    fn version(&mut self, node: &Node<'_>) -> Option<Version> {
        match &node.value {
            Value::String(text) if &**text == "2012-10-17" => return Some(Version::V2012),
            Value::String(text) if &**text == "2008-10-17" => return Some(Version::V2008),
            Value::String(text) => self.report(
                Problem::new(node.span, format!("there is no version `{}` of the policy language", &**text))
                    .help("use `2012-10-17`"),
            ),
            _ => self.problem(node.span, format!("`Version` is a string, not {}", node.kind())),
        }
        None
    }

    fn statement(&mut self, node: &Node<'_>) -> Option<Statement> {
        if self.is_full() {
            return None;
        }
        let Value::Object(members) = &node.value else {
            self.problem(node.span, format!("a statement is an object, not {}", node.kind()));
            return None;
        };
        self.unknown_elements(members, &STATEMENT_ELEMENTS, "a statement");
        let sid = self.optional_string(members, "Sid");
        let effect = self.effect(node, members);
        let principals = self
            .either(members, "Principal", "NotPrincipal")
            .map(|(negated, node)| self.principals(negated, node));
        let actions = match self.either(members, "Action", "NotAction") {
            Some((negated, value)) => {
                let element = if negated { "NotAction" } else { "Action" };
                let texts = self.texts(value, element);
                let list = texts.map(|(text, span)| ActionPattern::new(text, span)).collect();
                Some(Actions::new(negated, list, value.span))
            }
            None => {
                let either = ["Action", "NotAction"];
                self.missing(members, &either, node.span, "a statement needs `Action` or `NotAction`");
                None
            }
        };
        let resources = self.either(members, "Resource", "NotResource").map(|(negated, value)| {
            let element = if negated { "NotResource" } else { "Resource" };
            let texts = self.texts(value, element);
            let variables = self.variables;
            let pattern = |(text, span)| ResourcePattern::new(text, span, variables);
            Resources { negated, list: texts.map(pattern).collect(), span: value.span }
        });
        let conditions = match member(members, "Condition") {
            Some(m) => self.conditions(&m.node),
            None => Vec::new(),
        };
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
            span: node.span,
            sid_span: member(members, "Sid").map(|m| m.node.span),
            effect_span: member(members, "Effect").map_or(node.span, |m| m.node.span),
            names_principal_arn,
        })
    }

    fn effect(&mut self, node: &Node<'_>, members: &[Member<'_>]) -> Option<Effect> {
        let Some(m) = member(members, "Effect") else {
            self.missing(members, &["Effect"], node.span, "a statement needs an `Effect`");
            return None;
        };
        match &m.node.value {
            Value::String(text) if &**text == "Allow" => Some(Effect::Allow),
            Value::String(text) if &**text == "Deny" => Some(Effect::Deny),
            _ => {
                self.problem(m.node.span, "`Effect` must be either `Allow` or `Deny`");
                None
            }
        }
    }

    /// The one of two elements that exclude each other, and whether it is the negated one.
    fn either<'n>(
        &mut self,
        members: &'n [Member<'n>],
        plain: &str,
        negated: &str,
    ) -> Option<(bool, &'n Node<'n>)> {
        match (member(members, plain), member(members, negated)) {
            (Some(m), None) => Some((false, &m.node)),
            (None, Some(m)) => Some((true, &m.node)),
            (None, None) => None,
            (Some(m), Some(other)) => {
                self.problem(other.key_span, format!("`{plain}` and `{negated}` exclude each other"));
                Some((false, &m.node))
            }
        }
    }

    fn optional_string(&mut self, members: &[Member<'_>], name: &str) -> Option<Box<str>> {
        let m = member(members, name)?;
        if let Value::String(text) = &m.node.value {
            return Some(text.as_ref().into());
        }
        self.problem(m.node.span, format!("`{name}` is a string, not {}", m.node.kind()));
        None
    }

    /// A string or a list of strings, not empty; spans with their quotes. What is no string is reported and
    /// stands in the list as an empty one: nobody will see the document.
    fn texts<'n>(
        &mut self,
        node: &'n Node<'_>,
        element: &str,
    ) -> impl ExactSizeIterator<Item = (&'n str, Span)> + use<'n> {
        let items: &[Node<'_>] = match &node.value {
            Value::String(_) => std::slice::from_ref(node),
            Value::Array(items) => {
                if items.is_empty() {
                    self.problem(node.span, format!("`{element}` is empty"));
                }
                for item in items.iter().filter(|item| !matches!(item.value, Value::String(_))) {
                    self.problem(item.span, format!("`{element}` lists strings, not {}", item.kind()));
                }
                items
            }
            _ => {
                self.problem(
                    node.span,
                    format!("`{element}` is a string or a list of strings, not {}", node.kind()),
                );
                &[]
            }
        };
        items.iter().map(|item| match &item.value {
            Value::String(text) => (&**text, item.span),
            _ => ("", item.span),
        })
    }

    fn principals(&mut self, negated: bool, node: &Node<'_>) -> Principals {
        let element = if negated { "NotPrincipal" } else { "Principal" };
        let mut list = Vec::new();
        match &node.value {
            Value::String(text) if &**text == "*" => {
                list.push(PrincipalPattern::new(PrincipalType::Aws, text, inside(node.span), false));
            }
            Value::Object(members) => {
                if members.is_empty() {
                    self.problem(node.span, format!("`{element}` is empty"));
                }
                for m in members {
                    let kind = PrincipalType::ALL.into_iter().find(|kind| *m.key == *kind.as_str());
                    let Some(kind) = kind else {
                        if self.is_full() {
                            continue;
                        }
                        let known = PrincipalType::ALL.map(PrincipalType::as_str);
                        self.unknown(m, &known, "a kind of principal");
                        continue;
                    };
                    let listed = matches!(m.node.value, Value::Array(_));
                    let texts = self.texts(&m.node, kind.as_str());
                    list.extend(
                        texts.map(|(text, span)| PrincipalPattern::new(kind, text, inside(span), listed)),
                    );
                }
            }
            _ => self.report(Problem::new(node.span, format!("`{element}` is `\"*\"` or an object")).help(
                "write `{\"AWS\": …}`, `{\"Service\": …}`, `{\"Federated\": …}` or `{\"CanonicalUser\": …}`",
            )),
        }
        Principals { negated, list: list.into(), span: node.span }
    }

    fn conditions(&mut self, node: &Node<'_>) -> Vec<Condition> {
        let Value::Object(operators) = &node.value else {
            self.problem(node.span, format!("`Condition` is an object, not {}", node.kind()));
            return Vec::new();
        };
        let keys = |m: &Member<'_>| if let Value::Object(keys) = &m.node.value { keys.len() } else { 0 };
        let mut conditions = Vec::with_capacity(operators.iter().map(keys).sum());
        for m in operators {
            let operator = Operator::parse(&m.key);
            // AWS stores an unknown operator as long as it holds nothing.
            let holds_nothing = matches!(&m.node.value, Value::Object(keys) if keys.is_empty());
            if operator.is_none() && !holds_nothing && !self.is_full() {
                let problem = Problem::new(m.key_span, format!("there is no condition operator `{}`", m.key));
                self.report(match Operator::nearest(&m.key) {
                    Some(name) => problem.help(format!("did you mean `{name}`?")),
                    None => problem,
                });
            }
            let Value::Object(keys) = &m.node.value else {
                self.problem(m.node.span, format!("`{}` is an object of keys, not {}", m.key, m.node.kind()));
                continue;
            };
            for key in keys {
                let values = self.condition_values(key);
                let span = Span::new(key.key_span.start, key.node.span.end);
                if let Some(operator) = operator {
                    let condition = Condition::new(operator, &key.key, values, span, self.variables);
                    conditions.push(condition.written(&m.key, m.key_span, key.key_span));
                }
            }
        }
        conditions
    }

    /// The values of a key, which need no list and no quotes. What is no value is reported and empty.
    fn condition_values<'n>(
        &mut self,
        key: &'n Member<'_>,
    ) -> impl ExactSizeIterator<Item = (&'n str, Span)> + use<'n> {
        let one = std::slice::from_ref(&key.node);
        let items: &[Node<'_>] = if let Value::Array(items) = &key.node.value { items } else { one };
        for item in items.iter().filter(|item| scalar(item).is_none()) {
            self.problem(
                item.span,
                format!("a value of `{}` is a string, number or boolean, not {}", key.key, item.kind()),
            );
        }
        items.iter().map(|item| (scalar(item).unwrap_or_default(), item.span))
    }

    /// Says what is missing, unless a misspelt element is it.
    fn missing(&mut self, members: &[Member<'_>], names: &[&str], span: Span, message: &str) {
        let misspelt = || members.iter().any(|m| nearest(&m.key, names).is_some());
        if !self.is_full() && !misspelt() {
            self.problem(span, message);
        }
    }

    fn unknown_elements(&mut self, members: &[Member<'_>], known: &[&str], of: &str) {
        for m in members {
            if !known.contains(&&*m.key) && !self.is_full() {
                self.unknown(m, known, &format!("no element of {of}"));
            }
        }
    }

    fn unknown(&mut self, m: &Member<'_>, known: &[&str], what: &str) {
        let what = if what.starts_with("no ") { what.to_owned() } else { format!("not {what}") };
        let problem = Problem::new(m.key_span, format!("`{}` is {what}", m.key));
        self.report(match nearest(&m.key, known) {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem.help(format!("known are {}", list(known))),
        });
    }
}

/// What a condition compares with, as text.
fn scalar<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match &node.value {
        Value::String(text) => Some(text),
        Value::Number(text) => Some(text),
        Value::Bool(value) => Some(if *value { "true" } else { "false" }),
        _ => None,
    }
}

fn member<'n>(members: &'n [Member<'n>], name: &str) -> Option<&'n Member<'n>> {
    members.iter().find(|m| &*m.key == name)
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
