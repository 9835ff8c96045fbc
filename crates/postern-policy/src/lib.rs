//! The IAM policy language: text to document with source spans, evaluation with reasons.
//!
//! [`Document::parse`] reads any policy and compiles it; [`evaluate`] decides a [`Request`] over a
//! [`PolicyStack`] without allocating. Nothing here does I/O, reads a clock or draws randomness.
//!
//! ```
//! use postern_policy::{Context, Document, PolicyRef, PolicyStack, Principal, Request, evaluate, explain};
//!
//! let trust = Document::parse(
//!     r#"{"Version": "2012-10-17", "Statement": [{
//!         "Effect": "Allow", "Action": "sts:AssumeRole",
//!         "Principal": {"AWS": "arn:aws:iam::111111111111:user/alice"},
//!         "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#,
//! )
//! .unwrap();
//! let alice = Principal::from_arn("arn:aws:iam::111111111111:user/alice").unwrap();
//! let context = Context::new().with("aws:MultiFactorAuthPresent", false);
//! let request = Request {
//!     principal: &alice,
//!     action: "sts:AssumeRole",
//!     resource: "arn:aws:iam::111111111111:role/work",
//!     resource_account: None,
//!     context: &context,
//! };
//! let resource = Some(PolicyRef { name: "trust", arn: None, document: &trust });
//! let stack = PolicyStack { resource, ..PolicyStack::default() };
//!
//! let evaluation = evaluate(&request, &stack);
//! assert!(!evaluation.is_allowed());
//! assert_eq!(
//!     evaluation.reason(&request, &stack).unwrap().to_string(),
//!     "because no role trust policy allows the sts:AssumeRole action"
//! );
//! let explanation = explain(&request, &stack);
//! let failure = explanation.layers[0].policies[0].statements[0].failure.as_ref().unwrap();
//! assert_eq!((&*failure.wanted, &*failure.present), (&["true".to_owned()][..], &["false".to_owned()][..]));
//! ```
//!
//! # Where AWS is silent
//!
//! A statement that depends on something AWS does not document is [unsettled](Truth::Unsettled): it
//! counts where it denies and does not count where it allows. That concerns
//! - several values of a key under an operator without a set operator, as far as one of them matches;
//! - a text that is no number, date, address, boolean, Base64 or ARN under the operators for these, and
//!   ARNs with fewer than six parts under the ARN operators;
//! - `NotPrincipal` that names a user or role but not its account, or a session but not its role;
//!   `NotPrincipal` with `Allow`; `CanonicalUser`;
//! - a policy attached to a principal whose statement has a `Principal` or no `Resource`.
//!
//! And decided, with the answer that is safe to be wrong with:
//! - `Principal: "*"` grants past a boundary, as a user's or session's own ARN does, but within session
//!   policies, unless a condition on `aws:PrincipalArn` narrows it;
//! - a user's boundary holds against a trust policy that names the user;
//! - what a variable stands for holds no wildcards; a multivalued key has no value as a variable;
//! - variables stand in `Resource`, in string and ARN operators and in `Bool`, nowhere else;
//! - a date without a time is its first moment in UTC; host bits of an address block do not count;
//! - a role that is named by its ARN matches sessions whose ARN does not tell the path, by the role's name;
//! - absent keys and empty sets are the same thing;
//! - `ForAnyValue:…IfExists` does not hold where the key is absent.
//!
//! Not told by a request, and left to the caller: which credential a user signs with. `GetSessionToken`
//! credentials without MFA call no IAM operation, whatever their policies say.

mod action;
mod arn;
mod candidates;
pub mod cap;
pub mod catalogue;
pub mod classes;
mod condition;
mod context;
mod controlled;
pub mod diff;
mod document;
mod evaluate;
mod explain;
mod glob;
mod hash;
mod json;
pub mod lint;
mod mentioned;
mod outcome;
mod parse;
mod pattern;
mod principal;
mod print;
mod request;
mod span;
pub mod stored;
mod texts;
mod truth;
mod words;

pub use self::{
    action::{ActionPattern, Actions},
    condition::{Comparison, Condition, ConditionValue, Operator, Qualifier},
    context::{Context, ContextValue},
    document::{Document, Effect, ResourcePattern, Resources, Statement, Version},
    evaluate::evaluate,
    explain::{
        Element, Explanation, Failure, LayerExplanation, PolicyExplanation, StatementExplanation, explain,
    },
    outcome::{Deciding, Decision, Evaluation, Layer, Limit, Place, Reason},
    principal::{FederatedBy, Naming, Principal, PrincipalPattern, PrincipalType, Principals},
    print::{Layout, format},
    request::{Level, PolicyRef, PolicyStack, Request},
    span::{Problem, Span, line_column},
    texts::Texts,
    truth::Truth,
};
