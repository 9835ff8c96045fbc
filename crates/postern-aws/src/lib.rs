//! The one client of AWS: sessions, snapshots, the execution of plans, enrolment.
//!
//! Built on the AWS SDK for Rust, but never on its default chain: who asks, where and in which region is
//! said by the caller. What the environment and the files in `~/.aws` say is read by the caller too and
//! comes in as text ([`endpoint`], [`profile`]).
//!
//! Everything here blocks. [`Aws`] owns a runtime on the calling thread; where many accounts are read or
//! changed, that happens concurrently inside. None of it may be called from asynchronous code.

mod assume;
mod clock;
mod collect;
mod connection;
pub mod console;
pub mod enrol;
mod error;
pub mod execute;
mod holdings;
mod invite;
mod metadata;
mod network;
mod organizations;
mod patience;
pub mod raw;
mod rotate;
mod sts;
mod time;
mod together;
mod usage;

pub use assume::RoleCall;
pub use collect::{Progress, Reading, collect, identities, survey};
pub use connection::{Aws, Connection, Identity, Patience};
pub use error::{Answer, AwsError, Kind, Unreachable};
pub use metadata::MetadataError;
pub use network::{Network, NetworkError};
pub use organizations::{Denial, OrganizationDenyError, OrganizationScope};
pub use postern_broker::files::{
    endpoint::{self, Endpoint},
    profile,
};
pub use postern_types::Credentials;
pub use sts::StsClient;
pub use time::sts_url;
pub use usage::usage;
