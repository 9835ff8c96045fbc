//! From an account in which people work as IAM users to a bastion and roles, user by user.

mod file;
mod propose;
mod stages;
mod usage;
mod who;

pub use file::{Better, Entry, Kind, Migration};
pub use propose::{Proposal, Proposer};
pub use stages::{
    OFF_POLICY, OFF_SINCE, Standing, SwitchOff, holds_inactive, recreation, still_to_make, switch_on,
    takes_from, virtual_devices,
};
pub use usage::{AccountUsage, ActionUse, KeyUse, LastUse, PasswordUse, ServiceUse, Usage};
pub use who::{Guess, Judgement, Window, Witness, judge};
