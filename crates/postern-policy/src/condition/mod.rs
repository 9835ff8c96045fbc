//! Conditions: compiled when the document is read, tested against a request's context.

mod literals;
mod operator;
pub(crate) mod value;

use ipnet::IpNet;
use jiff::Timestamp;

pub use self::operator::{Comparison, Operator, Qualifier};
use self::{literals::Literals, value::Number};
use crate::{
    Context, ContextValue, Span, Truth,
    arn::ArnPattern,
    context::Key,
    glob::{Case, Glob},
    parse::exactly,
    pattern::{Pattern, Syntax, first_variable},
};

/// One operator on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    operator: Operator,
    key: Box<str>,
    folded: Key,
    values: Box<[ConditionValue]>,
    /// Where there are many values.
    literals: Option<Box<Literals>>,
    span: Span,
    operator_span: Span,
    key_span: Span,
    /// The operator as written, where its case is not AWS's.
    spelling: Option<Box<str>>,
}

/// One value a condition names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionValue {
    text: Box<str>,
    span: Span,
    test: Test,
}

impl ConditionValue {
    /// The value as written; numbers and booleans as their text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it stands.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Whether anything can be compared with it; what a variable stands for is not known.
    pub(crate) fn is_comparable(&self) -> bool {
        match &self.test {
            Test::Literal(_) | Test::Like(_) | Test::Variables(_) => true,
            Test::Number(number) => number.is_some(),
            Test::Date(date) => date.is_some(),
            Test::Bool(value) => value.is_some(),
            Test::Binary => value::same_bytes(&self.text, "").is_some(),
            Test::Ip(network) => network.is_some(),
            Test::Arn(pattern) => pattern.is_arn(),
            Test::Null(value) => value.is_some(),
        }
    }

    /// Whether a variable stands in it.
    pub(crate) fn has_variables(&self) -> bool {
        match &self.test {
            Test::Variables(_) => true,
            Test::Arn(pattern) => pattern.has_variables(),
            _ => false,
        }
    }

    /// The address block.
    pub(crate) const fn network(&self) -> Option<IpNet> {
        match self.test {
            Test::Ip(network) => network,
            _ => None,
        }
    }

    /// The moment.
    pub(crate) const fn date(&self) -> Option<Timestamp> {
        match self.test {
            Test::Date(date) => date,
            _ => None,
        }
    }
}

/// A policy's value, ready to be compared. Where it is no number, date or address it holds none.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// Compared as it is written.
    Literal(Case),
    Like(Glob),
    /// With policy variables, of a string or a boolean.
    Variables(Pattern),
    Number(Option<Number>),
    Date(Option<Timestamp>),
    Bool(Option<bool>),
    Binary,
    Ip(Option<IpNet>),
    Arn(ArnPattern),
    Null(Option<bool>),
}

impl Condition {
    pub(crate) fn new<'v>(
        operator: Operator,
        key: &str,
        values: impl ExactSizeIterator<Item = (&'v str, Span)>,
        span: Span,
        variables: bool,
    ) -> Self {
        let values = exactly(values.map(|(text, span)| {
            let test = compile(operator.comparison, text, variables);
            ConditionValue { text: text.into(), span, test }
        }));
        Self {
            operator,
            key: key.into(),
            folded: Key::new(key),
            literals: Literals::new(&values).map(Box::new),
            values,
            span,
            operator_span: span,
            key_span: span,
            spelling: None,
        }
    }

    /// The same condition with what the text says of it.
    pub(crate) fn written(mut self, operator: &str, operator_span: Span, key_span: Span) -> Self {
        self.operator_span = operator_span;
        self.key_span = key_span;
        self.spelling = (!self.operator.is_spelt(operator)).then(|| operator.into());
        self
    }

    /// The operator.
    #[must_use]
    pub const fn operator(&self) -> Operator {
        self.operator
    }

