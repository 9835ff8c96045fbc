//! A policy document, read and compiled.

use std::sync::Arc;

use crate::{
    Actions, Condition, Context, Principals, Problem, Span, Truth,
    action::ActionText,
    arn::{ArnPattern, ArnText},
    candidates::{Candidates, StatementIndex},
    parse,
    principal::PrincipalPattern,
};

/// The version of the policy language. Without a `Version` element it is the older one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// `2008-10-17`: policy variables are plain text.
    #[default]
    V2008,
    /// `2012-10-17`
    V2012,
}

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// A policy document: any kind, identity policy, trust policy, boundary or SCP.
///
/// Reading checks the grammar only; what AWS refuses at each place is in [`stored`](crate::stored).
///
/// ```
/// use postern_policy::{Document, Effect};
/// let document = Document::parse(
///     r#"{"Version": "2012-10-17",
///         "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}"#,
/// )
/// .unwrap();
/// assert_eq!(document.statements()[0].effect(), Effect::Allow);
///
/// let problems = Document::parse(r#"{"Statement": {"Efect": "Allow", "Action": "s3:*"}}"#).unwrap_err();
/// assert_eq!(problems[0].message, "`Efect` is no element of a statement");
/// assert_eq!(problems[0].help.as_deref(), Some("did you mean `Effect`?"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub(crate) version: Option<Version>,
    pub(crate) id: Option<Box<str>>,
    /// Shared with explanations, which quote them.
    pub(crate) statements: Arc<[Statement]>,
    pub(crate) span: Span,
    pub(crate) version_span: Option<Span>,
    /// Whether `Statement` is a list.
    pub(crate) listed: bool,
    /// Whether a statement denies.
    pub(crate) denies: bool,
    pub(crate) index: Option<Box<StatementIndex>>,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// All problems of the text at once, in the order of their places; where it is no JSON, the first.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        parse::document(text)
    }

    /// Reads the document that stands at the beginning of a text, whatever follows, and tells how many bytes
    /// it takes.
    ///
    /// Other than in [`parse`](Self::parse), lists of statements, actions, resources and principals may be empty,
    /// which AWS does not store: they name nothing.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); spans and lines are those of this text.
    ///
    /// ```
    /// let text = r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}, …"#;
    /// let (document, end) = postern_policy::Document::parse_front(text).unwrap();
    /// assert_eq!((document.statements().len(), text.get(end..)), (1, Some(", …")));
    /// ```
    pub fn parse_front(text: &str) -> Result<(Self, usize), Vec<Problem>> {
        parse::front(text)
    }

    /// The same document with other statements.
    pub(crate) fn with_statements(&self, statements: Vec<Statement>) -> Self {
        let Self { version, span, version_span, listed, .. } = *self;
        let denies = statements.iter().any(|statement| statement.effect == Effect::Deny);
        let index = StatementIndex::new(&statements).map(Box::new);
        Self { version, id: None, statements: statements.into(), span, version_span, listed, denies, index }
    }

    /// The version in force: the older one where the document names none.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version.unwrap_or_default()
    }

    /// The version that the document names.
    #[must_use]
    pub const fn version_element(&self) -> Option<Version> {
        self.version
    }

    /// The document's `Id`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The document in the text.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The statements in their order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The statements whose `Action` or `NotAction` covers an action, in their order.
    pub(crate) fn candidates<'a>(&'a self, action: &'a ActionText<'a>) -> Candidates<'a> {
        Candidates::new(&self.statements, self.index.as_deref(), action)
    }

    /// Every principal that the document names, with the number of its statement.
    ///
    /// A pattern's span lies between the quotes, so that what stands there can be replaced (an ARN by
    /// a unique id, and back) and every other byte be kept.
    ///
    /// ```
    /// let text = r#"{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    ///     "Principal": {"AWS": "arn:aws:iam::111111111111:user/alice"}}]}"#;
    /// let document = postern_policy::Document::parse(text).unwrap();
    /// let (statement, principal) = document.principals().next().unwrap();
    /// assert_eq!((statement, principal.span().of(text)), (0, Some("arn:aws:iam::111111111111:user/alice")));
    /// ```
    pub fn principals(&self) -> impl Iterator<Item = (usize, &PrincipalPattern)> {
        self.statements.iter().enumerate().flat_map(|(number, statement)| {
            let list = statement.principals.iter().flat_map(|principals| &principals.list);
            list.map(move |pattern| (number, pattern))
        })
    }
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    pub(crate) principals: Option<Principals>,
    pub(crate) actions: Actions,
    pub(crate) resources: Option<Resources>,
    pub(crate) conditions: Box<[Condition]>,
    pub(crate) span: Span,
    pub(crate) sid_span: Option<Span>,
    pub(crate) effect_span: Span,
    /// Whether a condition on `aws:PrincipalArn` narrows whom the statement is about.
    pub(crate) names_principal_arn: bool,
}

impl Statement {
    /// The statement's `Sid`.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The statement's effect.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// `Principal` or `NotPrincipal`.
    #[must_use]
    pub const fn principals(&self) -> Option<&Principals> {
        self.principals.as_ref()
    }

    /// `Action` or `NotAction`.
    #[must_use]
    pub const fn actions(&self) -> &Actions {
        &self.actions
    }

    /// `Resource` or `NotResource`.
    #[must_use]
    pub const fn resources(&self) -> Option<&Resources> {
        self.resources.as_ref()
    }

    /// The conditions, all of which must hold.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The statement in the text.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }
}

/// A statement's `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    pub(crate) negated: bool,
    pub(crate) list: Box<[ResourcePattern]>,
    pub(crate) span: Span,
}

impl Resources {
    /// Whether this is `NotResource`.
    #[must_use]
    pub const fn is_negated(&self) -> bool {
        self.negated
    }

    /// The patterns.
    #[must_use]
    pub fn patterns(&self) -> &[ResourcePattern] {
        &self.list
    }

    /// The element's value in the text.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Whether the element covers this resource in this context.
    #[must_use]
    pub fn matches(&self, resource: &str, context: &Context) -> bool {
        self.covers(&ArnText::new(resource), context)
    }

    pub(crate) fn covers(&self, resource: &ArnText<'_>, context: &Context) -> bool {
        self.list.iter().any(|pattern| pattern.covers(resource, context)) != self.negated
    }
}

/// One resource pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourcePattern {
    text: Box<str>,
    span: Span,
    pattern: ArnPattern,
}

impl ResourcePattern {
    pub(crate) fn new(text: &str, span: Span, variables: bool) -> Self {
        Self { text: text.into(), span, pattern: ArnPattern::compile(text, variables) }
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it stands.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    fn covers(&self, resource: &ArnText<'_>, context: &Context) -> bool {
        self.pattern.matches(&self.text, resource, context)
    }

    /// The first variable without a value in this context.
    pub(crate) fn valueless(&self, context: &Context) -> Option<&str> {
        self.pattern.valueless(context)
    }
}

/// Whether all of these conditions hold.
pub(crate) fn conditions_hold(conditions: &[Condition], context: &Context) -> Truth {
    Truth::all(conditions.iter().map(|condition| condition.test(context)))
}
