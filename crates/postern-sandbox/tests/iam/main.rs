//! The operations of IAM through `World::handle`, as a client sees them.
//!
//! Texts and statuses are AWS's, from recorded responses of 2024 to 2026 and from the IAM User Guide and
//! API Reference; lines without a source there are marked as the sandbox's own.

mod cloud;
mod deletion;
mod errors;
mod mfa;
mod names;
mod paging;
mod permissions;
mod quotas;
mod report;
mod shapes;
mod trust;
