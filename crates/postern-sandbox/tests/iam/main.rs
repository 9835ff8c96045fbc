//! The operations of IAM through `World::handle`, as a client sees them.
//!
//! Texts and statuses are AWS's, from recorded responses of 2024 to 2026 and from the IAM User Guide and
//! API Reference. Where nothing was observed the text is ours, and the place in the source that has it says so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers end a test loudly")]

mod accessed;
mod cloud;
mod deletion;
mod errors;
mod laws;
mod mfa;
mod names;
mod paging;
mod permissions;
mod quotas;
mod rare;
mod report;
mod shapes;
mod trust;
