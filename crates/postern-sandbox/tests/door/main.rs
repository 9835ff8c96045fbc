//! The sandbox through its one door: bytes in, bytes out, signed by AWS's own signer.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests end the test loudly")]

mod client;
mod identity;
mod organizations;
mod roles;
mod services;
mod signatures;
mod world;
