//! A local AWS: IAM and STS for many accounts, every signature, code and policy checked.
//!
//! [`World::handle`] takes the bytes of a request and gives those of the response. Time and randomness are
//! passed in; sockets and files are `postern-serve`'s. The way of a request:
//!
//! 1. `protocol` reads which service and operation is asked for,
//! 2. `sigv4` checks the signature in AWS's order; `session` opens the token of a temporary credential,
//! 3. `world` looks up who that is, and refuses what a kind of session may never call,
//! 4. `operation` decodes the parameters, has `authorize` ask the policies in the `context` that this kind of
//!    credential has, and only then lets the handler of `iam` or `sts` run,
//! 5. `trail` records it, denials too.
//!
//! What is not built is refused by name, never faked.

mod authorize;
mod caller;
mod context;
mod error;
mod http;
mod iam;
mod managed;
mod model;
mod operation;
mod organizations;
mod page;
mod protocol;
mod seal;
mod services;
mod session;
mod sigv4;
mod sts;
mod trail;
mod wire;
mod world;

pub use error::ServiceError;
pub use http::{RawRequest, RawResponse};
pub use world::{
    AccountError, AccountInfo, Clocks, Forgotten, ImportError, OrganizationError, OrganizationInfo, Scene,
    SceneError, UserKey, World,
};

/// The text of a policy that AWS manages, `arn:aws:iam::aws:policy/…`, as the sandbox knows it.
#[must_use]
pub fn aws_managed_policy_text(arn: &str) -> Option<&'static str> {
    managed::ManagedPolicy::find(arn).map(managed::ManagedPolicy::text)
}

/// The ARNs of all policies that AWS manages, as the sandbox knows them.
pub fn aws_managed_policies() -> impl Iterator<Item = &'static str> {
    managed::ManagedPolicy::all().iter().map(|policy| policy.arn.as_str())
}
