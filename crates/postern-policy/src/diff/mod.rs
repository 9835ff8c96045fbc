//! What one policy allows and another does not, shown as requests.
//!
//! [`compare`] looks at *all* requests: it cuts each dimension of a request into [classes](crate::classes)
//! and tries what can make a difference. Each difference that it finds comes as a request, and
//! [`evaluate`](crate::evaluate()) has confirmed that one policy allows it and the other does not.
//!
//! ```
//! use postern_policy::{Document, diff::{self, Side, Stop, Verdict}};
//! let parse = |text| Document::parse(text).unwrap();
//! let before = parse(r#"{"Version": "2012-10-17", "Statement": [
//!     {"Effect": "Allow", "Action": ["s3:Get*", "sqs:*"], "Resource": "*"}]}"#);
//! let after = parse(r#"{"Version": "2012-10-17", "Statement": [
//!     {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
//!     {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*",
//!      "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#);
//! let diff = diff::compare(&before, &after);
//! assert_eq!(diff.verdict(), Verdict::Different);
//! let [difference] = &diff.differences[..] else { panic!() };
//! assert_eq!((difference.allowed_by, difference.statement), (Side::A, 0));
//! assert_eq!(difference.actions[0].pattern, "s3:Get*");
//! let Stop::NothingAllows { nearest: Some(nearest) } = &difference.stop else { panic!() };
//! assert_eq!(nearest.statement, 1);
//! let [alternative] = &difference.when[..] else { panic!() };
//! assert_eq!(alternative[0].key, "aws:MultiFactorAuthPresent");
//! // Absent, and every value but `true`.
//! assert!(alternative[0].values[0].value.values().is_empty());
//! assert_eq!(alternative[0].values[1].value.single(), Some("false"));
//! ```
//!
//! # What is compared
//! Two policies of the same kind. Where a statement of either names a principal, both are taken for
//! policies of a resource (or role): a request is allowed if the policy grants it to a principal of
//! another account whose own policies allow everything. Otherwise both are taken for policies of a
//! principal, and the resource's policy, where one is needed, delegates to the principal's account.
//! Operations that no policy controls (`sts:GetCallerIdentity`, `sts:GetSessionToken`) do not count.
//!
//! A key of the context that no condition tests with a set operator is taken for single-valued. What AWS fills in
//! from the caller, such as `aws:PrincipalArn`, is that of the caller where it can be told; all other keys are
//! taken for independent of each other, of the action and of the principal: a difference may be shown by a
//! request in which keys meet that no credential carries together.
//!
//! Only the examples heed some of these ties, where they can: a tag in a request is among its tag keys, and
//! an age of the MFA comes with MFA.
//!
//! Each pair of a statement that allows and one that denies, or of none that allows, is looked at by itself, and the
//! order of statements makes no difference.
//!
//! Policy variables are tried with values that occur, one that does not, and without a value. Where
//! nothing is found so, but a value can be thought of that makes a difference, the comparison ends
//! [undecided](Verdict::Undecided), and names the variable.

mod actions;
mod axes;
mod callers;
mod familiar;
mod found;
mod group;
mod order;
mod pair;
mod region;
mod scope;
mod search;
mod space;
mod whom;
mod witness;

use postern_types::AccountId;

use crate::{
    Context, ContextValue, Document, Element, Principal, Version,
    classes::{Budget, GaveUp},
    print::list,
};

/// One of the two policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// What one policy allows and the other does not: those of [`Side::A`] first, in the order of the
    /// statements that allow.
    pub differences: Vec<Difference>,
    /// Why there may be more than that.
    pub undecided: Vec<Cause>,
    /// How many classes of requests were told apart.
    pub classes: usize,
}

/// A comparison in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// No request is allowed by one policy alone.
    Equal,
    /// There is such a request.
    Different,
    /// None was found, but there may be one.
    Undecided,
}

