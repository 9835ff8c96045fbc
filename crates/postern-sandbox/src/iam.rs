//! The operations of IAM. How to add one: the module page of `crate::operation`.

use crate::operation::Entry;

mod users;

/// One table per family of operations.
const TABLES: &[&[Entry]] = &[users::OPERATIONS];

/// The operation of this name, if the sandbox has it.
pub(crate) fn operation(name: &str) -> Option<&'static Entry> {
    TABLES.iter().flat_map(|table| table.iter()).find(|entry| entry.name == name)
}
