//! The IAM policy language: text to document with source spans, evaluation with reasons.
//!
//! [`Document::parse`] reads any policy and compiles it; [`evaluate`] decides a [`Request`] over a
//! [`PolicyStack`] without allocating. Nothing here does I/O, reads a clock or draws randomness.
//!
//! Where AWS documents no answer, a statement is [unsettled](Truth::Unsettled): it then counts when
//! it denies and does not count when it allows.

mod action;
mod arn;
pub mod cap;
mod condition;
mod context;
mod document;
mod evaluate;
mod explain;
mod json;
mod outcome;
mod parse;
mod pattern;
mod principal;
mod request;
mod span;
pub mod stored;
mod truth;

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
    principal::{Naming, Principal, PrincipalPattern, PrincipalType, Principals},
    request::{Level, PolicyRef, PolicyStack, Request},
    span::{Problem, Span, line_column},
    truth::Truth,
};
