//! Containment and off-boarding over HTTP on the sandbox: every stage, every interruption, and somebody who fights back.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod attack;
mod cases;
mod cloud;
mod interrupted;
mod leaving;
mod organization;
mod silent;
#[path = "../setup/world.rs"]
mod world;