impl Diff {
    /// The result in one word.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match (self.differences.is_empty(), self.undecided.is_empty()) {
            (false, _) => Verdict::Different,
            (true, false) => Verdict::Undecided,
            (true, true) => Verdict::Equal,
        }
    }

    /// Whether every request that this policy allows is allowed by the other one, too. None where that
    /// is undecided.
    ///
    /// A new version of a policy is no wider than the old one if it is within it.
    #[must_use]
    pub fn is_within(&self, side: Side) -> Option<bool> {
        if self.differences.iter().any(|difference| difference.allowed_by == side) {
            return Some(false);
        }
        self.undecided.is_empty().then_some(true)
    }
}

/// Requests that one policy allows and the other does not, all for the same reason.
///
/// Each statement that allows and each that denies is looked at by itself: what two statements deny is among the
/// differences of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The policy that allows them.
    pub allowed_by: Side,
    /// Its statement that allows, counted from 0.
    pub statement: usize,
    /// What stops them in the other policy.
    pub stop: Stop,
    /// The actions concerned, as patterns that occur in the policies.
    pub actions: Vec<ActionGroup>,
    /// The resources concerned. None where the statements name no resources.
    pub resources: Vec<ResourceGroup>,
    /// Whose requests they are. None where the policies name no principals and it is all the same who asks.
    pub principals: Vec<Whom>,
    /// The contexts concerned, as alternatives; that of the example comes first. In each, all its keys have one of
    /// their values, and what other keys have makes no difference.
    pub when: Vec<Vec<KeyValues>>,
    /// Whether these are all contexts.
    pub all_contexts: bool,
    /// One of the requests.
    pub example: Example,
}

/// Why a policy does not allow a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A statement denies it.
    Denied {
        /// The statement, counted from 0.
        statement: usize,
    },
    /// No statement allows it.
    NothingAllows {
        /// The statement that is nearest to allowing it: the action is covered, something else is not.
        nearest: Option<Nearest>,
    },
}

/// A statement that would allow a request but for one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The statement, counted from 0.
    pub statement: usize,
    /// The first element that does not match.
    pub element: Element,
}

/// A pattern of actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionGroup {
    /// The pattern as one of the policies writes it.
    pub pattern: String,
    /// Patterns within it whose actions are not concerned.
    pub except: Vec<String>,
    /// Whether all its other actions are concerned, not only some.
    pub whole: bool,
    /// Where only some are: those of them that the [catalogue](crate::catalogue) knows.
    pub known: Vec<String>,
}

/// A pattern of resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceGroup {
    /// The pattern as one of the policies writes it, or `*`.
    pub pattern: String,
    /// Patterns within it whose resources are not concerned.
    pub except: Vec<String>,
    /// Whether all its other resources are concerned, not only some.
    pub whole: bool,
}

/// Whose requests a difference is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whom {
    /// Everyone, whatever their account.
    Anyone {
        /// Whether also requests without credentials.
        without_credentials: bool,
        /// Whether some whom the policies tell from others are not concerned.
        except_some: bool,
    },
    /// Everyone of an account.
    Account {
        /// The account.
        account: AccountId,
        /// Whether some whom the policies tell from others are not concerned.
        except_some: bool,
    },
    /// Everyone but principals such as these, in policies of principals.
    AllBut {
        /// Their ARNs.
        names: Vec<String>,
    },
    /// One principal.
    Named {
        /// The name that policies have for it.
        name: String,
        /// Whether it stands for others with other names, too.
        such_as: bool,
    },
}

/// A request as an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Who asks. Where the policies name no principals it stands for anyone to whom they are attached.
    pub principal: Principal,
    /// The action.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// The keys that it takes; all others are absent.
    pub context: Context,
}

/// Values of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValues {
    /// The key as a policy writes it.
    pub key: String,
    /// Values that are concerned, at least one of each class.
    pub values: Vec<KeyValue>,
    /// Values that are not, at least one of each class.
    pub others: Vec<KeyValue>,
}

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The value.
    pub value: ContextValue,
    /// Whether it stands for others that the policies do not tell from it.
    pub stands_for_more: bool,
}

