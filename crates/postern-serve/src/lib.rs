//! Listeners: the sandbox and credentials over HTTP, with their guards, limits and shutdown.
//!
//! [`SandboxServer`] serves a [`World`](postern_sandbox::World) on loopback inside a tokio runtime;
//! [`BlockingSandbox`] brings its own runtime, for tests and the demo. [`CredentialServer`] hands out what
//! a [`CredentialSource`] gives, as a container's endpoint or an instance's metadata service does.

mod browser;
mod credentials;
mod listener;
mod sandbox;

pub use credentials::{
    CredentialServer, CredentialSource, EndpointConfig, EndpointError, Instance, RunningEndpoint,
    SourceError, Targets, path_of,
};
pub use sandbox::{
    Admin, BlockingSandbox, Cut, Faults, NewAccount, RunningSandbox, SandboxConfig, SandboxServer,
    ServeError, Weather, When, credentials_file,
};
