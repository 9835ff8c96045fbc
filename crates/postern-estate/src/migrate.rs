//! From an account in which people work as IAM users to a bastion and roles, user by user.

mod file;
mod usage;

pub use file::{Better, Entry, Kind, Migration};
pub use usage::{AccountUsage, ActionUse, KeyUse, LastUse, PasswordUse, ServiceUse, Usage};
