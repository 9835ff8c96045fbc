//! Pictures of results: pure functions from data to text. Nothing here prints.

pub(crate) mod contain;
pub(crate) mod difference;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod effect;
pub(crate) mod explanation;
pub(crate) mod file_change;
pub(crate) mod findings;
pub(crate) mod migrate;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod simulation;
pub(crate) mod stages;
pub(crate) mod table;
