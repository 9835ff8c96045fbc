//! A local AWS: IAM and STS for many accounts, every signature, code and policy checked.
//!
//! Pure: bytes in, bytes out. Time and randomness are passed in; sockets and files are `postern-serve`'s.

mod authorize;
mod caller;
// mod context;
mod error;
mod http;
mod iam;
// mod managed;
mod model;
mod operation;
mod page;
mod policy;
mod seal;
mod wire;

pub use error::ServiceError;
pub use http::{RawRequest, RawResponse};
