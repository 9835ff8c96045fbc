//! The operations of IAM. How to add one: the module page of `crate::operation`.

use crate::operation::Entry;

mod absent;
mod accessed;
mod account;
mod attach;
mod boundaries;
mod common;
mod details;
mod groups;
mod holder;
mod inline;
mod keys;
mod logins;
mod mfa;
mod names;
mod password;
mod policies;
mod profiles;
mod qr;
mod rare;
mod report;
mod roles;
mod tags;
mod trust;
mod users;
mod versions;

/// One table per family of operations.
const TABLES: &[&[Entry]] = &[
    users::OPERATIONS,
    groups::OPERATIONS,
    roles::OPERATIONS,
    policies::OPERATIONS,
    versions::OPERATIONS,
    inline::OPERATIONS,
    attach::OPERATIONS,
    boundaries::OPERATIONS,
    keys::OPERATIONS,
    logins::OPERATIONS,
    mfa::OPERATIONS,
    rare::OPERATIONS,
    tags::OPERATIONS,
    profiles::OPERATIONS,
    account::OPERATIONS,
    details::OPERATIONS,
    report::OPERATIONS,
    accessed::OPERATIONS,
    absent::OPERATIONS,
];

/// The operation of this name, if the sandbox has it.
pub(crate) fn operation(name: &str) -> Option<&'static Entry> {
    TABLES.iter().flat_map(|table| table.iter()).find(|entry| entry.name == name)
}

/// Whether AWS has an operation of this name that the sandbox lacks.
pub(crate) fn is_elsewhere(name: &str) -> bool {
    names::is_known(name)
}
