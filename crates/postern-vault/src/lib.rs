//! Where secrets rest.
//!
//! Long-term keys rest in a [`SecretStore`](postern_broker::SecretStore): the desktop's keyring
//! ([`SecretService`], and `NativeStore` on macOS and Windows), a file under a passphrase ([`FileStore`]),
//! the program `pass` ([`PassStore`]), or until the next start the Linux kernel's keyring
//! (`KernelStore`); [`MemoryStore`] is for tests. One suite of tests holds for all of them.
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
#[cfg(target_os = "linux")]
mod kernel_store;
mod lease;
#[cfg(all(target_os = "linux", feature = "secret-service"))]
mod logind;
mod memory;
mod name;
#[cfg(any(test, target_os = "macos", windows))]
mod native;
mod pass;
mod private;
mod seal;
#[cfg(feature = "secret-service")]
mod secret_service;

pub use agent::{AgentError, serve as serve_agent};
pub use cache::{HotKey, SealedCache};
pub use file::{FileStore, KdfCost, Passphrase};
pub use holder::{AgentCommand, HolderChoice, HolderKind, Keyholder};
#[cfg(target_os = "linux")]
pub use kernel_store::KernelStore;
#[cfg(all(target_os = "linux", feature = "secret-service"))]
pub use logind::{LeaveReason, LoginManager, LogindError};
pub use memory::MemoryStore;
#[cfg(any(test, target_os = "macos", windows))]
pub use native::NativeStore;
pub use pass::PassStore;
pub use private::PrivateDir;
#[cfg(feature = "secret-service")]
pub use secret_service::SecretService;