/// Why a comparison is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There are too many classes of something.
    GaveUp(GaveUp),
    /// It depends on what these policy variables stand for.
    Variables(Vec<String>),
    /// This key is compared as a text here and as a number, date or address there.
    Mixed(String),
    /// A request was found that should make a difference, and the evaluator says that it does not: a
    /// fault of this library.
    Unconfirmed(Box<Example>),
}

/// Compares two policies.
#[must_use]
pub fn compare(a: &Document, b: &Document) -> Diff {
    compare_within(a, b, &mut Budget::default())
}

/// Compares two policies with no more work than the budget allows.
#[must_use]
pub fn compare_within(a: &Document, b: &Document, budget: &mut Budget) -> Diff {
    space::compare(a, b, budget)
}

/// Whether a policy can allow any request for some of these actions on some of these resources, both
/// given as patterns: each difference is such a request, allowed by [`Side::A`].
///
/// The verdict tells: [`Verdict::Equal`] if there is none, [`Verdict::Different`] if there is one.
///
/// ```
/// use postern_policy::{Document, diff::{self, Verdict}};
/// let document = Document::parse(r#"{"Version": "2012-10-17", "Statement": [
///     {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
///     {"Effect": "Deny", "NotAction": ["iam:Get*", "iam:List*"], "Resource": "*"}]}"#).unwrap();
/// assert_eq!(diff::grants(&document, &["iam:Create*", "iam:Put*"], &["*"]).verdict(), Verdict::Equal);
/// let found = diff::grants(&document, &["iam:*User*"], &["*"]);
/// assert_eq!(found.differences[0].example.action, "iam:GetUser");
/// ```
#[must_use]
pub fn grants(document: &Document, actions: &[&str], resources: &[&str]) -> Diff {
    // What the policy allows and would not, were these denied.
    let version = match document.version() {
        Version::V2008 => "2008-10-17",
        Version::V2012 => "2012-10-17",
    };
    let named = document.statements().iter().any(|statement| statement.principals().is_some());
    let principal = if named { r#""Principal":"*","# } else { "" };
    let deny = format!(
        r#"{{"Version":"{version}","Statement":{{"Effect":"Deny",{principal}"Action":{},"Resource":{}}}}}"#,
        list(actions),
        list(resources)
    );
    // Without actions or resources there is nothing that could be granted.
    let Ok(deny) = Document::parse(&deny) else { return Diff::default() };
    let statements = document.statements().iter().chain(deny.statements()).cloned();
    compare(document, &document.with_statements(statements.collect()))
}

/// The statements without any of which the policy would allow the same: each by itself, so that of two
/// that say the same both are named. One about which that is undecided is not.
///
/// ```
/// use postern_policy::{Document, diff};
/// let document = Document::parse(r#"{"Statement": [
///     {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
///     {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*"},
///     {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}]}"#).unwrap();
/// assert_eq!(diff::idle(&document, &mut Default::default()), [0, 2]);
/// ```
#[must_use]
pub fn idle(document: &Document, budget: &mut Budget) -> Vec<usize> {
    let without = |number: usize| {
        let others = document.statements().iter().enumerate().filter(|(other, _)| *other != number);
        document.with_statements(others.map(|(_, statement)| statement.clone()).collect())
    };
    let mut is_idle =
        |number: &usize| compare_within(document, &without(*number), budget).verdict() == Verdict::Equal;
    // Copying the others for each one grows with the square.
    let most = if document.statements().len() <= MOST_STATEMENTS { document.statements().len() } else { 0 };
    (0..most).filter(|number| is_idle(number)).collect()
}

/// Of a document with more statements none is found idle: AWS stores none of that size.
const MOST_STATEMENTS: usize = 1_000;
