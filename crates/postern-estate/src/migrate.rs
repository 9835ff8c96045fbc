//! The way of one account with IAM users to a bastion: what its users did so far.

mod usage;

pub use usage::{AccountUsage, ActionUse, KeyUse, LastUse, PasswordUse, ServiceUse, Usage};
