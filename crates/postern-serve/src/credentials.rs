//! Credentials over HTTP, as a container's endpoint or an instance's metadata service gives them.
//!
//! Whoever can ask gets credentials, so a request passes these guards in this order: the user at the other
//! end of the connection, the name that it calls this server by, whether a browser sent it on behalf of a
//! page, and then the token of the dialect. Nothing is fetched for a request that fails one.

use std::{
    collections::BTreeSet,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use postern_broker::Issued;
use postern_types::{AccountId, Region};
use rand::{SeedableRng as _, rngs::StdRng, rngs::SysRng};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

mod connection;
mod document;
mod ecs;
mod flight;
mod guard;
mod imds;
mod peer;
mod token;

pub use ecs::path_of;

use flight::Flights;
use imds::ImdsTokens;
use token::Token;

/// Where the credentials of a target come from.
///
/// It may block, and is called on a thread where that harms nobody; of many requests for one target only
/// one calls it at a time.
pub trait CredentialSource: Send + Sync + 'static {
    /// Credentials that have some life left.
    ///
    /// # Errors
    /// When none can be had; whoever asked is shown why.
    fn credentials(&self, target: &str) -> Result<Issued, SourceError>;
}

/// Why there are no credentials, in words for whoever runs the program that asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What happened and what to do.
    pub message: String,
}

/// Which targets a container may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// These.
    Listed(BTreeSet<String>),
    /// Whatever the source knows.
    Any,
}

/// The instance that a metadata service makes believe in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// What the source is asked for.
    pub target: String,
    /// The name of the role, as the service lists it.
    pub role: String,
    /// Its account, where that is known.
    pub account: Option<AccountId>,
    /// Where it stands, if it stands anywhere.
    pub region: Option<Region>,
}

/// In which words credentials are asked for.
#[derive(Clone, Debug)]
enum Dialect {
    Ecs(Targets),
    Imds(Instance),
}

/// What an endpoint is to be like.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    listen: SocketAddr,
    dialect: Dialect,
    beyond_loopback: bool,
}

impl EndpointConfig {
    fn new(dialect: Dialect) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen, dialect, beyond_loopback: false }
    }

    /// A container's endpoint, for which `AWS_CONTAINER_CREDENTIALS_FULL_URI` is.
    #[must_use]
    pub fn ecs(targets: Targets) -> Self {
        Self::new(Dialect::Ecs(targets))
    }

    /// An instance's metadata service, for which `AWS_EC2_METADATA_SERVICE_ENDPOINT` is.
    #[must_use]
    pub fn imds(instance: Instance) -> Self {
        Self::new(Dialect::Imds(instance))
    }

    /// Where to listen: a loopback address; port 0 takes a free one.
    #[must_use]
    pub fn listening_on(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// Lets a container's endpoint listen on other addresses as well. Whoever reaches it there is known by
    /// the token alone, which crosses the network in the clear.
    #[must_use]
    pub fn dangerously_beyond_loopback(self) -> Self {
        Self { beyond_loopback: true, ..self }
    }

    fn check(&self) -> Result<(), EndpointError> {
        let imds = matches!(self.dialect, Dialect::Imds(_));
        if !self.listen.ip().is_loopback() && (imds || !self.beyond_loopback) {
            return Err(EndpointError::NotLoopback(self.listen));
        }
        // A metadata service gives its token to whoever asks: without this guard it has none.
        if imds && !peer::IS_KNOWN { Err(EndpointError::NoPeerCheck) } else { Ok(()) }
    }
}

/// Why an endpoint does not start.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It hands out credentials to whoever reaches it.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The user at the other end of a connection cannot be told on this system.
    #[error("this system does not tell which user opens a connection")]
    NoPeerCheck,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Entropy,
}

fn fresh_rng() -> Result<StdRng, EndpointError> {
    StdRng::try_from_rng(&mut SysRng).map_err(|_| EndpointError::Entropy)
}

/// A dialect with what it remembers.
enum Service {
    Ecs { targets: Targets, token: Token },
    Imds { instance: Instance, tokens: ImdsTokens },
}

/// What all connections share.
struct Shared {
    service: Service,
    flights: Flights,
}

/// Starts endpoints.
pub struct CredentialServer;

impl CredentialServer {
    /// Starts an endpoint inside a tokio runtime; it accepts requests when this returns.
    ///
    /// # Errors
    /// When the address will not do or is taken.
    pub async fn start(
        config: EndpointConfig,
        source: Arc<dyn CredentialSource>,
    ) -> Result<RunningEndpoint, EndpointError> {
        config.check()?;
        let bind = |source| EndpointError::Bind { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let service = match config.dialect {
            Dialect::Ecs(targets) => Service::Ecs { targets, token: Token::draw(&mut fresh_rng()?) },
            Dialect::Imds(instance) => Service::Imds { instance, tokens: ImdsTokens::default() },
        };
        let shared = Arc::new(Shared { service, flights: Flights::new(source) });
        let (stop, stopped) = watch::channel(());
        let server = tokio::spawn(connection::accept(listener, Arc::clone(&shared), stopped));
        Ok(RunningEndpoint { address, shared, stop, server })
    }
}

/// An endpoint that accepts requests. Dropping it ends it without grace; see [`Self::shutdown`].
pub struct RunningEndpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
}

impl fmt::Debug for RunningEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningEndpoint").field("address", &self.address).finish_non_exhaustive()
    }
}

impl RunningEndpoint {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token that a container must show; a metadata service has none of its own.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match &self.shared.service {
            Service::Ecs { token, .. } => Some(token.text()),
            Service::Imds { .. } => None,
        }
    }

    /// Takes no more requests, lets those that run finish, and ends.
    pub async fn shutdown(mut self) {
        // Nobody listens any more if the server has ended already, which is what is wanted.
        let _ended = self.stop.send(());
        let _ended = (&mut self.server).await;
    }
}

impl Drop for RunningEndpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}