    /// The context key as written.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The context key as it is compared: in lower case.
    #[must_use]
    pub fn folded_key(&self) -> &str {
        self.folded.folded()
    }

    /// The values, of which one must match (or none, if the operator is negated).
    #[must_use]
    pub fn values(&self) -> &[ConditionValue] {
        &self.values
    }

    /// The operator's name in the text, with its quotes.
    #[must_use]
    pub const fn operator_span(&self) -> Span {
        self.operator_span
    }

    /// The key in the text, with its quotes.
    #[must_use]
    pub const fn key_span(&self) -> Span {
        self.key_span
    }

    /// The operator as written; its case does not count.
    pub(crate) fn spelling(&self) -> String {
        self.spelling.as_deref().map_or_else(|| self.operator.to_string(), str::to_owned)
    }

    /// Key and values in the text.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Whether the condition holds in this context.
    #[must_use]
    pub fn test(&self, context: &Context) -> Truth {
        let present = context.of(&self.folded);
        let values = present.values();
        if self.operator.comparison == Comparison::Null {
            return self.is_null(values.is_empty());
        }
        if values.is_empty() {
            return self.absent();
        }
        match self.operator.qualifier {
            // "It also returns true if ... the context key value resolves to a null dataset, such as
            // an empty string" (IAM User Guide, Set operators for multivalued context keys).
            Some(Qualifier::ForAllValues) if values.iter().all(|value| value.is_empty()) => Truth::Yes,
            Some(Qualifier::ForAllValues) => Truth::all(values.iter().map(|v| self.value(v, context))),
            Some(Qualifier::ForAnyValue) => Truth::any(values.iter().map(|v| self.value(v, context))),
            None => match values {
                [value] => self.value(value, context),
                // Several values without a set operator: AWS's documentation asks for one and does not
                // say what happens without.
                several => Truth::any(several.iter().map(|v| self.value(v, context))).and(Truth::Unsettled),
            },
        }
    }

    fn absent(&self) -> Truth {
        match (self.operator.qualifier, self.operator.if_exists) {
            // "For no matching context key or a null dataset, the condition returns false" (IAM User Guide, Set
            // operators): also with IfExists, by what was tried at AWS (re:Post, ForAnyValue:StringEqualsIfExists
            // behaving unexpectedly).
            (Some(Qualifier::ForAnyValue), _) => Truth::No,
            (Some(Qualifier::ForAllValues), _) | (None, true) => Truth::Yes,
            (None, false) => self.operator.comparison.is_negated().into(),
        }
    }

    fn is_null(&self, absent: bool) -> Truth {
        Truth::any(self.values.iter().map(|value| match value.test {
            Test::Null(Some(wanted)) => Truth::from(wanted == absent),
            _ => Truth::Unsettled,
        }))
    }

    /// One value of the request against all values of the policy.
    fn value(&self, present: &str, context: &Context) -> Truth {
        let compare = |value| self.compare(value, present, context);
        let found = match &self.literals {
            None => Truth::any(self.values.iter().map(compare)),
            Some(literals) if literals.contain(&self.values, present) => Truth::Yes,
            Some(literals) => Truth::any(literals.others(&self.values).map(compare)),
        };
        if self.operator.comparison.is_negated() { found.not() } else { found }
    }

    fn compare(&self, wanted: &ConditionValue, present: &str, context: &Context) -> Truth {
        match &wanted.test {
            Test::Literal(Case::Counts) => (*wanted.text == *present).into(),
            Test::Literal(Case::Ignored) => wanted.text.eq_ignore_ascii_case(present).into(),
            Test::Like(glob) => glob.matches(&wanted.text, present, Case::Counts).into(),
            Test::Variables(pattern) => pattern.matches(present, context).into(),
            Test::Arn(pattern) => pattern.compares(&wanted.text, present, context),
            Test::Number(number) => self.ordered(*number, Number::parse(present)),
            Test::Date(moment) => self.ordered(*moment, value::date(present)),
            Test::Bool(None) => Truth::Unsettled,
            Test::Bool(Some(wanted)) => settled(value::boolean(present), |present| present == *wanted),
            Test::Binary => value::same_bytes(&wanted.text, present).map_or(Truth::Unsettled, Truth::from),
            Test::Ip(None) => Truth::Unsettled,
            Test::Ip(Some(network)) => settled(value::address(present), |address| network.contains(&address)),
            Test::Null(_) => Truth::Unsettled,
        }
    }

