//! Where secrets rest.
//!
//! Long-term keys rest in a [`SecretStore`](postern_broker::SecretStore): the desktop's keyring
//! ([`SecretService`]), or a file under a passphrase ([`FileStore`]); [`MemoryStore`] is for tests.
//! Sessions rest in the [`SealedCache`]: files sealed under a random key that is on no disk, but
//! held by the kernel or by a small agent ([`Keyholder`]).
//!
//! Two Unix habits hold throughout: directories are 0700 and files 0600, both checked to be ours
//! before anything in them is believed; files are replaced whole, by a rename.

mod agent;
mod cache;
mod codec;
mod file;
mod holder;
mod kernel;
mod memory;
mod private;
mod seal;
#[cfg(feature = "secret-service")]
mod secret_service;

pub use agent::{AgentError, serve as serve_agent};
pub use cache::{HotKey, SealedCache};
pub use file::{FileStore, KdfCost, Passphrase};
pub use holder::{AgentCommand, HolderChoice, HolderKind, Keyholder};
pub use memory::MemoryStore;
pub use private::PrivateDir;
#[cfg(feature = "secret-service")]
pub use secret_service::SecretService;
