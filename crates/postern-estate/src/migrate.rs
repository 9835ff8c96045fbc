//! From an account in which people work as IAM users to a bastion and roles, user by user.

mod file;
mod propose;
mod usage;
mod who;

pub use file::{Better, Entry, Kind, Migration};
pub use propose::{Proposal, Proposer};
pub use usage::{AccountUsage, ActionUse, KeyUse, LastUse, PasswordUse, ServiceUse, Usage};
pub use who::{Guess, Judgement, Window, Witness, judge};