    /// The request's value (right) against the policy's (left).
    fn ordered<T: Ord>(&self, wanted: Option<T>, present: Option<T>) -> Truth {
        use Comparison as C;
        let (Some(wanted), Some(present)) = (wanted, present) else { return Truth::Unsettled };
        let holds = match self.operator.comparison {
            C::NumericLessThan | C::DateLessThan => present < wanted,
            C::NumericLessThanEquals | C::DateLessThanEquals => present <= wanted,
            C::NumericGreaterThan | C::DateGreaterThan => present > wanted,
            C::NumericGreaterThanEquals | C::DateGreaterThanEquals => present >= wanted,
            // Also the negated ones: the caller turns them round.
            _ => present == wanted,
        };
        holds.into()
    }

    /// The first variable among the values that has no value in this context.
    pub(crate) fn valueless(&self, context: &Context) -> Option<&str> {
        self.values.iter().find_map(|value| match &value.test {
            Test::Variables(pattern) => pattern.valueless(context),
            Test::Arn(pattern) => pattern.valueless(context),
            _ => None,
        })
    }

    /// The request's value of the key.
    #[must_use]
    pub fn present<'a>(&self, context: &'a Context) -> &'a ContextValue {
        context.of(&self.folded)
    }
}

fn settled<T>(present: Option<T>, holds: impl FnOnce(T) -> bool) -> Truth {
    present.map_or(Truth::Unsettled, |value| holds(value).into())
}

fn compile(comparison: Comparison, text: &str, variables: bool) -> Test {
    use Comparison as C;
    match comparison {
        C::StringEquals | C::StringNotEquals => string(text, false, variables, Case::Counts),
        C::StringEqualsIgnoreCase | C::StringNotEqualsIgnoreCase => {
            string(text, false, variables, Case::Ignored)
        }
        C::StringLike | C::StringNotLike => string(text, true, variables, Case::Counts),
        C::NumericEquals
        | C::NumericNotEquals
        | C::NumericLessThan
        | C::NumericLessThanEquals
        | C::NumericGreaterThan
        | C::NumericGreaterThanEquals => Test::Number(Number::parse(text)),
        C::DateEquals
        | C::DateNotEquals
        | C::DateLessThan
        | C::DateLessThanEquals
        | C::DateGreaterThan
        | C::DateGreaterThanEquals => Test::Date(value::date(text)),
        C::Bool => match string(text, false, variables, Case::Ignored) {
            // Without a variable after all, it was not a boolean.
            Test::Variables(pattern) if pattern.has_variables() => Test::Variables(pattern),
            _ => Test::Bool(value::boolean(text)),
        },
        C::BinaryEquals => Test::Binary,
        C::IpAddress | C::NotIpAddress => Test::Ip(value::network(text)),
        C::ArnEquals | C::ArnNotEquals | C::ArnLike | C::ArnNotLike => {
            Test::Arn(ArnPattern::compile(text, variables))
        }
        C::Null => Test::Null(value::boolean(text)),
    }
}

fn string(text: &str, wildcards: bool, variables: bool, case: Case) -> Test {
    if variables && first_variable(text).is_some() {
        let ignore_case = case == Case::Ignored;
        return Test::Variables(Pattern::compile(text, Syntax { wildcards, variables, ignore_case }));
    }
    let glob = Glob::new(text);
    if wildcards && glob.head() < text.len() { Test::Like(glob) } else { Test::Literal(case) }
}
