//! Set-up through the command line: estate files good and bad, plan, apply, enrolment.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod apply;
mod bad_files;
#[expect(dead_code, reason = "containment has its own tests")]
#[path = "../contain/cloud.rs"]
mod cloud;
mod docs;
mod down;
mod emit;
mod enrolment;
mod estate;
mod guards;
mod init;
mod invite;
mod killed;
mod migrate;
mod organization;
mod people;
mod saved;
mod stages;
mod weather;
mod world;
