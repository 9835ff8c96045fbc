//! `postern policy check`, `fmt`, `diff`, `expand` and `shrink` through the command line.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod actions;
mod check;
mod diff;
mod docs;
mod files;
mod fmt;
#[cfg(target_os = "linux")]
mod hostile;
mod sarif;
mod world;
