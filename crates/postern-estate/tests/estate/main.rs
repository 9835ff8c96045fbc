//! Estate files, the estates they describe, and plans.

mod common;
mod design;
mod example;
