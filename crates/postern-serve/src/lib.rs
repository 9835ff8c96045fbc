//! Listeners: the sandbox over HTTP, with its guards, limits and shutdown.
//!
//! [`SandboxServer`] serves a [`World`](postern_sandbox::World) on loopback inside a tokio runtime;
//! [`BlockingSandbox`] brings its own runtime, for tests and the demo.

mod sandbox;

pub use sandbox::{
    Admin, BlockingSandbox, Cut, Faults, NewAccount, RunningSandbox, SandboxConfig, SandboxServer,
    ServeError, When,
};
