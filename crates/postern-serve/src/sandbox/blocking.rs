//! A sandbox in a thread of its own, for callers without a runtime: tests, the demo.

use std::{sync::mpsc, thread};

use postern_sandbox::{AccountInfo, OrganizationInfo, World};
use postern_types::AccountId;
use tokio::{runtime::Builder, sync::oneshot};

use super::{Admin, Faults, RunningSandbox, SandboxConfig, SandboxServer, ServeError, Shared};

/// A running sandbox with its own runtime. Dropping it ends it, with grace.
pub struct BlockingSandbox {
    endpoint: String,
    shared: std::sync::Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<Result<(), ServeError>>>,
}

impl BlockingSandbox {
    /// Starts a sandbox; it accepts requests when this returns.
    ///
    /// # Errors
    /// As [`SandboxServer::start`]; when no thread can be had.
    pub fn start(config: SandboxConfig) -> Result<Self, ServeError> {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.map_err(|_| ServeError::Thread)?;
            runtime.block_on(async move {
                let running = match SandboxServer::start(config).await {
                    Ok(running) => running,
                    Err(error) => {
                        // Whoever started the thread waits for this.
                        let _gone = tell.send(Err(error));
                        return Ok(());
                    }
                };
                let handle = (running.endpoint.clone(), std::sync::Arc::clone(&running.shared));
                if tell.send(Ok(handle)).is_ok() {
                    // Told to stop, or forgotten: both end it.
                    let _told = stopped.await;
                }
                RunningSandbox::shutdown(running).await
            })
        };
        let thread = thread::Builder::new().name("sandbox".to_owned()).spawn(run);
        let thread = thread.map_err(|_| ServeError::Thread)?;
        let (endpoint, shared) = told.recv().map_err(|_| ServeError::Thread)??;
        Ok(Self { endpoint, shared, stop: Some(stop), thread: Some(thread) })
    }

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

    /// What is inside: accounts, clocks, events, without HTTP.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// Broken connections on demand.
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
        let now = postern_types::Timestamp::now();
        Ok(self.shared.world.create_account(id, name, now, &mut super::fresh_rng()?)?)
    }

    /// Puts accounts into an organization of this management account.
    ///
    /// # Errors
    /// As [`World::create_organization`]; when there is no randomness.
    pub fn create_organization(
        &self,
        management: AccountId,
        members: &[AccountId],
    ) -> Result<OrganizationInfo, ServeError> {
        let now = postern_types::Timestamp::now();
        Ok(self.shared.world.create_organization(management, members, now, &mut super::fresh_rng()?)?)
    }

    /// Lets running requests finish, writes the state, and ends.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn shutdown(mut self) -> Result<(), ServeError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ServeError> {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended by itself.
            let _ended = stop.send(());
        }
        match self.thread.take() {
            None => Ok(()),
            Some(thread) => thread.join().map_err(|_| ServeError::Thread)?,
        }
    }
}

impl Drop for BlockingSandbox {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure; `shutdown` tells it.
        let _unheard = self.end();
    }
}
