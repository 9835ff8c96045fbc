//! The sandbox as an HTTP server on loopback.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use postern_sandbox::{AccountError, AccountInfo, ImportError, OrganizationError, Scene, SceneError, World};
use postern_types::{AccountId, Timestamp};
use rand::{SeedableRng, rngs::StdRng, rngs::SysRng};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

mod admin;
mod blocking;
mod connection;
mod faults;
mod guard;
mod ready;
mod store;

pub use admin::Admin;
pub use blocking::BlockingSandbox;
pub use faults::{Cut, Faults, Weather, When};
pub use ready::credentials_file;

use store::Store;

/// What a sandbox is to be like.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where to listen: a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the state is kept between runs; none keeps it in memory only.
    pub state: Option<PathBuf>,
    /// Where to write endpoint, admin token and root keys once requests are taken.
    pub ready_file: Option<PathBuf>,
    /// Accounts that there are to be from the start.
    pub accounts: Vec<NewAccount>,
    /// A scene that is to be there: an account with people and a past. Its users' keys are written beside the ready
    /// file.
    pub scene: Option<Scene>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state: None,
            ready_file: None,
            accounts: Vec::new(),
            scene: None,
        }
    }
}

/// An account that is made at the start, or found if its id exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAccount {
    /// What to call it.
    pub name: Option<String>,
    /// Its id; none draws one.
    pub id: Option<AccountId>,
}

/// Why a sandbox does not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The sandbox hands out keys to whoever reaches it.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
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
    /// A file cannot be read or written.
    #[error("cannot {what} `{}`", path.display())]
    File {
        /// What was tried: `write`, `read`, `lock`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another sandbox uses the state.
    #[error("another sandbox keeps its state in `{}`", .0.display())]
    InUse(PathBuf),
    /// The kept state cannot be read.
    #[error("`{}` cannot be taken", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ImportError,
    },
    /// An account cannot be made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The scene cannot be played.
    #[error("the scene cannot be played")]
    Scene(#[from] SceneError),
    /// The account of the scene is there, and is none.
    #[error("account {0} is in the kept state already, and is not the scene's")]
    NoScene(AccountId),
    /// Accounts cannot be put into an organization.
    #[error(transparent)]
    Organization(#[from] OrganizationError),
    /// The thread or the runtime of a [`BlockingSandbox`] cannot be started, or has ended.
    #[error("the sandbox's thread does not run")]
    Thread,
}

/// What all connections share.
struct Shared {
    world: World,
    admin: Admin,
    /// The port that requests must name in `Host`.
    port: u16,
    faults: Faults,
}

/// A source of randomness of its own for each connection.
fn fresh_rng() -> Result<StdRng, ServeError> {
    StdRng::try_from_rng(&mut SysRng).map_err(|_| ServeError::Entropy)
}

/// Starts sandboxes.
pub struct SandboxServer;

impl SandboxServer {
    /// Starts a sandbox; it accepts requests when this returns, and the ready file is written.
    ///
    /// # Errors
    /// When the address is none of loopback or taken, or a file cannot be read or written.
    pub async fn start(config: SandboxConfig) -> Result<RunningSandbox, ServeError> {
        if !config.listen.ip().is_loopback() {
            return Err(ServeError::NotLoopback(config.listen));
        }
        let mut rng = fresh_rng()?;
        let world = World::new(&mut rng);
        let store = match config.state {
            None => None,
            Some(folder) => Some(Store::open(folder, &world)?),
        };
        if let Some(scene) = config.scene {
            // One that is in the kept state goes on; an account of another making cannot become one.
            let played = world.play(scene, Timestamp::now(), &mut rng)?;
            if !played && world.user_keys(scene.account()).is_empty() {
                return Err(ServeError::NoScene(scene.account()));
            }
        }
        for account in &config.accounts {
            world.create_account(account.id, account.name.as_deref(), Timestamp::now(), &mut rng)?;
        }
        let bind = |source| ServeError::Bind { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let endpoint = format!("http://{address}");
        let shared = Arc::new(Shared {
            world,
            admin: Admin::new(&endpoint, &mut rng),
            port: address.port(),
            faults: Faults::default(),
        });
        let (stop, stopped) = watch::channel(());
        let saver = store.map(|store| tokio::spawn(store.keep(Arc::clone(&shared), stopped.clone())));
        let server = tokio::spawn(connection::accept(listener, Arc::clone(&shared), stopped));
        let running = RunningSandbox { endpoint, shared, stop, server, saver };
        if let Some(path) = &config.ready_file {
            ready::write(path, &running, config.scene)?;
        }
        Ok(running)
    }
}

/// A sandbox that accepts requests. Dropping it ends it without grace; see [`Self::shutdown`].
pub struct RunningSandbox {
    endpoint: String,
    shared: Arc<Shared>,
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
    saver: Option<JoinHandle<Result<(), ServeError>>>,
}

impl RunningSandbox {
    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where the admin API is, and the token it wants.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.shared.admin
    }

    /// What is inside.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// Broken connections on demand, for tests of clients.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Makes an account, or finds it if the id exists.
    ///
    /// # Errors
    /// As [`World::create_account`]; when there is no randomness.
    pub fn create_account(
        &self,
        id: Option<AccountId>,
        name: Option<&str>,
    ) -> Result<AccountInfo, ServeError> {
        Ok(self.shared.world.create_account(id, name, Timestamp::now(), &mut fresh_rng()?)?)
    }

    /// Takes no more requests, lets those that run finish, writes the state, and ends.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn shutdown(mut self) -> Result<(), ServeError> {
        // Nobody listens any more if the server has ended already, which is what is wanted.
        let _ended = self.stop.send(());
        let _ended = (&mut self.server).await;
        match self.saver.take() {
            None => Ok(()),
            Some(saver) => saver.await.map_err(|_| ServeError::Thread)?,
        }
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
